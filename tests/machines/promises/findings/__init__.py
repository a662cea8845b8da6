"""Short stories, each of a promise that was once broken, in the fewest steps that show it.

A story is a function; its first sentence is the promise. It is named by the letter and number it had on the list of what
was found (E by a model of the promises, U by a new user's day), and a word where one number has several stories.
`NOT_YET` in `test_findings` lists those that are still broken.
"""

from collections.abc import Callable

Story = Callable[[], None]
STORIES: dict[str, Story] = {}


def story(name: str) -> Callable[[Story], Story]:
    def register(played: Story) -> Story:
        if name in STORIES:
            raise ValueError(f"two stories are called {name}")
        STORIES[name] = played
        return played

    return register
