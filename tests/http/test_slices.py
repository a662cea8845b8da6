"""A long request takes its turns of the loop in slices, and many long ones take them one after the other.

Nothing is timed: the clock is one that each unit of work moves on, and what is counted is the work between two turns.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from adapters.alert import Alert, Severity, Status
from router.intake.intake import SLICE, SLICE_SECONDS
from tests.http import service as stand_in
from tests.http.service import StandIn

AT = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


class Work:
    """What was done, in order; each unit takes a millisecond of the clock's."""

    def __init__(self, service: StandIn) -> None:
        self._service = service
        self.units = 0

    def do(self) -> None:
        self.units += 1
        self._service.virtual.move_to(self._service.virtual.now() + timedelta(milliseconds=1))


class Slow:
    """A draft that takes a unit of work to be brought to normal form."""

    key = 0

    def __init__(self, work: Work, number: int) -> None:
        self._work, self._number = work, number

    def alert(self) -> Alert:
        self._work.do()
        return Alert(
            f"{self._number:016x}", "Slow", "Slow", "", Severity.LOW, Status.FIRING, {"n": str(self._number)}, {}
        )


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[StandIn]:
    made = StandIn(tmp_path, stand_in.OPEN)
    await made.simulation.start()
    yield made
    await made.simulation.close()


async def longest_stretch(service: StandIn, work: Work, requests: Sequence[Sequence[Slow]]) -> int:
    """Units of work between two turns of a neighbour that wants every one."""
    turns = [work.units]
    is_over = False

    async def neighbour() -> None:
        while not is_over:
            turns.append(work.units)
            await asyncio.sleep(0)

    watching = asyncio.create_task(neighbour())
    take = service.engine.intake.take
    await asyncio.gather(*(take("shell", "shell", drafts, AT) for drafts in requests))
    is_over = True
    await watching
    return max(after - before for before, after in pairwise(turns))


async def test_a_request_of_slow_items_gives_way_by_time_and_not_by_their_number(service: StandIn) -> None:
    work = Work(service)
    stretch = await longest_stretch(service, work, [[Slow(work, number) for number in range(200)]])
    assert work.units == 200
    assert stretch <= SLICE_SECONDS * 1000 + 1 < SLICE


async def test_many_long_requests_keep_a_neighbour_waiting_no_longer_than_one_does(service: StandIn) -> None:
    work = Work(service)
    many = [[Slow(work, 1_000 * request + number) for number in range(60)] for request in range(10)]
    asking = []
    for drafts in many:  # each comes in a turn of its own, as requests do
        asking.append(asyncio.ensure_future(service.engine.intake.take("shell", "shell", drafts, AT)))
        await asyncio.sleep(0)
    turns = [work.units]
    while not all(one.done() for one in asking):
        await asyncio.sleep(0)
        turns.append(work.units)
    assert work.units == 600
    assert max(after - before for before, after in pairwise(turns)) <= SLICE_SECONDS * 1000 + 1
