"""Whom a message mentions, as the preview counts sounds."""

from router.core.render.blocks import mentioned, section


def test_people_are_found_once_each_in_order() -> None:
    blocks = [section("<@U2> and <@U1>"), section("<@U2> again, not <#C1> or <!date^1^x|y>")]
    assert mentioned(blocks) == ["U2", "U1"]
    assert mentioned([]) == []
