"""When a change of the files is acted upon: seen twice alike, tried once."""

from datetime import UTC, datetime

from router.service.config_watcher import LOOK_EVERY, ConfigWatcher
from router.service.simulate import VirtualClock

START = datetime(2026, 11, 2, 12, tzinfo=UTC)


class Disk:
    """What lies there, what was read last, and how often a reload was asked for."""

    def __init__(self) -> None:
        self.clock = VirtualClock(START)
        self.lies = self.was_read = "one"
        self.reloads = 0
        self.is_on = True
        self.watch = ConfigWatcher(
            self.clock, is_on=lambda: self.is_on, read=lambda: self.was_read, look=self._look, reload=self._reload
        )

    async def _look(self) -> str:
        return self.lies

    async def _reload(self) -> None:
        self.reloads += 1
        self.was_read = self.lies

    async def turns(self, count: int) -> int:
        for _ in range(count):
            await self.watch.turn()
        return self.reloads


async def test_it_looks_every_few_seconds_and_reloads_nothing_while_nothing_changes() -> None:
    disk = Disk()
    assert await disk.turns(5) == 0
    assert disk.clock.now() == START + 5 * LOOK_EVERY


async def test_a_change_is_loaded_once_it_was_seen_twice() -> None:
    disk = Disk()
    await disk.turns(2)
    disk.lies = "half"
    assert await disk.turns(1) == 0
    disk.lies = "two"
    assert await disk.turns(1) == 0
    assert await disk.turns(1) == 1
    assert await disk.turns(5) == 1


async def test_what_was_refused_is_not_tried_again_until_it_changes_and_what_was_not_committed_is() -> None:
    disk = Disk()
    disk.lies = "refused"
    assert await disk.turns(9) == 1
    disk.was_read = ""  # the database did not take it
    assert await disk.turns(1) == 2
    disk.lies = "one"
    assert await disk.turns(3) == 3


async def test_without_rules_files_nothing_is_watched() -> None:
    disk = Disk()
    disk.is_on = False
    disk.lies = "two"
    assert await disk.turns(5) == 0
