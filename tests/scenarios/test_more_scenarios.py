"""The other half of the stories."""

import pytest

from tests.scenarios.story import Story
from tests.scenarios.test_scenarios import STORIES, play


@pytest.mark.parametrize("story", STORIES[1::2], ids=lambda story: story.name)
def test_story(story: Story) -> None:
    play(story)
