"""Group commit: who shares a transaction, whom a fault harms, and that the writer takes up what waits by itself."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select

from router.core.order import Verdict
from router.intake.group_commit import COMMIT_ROWS, COMMIT_ROWS_SHARED, GroupCommit, NotCommittedError
from router.runtime.metrics import Metrics
from router.service.simulate import VirtualClock
from router.store.database import Database
from router.store.intake.apply import Applied
from router.store.intake.change import Change
from router.store.tables import source
from tests.store.intake import change
from tests.store.stores import NOW


class Stage:
    """A database into whose table of sources each change writes its instance's name: twice the same is refused."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path, VirtualClock(NOW), Metrics())
        self.group_commit = GroupCommit(
            self.database, Metrics(), apply=self._apply, then=self._stands, on_commit=self._committed
        )
        self.shared: list[list[str]] = []
        """The names of each transaction that was begun."""
        self.stood: list[int] = []
        self.nudges = 0

    def _apply(self, conn: Connection, changes: Sequence[Change]) -> Applied:
        self.shared.append([one.name for one in changes])
        for one in changes:
            conn.execute(insert(source).values(name=one.name, heard_at=NOW))
        return Applied([Verdict.APPLY if one.is_firing else Verdict.STALE for one in changes], [], [])

    def _stands(self, applied: Applied) -> None:
        self.stood.append(len(applied.verdicts))

    def _committed(self) -> None:
        self.nudges += 1

    def put(self, *names: str, is_firing: bool = True) -> asyncio.Future[list[Verdict]]:
        future: asyncio.Future[list[Verdict]] = asyncio.get_running_loop().create_future()
        self.group_commit.put([change(name=name, is_firing=is_firing) for name in names], future)
        return future

    @asynccontextmanager
    async def busy(self) -> AsyncIterator[None]:
        """The writer works on something else meanwhile."""
        has_begun, may_go_on = threading.Event(), threading.Event()

        def hold(_: Connection) -> None:
            has_begun.set()
            may_go_on.wait()

        holding = self.database.write(hold)
        task = asyncio.ensure_future(holding)
        await asyncio.to_thread(has_begun.wait)
        yield
        may_go_on.set()
        await task

    async def kept(self) -> set[str]:
        return set(await self.database.read(lambda conn: conn.execute(select(source.c.name)).scalars().all()))


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(tmp_path / "a.db")
    yield stage
    await stage.group_commit.drain()
    await stage.database.close()


async def test_what_waits_when_the_writer_comes_shares_a_transaction(stage: Stage) -> None:
    async with stage.busy():
        answers = [stage.put("a", "b"), stage.put("c", is_firing=False), stage.put("d")]
        assert stage.group_commit.waiting_rows == 4
    assert await asyncio.gather(*answers) == [[Verdict.APPLY, Verdict.APPLY], [Verdict.STALE], [Verdict.APPLY]]
    assert stage.shared == [["a", "b", "c", "d"]]
    assert (stage.stood, stage.group_commit.commits, stage.group_commit.waiting_rows) == ([4], 1, 0)


async def test_it_is_queued_at_once_and_what_comes_while_it_runs_is_the_next(stage: Stage) -> None:
    first = stage.put("a")
    assert await first == [Verdict.APPLY]
    second = stage.put("b")
    assert await second == [Verdict.APPLY]
    await stage.group_commit.drain()
    assert (stage.shared, stage.nudges) == ([["a"], ["b"]], 2)


async def test_the_data_of_one_request_harms_no_neighbour_and_the_order_stays(stage: Stage) -> None:
    async with stage.busy():
        answers = [stage.put("a"), stage.put("b", "b"), stage.put("c")]
    later = stage.put("d")
    outcomes = await asyncio.gather(*answers, later, return_exceptions=True)
    assert [type(one) for one in outcomes] == [list, NotCommittedError, list, list]
    assert await stage.kept() == {"a", "c", "d"}
    tried = stage.shared.index(["b", "b"])
    assert stage.shared[tried - 1 : tried + 2] == [["a"], ["b", "b"], ["c"]]
    written = [name for names in stage.shared for name in names][::-1]
    assert written.index("a") > written.index("c") > written.index("d")
    assert (stage.group_commit.failures, stage.group_commit.waiting_rows) == (1, 0)


async def test_a_long_request_is_committed_in_pieces_and_answered_once(stage: Stage) -> None:
    names = [f"n{number}" for number in range(2 * COMMIT_ROWS + 5)]
    assert await stage.put(*names) == [Verdict.APPLY] * len(names)
    assert [len(one) for one in stage.shared] == [COMMIT_ROWS, COMMIT_ROWS, 5]
    assert [name for one in stage.shared for name in one] == names


async def test_a_request_of_which_a_piece_is_refused_is_not_called_accepted(stage: Stage) -> None:
    names = [f"n{number}" for number in range(COMMIT_ROWS)]
    with pytest.raises(NotCommittedError):
        await stage.put(*names, "n0")
    await stage.group_commit.drain()
    assert (stage.group_commit.failures, stage.group_commit.waiting_rows) == (1, 0)


async def test_transactions_are_short_while_something_else_waits(stage: Stage) -> None:
    async with stage.busy():
        answers = [stage.put(*(f"{request}-{number}" for number in range(100))) for request in range(5)]
        other = asyncio.ensure_future(stage.database.write(lambda _: None))
        await asyncio.sleep(0)
    await asyncio.gather(*answers, other)
    assert len(stage.shared[0]) <= COMMIT_ROWS_SHARED
    assert sum(len(one) for one in stage.shared) == 500


async def test_who_asked_may_be_gone(stage: Stage) -> None:
    async with stage.busy():
        gone, stays = stage.put("a"), stage.put("b")
        gone.cancel()
    assert await stays == [Verdict.APPLY]
    assert await stage.kept() == {"a", "b"}


async def test_a_transaction_that_cannot_even_begin_is_answered(stage: Stage) -> None:
    await stage.put("first")
    stage.database.path.rename(stage.database.path.with_name("elsewhere.db"))
    for name in ("a", "b"):
        with pytest.raises(NotCommittedError):
            await stage.put(name)
    stage.database.path.with_name("elsewhere.db").rename(stage.database.path)
    assert await stage.put("c") == [Verdict.APPLY]
    assert (await stage.kept(), stage.group_commit.failures, stage.group_commit.waiting_rows) == ({"first", "c"}, 2, 0)
