"""TELLING.md's table as stories that an SRE could have written; every file beside this one is played."""

from pathlib import Path

import pytest

from tests.scenarios.player import Player
from tests.scenarios.story import Story, stories

STORIES = stories(Path(__file__).parent)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
async def test_story(story: Story, tmp_path: Path) -> None:
    await Player(story, tmp_path).play()


def test_the_table_is_covered() -> None:
    assert len(STORIES) >= 25
    assert len({story.name for story in STORIES}) == len(STORIES)
