"""What is notified, and how loud, as stories that an SRE could have written; every file beside this one is played.

Half of them here, half in `test_more_scenarios`: a file is one worker's, and together they take longest of all.
"""

import asyncio
from pathlib import Path

import pytest

from tests.emptystore import folder_with
from tests.scenarios.player import Player
from tests.scenarios.story import Story, stories

STORIES = stories(Path(__file__).parent)


@pytest.mark.parametrize("story", STORIES[::2], ids=lambda story: story.name)
def test_story(story: Story) -> None:
    play(story)


def play(story: Story) -> None:
    """From its first step to its last."""
    with folder_with("story.db") as folder:
        asyncio.run(_played(story, folder))


async def _played(story: Story, folder: Path) -> None:
    await Player(story, folder).play()


def test_the_table_is_covered() -> None:
    assert len(STORIES) >= 25
    assert len({story.name for story in STORIES}) == len(STORIES)
