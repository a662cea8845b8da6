"""What `render` prints is what the engine sends: the direct message of one and of the other, block by block."""

from typing import Any

import msgspec
import pytest

from adapters.alert import Severity
from router.commands.rendered import rendered
from tests.machines.stage import START, Stage, alert
from tests.rules.reading import HEAD, accepted

RULES = """
people: {maria: {email: maria@example.com}, lead: {email: lead@example.com}}
oncall: {db: {rotation: {people: [maria], every: 1w, handoff: mon 09:00, starts: 2026-10-05}}}
escalation: {db: {steps: [{oncall: db}, {after: 10m, person: lead}]}}
routing: {channel: "#db", group_wait: 0s, page: PAGE}
"""


@pytest.mark.parametrize("page", ["db", "maria"])
def test_the_direct_message_is_that_which_is_sent(page: str) -> None:
    rules = RULES.replace("PAGE", page)
    draft = alert("Down", 1, since=START, severity=Severity.CRITICAL)
    configuration = msgspec.structs.replace(accepted(HEAD + rules), name="machine")
    [told] = rendered(configuration, "prometheus", [draft.alert()], None, START)
    assert told.direct is not None
    stage = Stage(rules)
    try:
        stage.run(stage.sim.take("prometheus", "prometheus", [draft]))
        [sent] = stage.world.direct("maria").messages
        channel = stage.world.channel("#db").id
    finally:
        stage.close()
    assert plain(sent.text, channel) == told.direct.text
    assert plain(sent.blocks, channel) == plain(told.direct.blocks, channel)
    assert plain([bar["blocks"] for bar in sent.attachments], channel) == plain(
        [bar["blocks"] for bar in told.direct.attachments], channel
    )


def plain(value: Any, channel: str) -> Any:
    """A channel's link as its name: whoever renders knows no ids."""
    return msgspec.json.decode(msgspec.json.encode(value).replace(f"<#{channel}>".encode(), b"#db"))
