"""Every story of a promise that was once broken. Who mends one takes its name out of `NOT_YET`."""

import pytest

from tests.machines.promises.findings import STORIES, clocks, holding, loudness, waiting, weather, words
from tests.machines.promises.not_yet import BOOKS_NOT_YET, CHECKS_NOT_YET, FEATURES_NOT_YET
from tests.machines.promises.site import Broken

READ = (clocks, holding, loudness, waiting, weather, words)
"""Stories are known once their module is read."""
NOT_YET: set[str] = set()
"""Still broken. Strict: one that holds after all fails here until its name is taken out."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.xfail(raises=Broken, strict=True)] if name in NOT_YET else [])
        for name in STORIES
    ],
)
def test_finding(name: str) -> None:
    STORIES[name]()


def test_what_is_not_yet_is_a_story() -> None:
    assert set(STORIES) >= NOT_YET


@pytest.mark.parametrize("left_out", [CHECKS_NOT_YET, FEATURES_NOT_YET, BOOKS_NOT_YET])
def test_the_machine_leaves_out_what_stories_still_break(left_out: dict[str, str]) -> None:
    """So that with the last story of a number mended the machine is held to it, too."""
    broken = {name.partition("-")[0] for name in NOT_YET}
    assert {name: why for name, why in left_out.items() if not broken & set(why.split(", "))} == {}
