"""Cost follows the change: no statement that the engine runs while it works reads a growing table from end to end.

The statements are those of every fifth scenario. A start, a reload and a step of the clock may look at everything once.
"""

import asyncio
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event

from tests.emptystore import folder_with
from tests.scenarios.player import Player
from tests.scenarios.story import Story, stories
from tests.store.plans import scans
from tests.store.stores import store

STORIES = stories(Path(__file__).parents[1] / "scenarios")
LOOK_AT_EVERYTHING = {"reload", "restart", "clock"}


def is_daily_work(story: Story) -> bool:
    return not any(act in LOOK_AT_EVERYTHING for step in story.steps for act, _ in step.acts)


class Recorder:
    """Every statement of every engine in this process, by its text, with the parameters of its last run."""

    def __init__(self) -> None:
        self.seen: dict[str, Any] = {}

    def __call__(self, _: Any, __: Any, text: str, parameters: Any, ___: Any, is_many: bool) -> None:
        self.seen[text] = parameters[0] if is_many else parameters


async def play(story: Story, folder: Path, recorder: Recorder) -> None:
    player = Player(story, folder)
    engine = player.sim.engine.database._engine
    start = player.sim.start

    async def started() -> None:
        await start()
        event.listen(engine, "before_cursor_execute", recorder)

    player.sim.start = started  # type: ignore[method-assign]
    await player.play()


def test_no_statement_of_daily_work_reads_a_growing_table_from_end_to_end() -> None:
    recorder = Recorder()
    played = [story for story in STORIES if is_daily_work(story)][::5]
    assert len(played) > 25
    for story in played:
        with folder_with("story.db") as folder:
            asyncio.run(play(story, folder, recorder))
    assert len(recorder.seen) > 100
    with store() as conn:
        assert scans(conn, recorder.seen) == []


def test_the_recorder_sees_statements() -> None:
    recorder, engine = Recorder(), create_engine("sqlite://")
    assert isinstance(engine, Engine)
    event.listen(engine, "before_cursor_execute", recorder)
    with engine.connect() as conn:
        conn.exec_driver_sql("SELECT 1")
    engine.dispose()
    assert "SELECT 1" in recorder.seen
