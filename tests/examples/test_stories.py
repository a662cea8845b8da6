"""The examples as they sound: every story beside this file is played on the example it names."""

import asyncio
from pathlib import Path

import pytest

from tests.emptystore import folder_with
from tests.examples.reading import NAMES
from tests.scenarios.player import Player
from tests.scenarios.story import Story, stories

STORIES = stories(Path(__file__).parent)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_an_example_sounds_as_its_story_says(story: Story) -> None:
    with folder_with("story.db") as folder:
        asyncio.run(_play(story, folder))


async def _play(story: Story, folder: Path) -> None:
    await Player(story, folder).play()


def test_every_example_has_a_story() -> None:
    told = {Path(story.rules).parent.name for story in STORIES}
    assert told == set(NAMES)
