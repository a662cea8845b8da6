"""Group commit: changes that wait when the writer comes to them share a transaction, and who sent them hears of theirs.

The writer itself takes up what waits, at the moment its turn comes: so it works on one transaction while the loop brings
the next one's alerts to normal form.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from router.core.order import Verdict
from router.runtime.metrics import Metrics
from router.store.database import Database
from router.store.intake.apply import Applied
from router.store.intake.change import Change

log = logging.getLogger(__name__)

COMMIT_ROWS = 1_000
COMMIT_ROWS_SHARED = 250
"""At most so many while dispatch or delivery waits for the writer."""

Verdicts = asyncio.Future[list[Verdict]]
"""One for each change of a request, once all of them are committed. Raises NotCommittedError."""


class NotCommittedError(RuntimeError):
    """The database did not take it; nothing of this request may be called accepted."""


class _Request:
    """Changes that came together. Longer ones are committed piece by piece."""

    __slots__ = ("future", "pieces_left", "verdicts")

    def __init__(self, future: Verdicts, pieces: int) -> None:
        self.future, self.pieces_left = future, pieces
        self.verdicts: list[Verdict] = []


class _Piece:
    __slots__ = ("changes", "request")

    def __init__(self, request: _Request, changes: Sequence[Change]) -> None:
        self.request, self.changes = request, changes


class _Commit:
    """One transaction: what it took up, and whether its fault may be that of one piece alone."""

    __slots__ = ("is_tried_again", "pieces")

    def __init__(self) -> None:
        self.pieces: list[_Piece] = []
        self.is_tried_again = False


class GroupCommit:
    """`apply` writes changes within a transaction; `then` hears of those that stand, on the writer, before the next one.
    `on_commit` is called on the loop after each, however it ended."""

    def __init__(
        self,
        database: Database,
        metrics: Metrics,
        *,
        apply: Callable[[Connection, Sequence[Change]], Applied],
        then: Callable[[Applied], None],
        on_commit: Callable[[], None],
    ) -> None:
        self._database, self._metrics = database, metrics
        self._apply, self._then, self._on_commit = apply, then, on_commit
        self._lock = threading.Lock()
        """Of the three below: the loop puts, the writer takes."""
        self._pieces: deque[_Piece] = deque()
        self._alone: deque[_Piece] = deque()
        """They shared a transaction that their data, or that of one of them, made fail."""
        self._is_begun = False
        """A transaction is queued that has not taken up anything yet."""
        self._settling: set[asyncio.Task[None]] = set()
        self.waiting_rows = 0
        self.commits = 0
        self.failures = 0
        """Transactions that took alerts, and requests that were not taken."""

    def put(self, changes: Sequence[Change], future: Verdicts) -> None:
        """Commit them soon, and answer by the future."""
        parts = [changes[start : start + COMMIT_ROWS] for start in range(0, len(changes), COMMIT_ROWS)]
        request = _Request(future, len(parts))
        with self._lock:
            self._pieces.extend(_Piece(request, part) for part in parts)
        self.waiting_rows += len(changes)
        self._begin()

    async def drain(self) -> None:
        """Wait until everything that was put is committed or refused."""
        while self._settling:
            await asyncio.wait(self._settling)

    def _begin(self) -> None:
        with self._lock:
            if self._is_begun or not (self._pieces or self._alone):
                return
            self._is_begun = True
        commit = _Commit()
        applied = self._database.write_bulk(lambda conn: self._take_and_apply(conn, commit), then=self._then)
        task = asyncio.get_running_loop().create_task(self._settle(commit, applied))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    def _take_and_apply(self, conn: Connection, commit: _Commit) -> Applied:
        """On the writer."""
        self._take_up(commit)
        try:
            return self._apply(conn, [change for piece in commit.pieces for change in piece.changes])
        except DBAPIError:
            if len(commit.pieces) > 1:  # the data of one request must not fail its neighbours
                commit.is_tried_again = True
                with self._lock:
                    self._alone.extend(commit.pieces)
            raise

    def _take_up(self, commit: _Commit) -> None:
        """What waits now is this transaction's; also of one that failed before it could begin."""
        with self._lock:
            if not commit.pieces:
                self._is_begun = False
                commit.pieces = self._take()

    def _take(self) -> list[_Piece]:
        if self._alone:
            return [self._alone.popleft()]
        most = COMMIT_ROWS_SHARED if self._database.has_urgent else COMMIT_ROWS
        taken = [self._pieces.popleft()]
        rows = len(taken[0].changes)
        while self._pieces and rows + len(self._pieces[0].changes) <= most:
            taken.append(self._pieces.popleft())
            rows += len(taken[-1].changes)
        return taken

    async def _settle(self, commit: _Commit, applied: Awaitable[Applied]) -> None:
        try:
            verdicts = iter((await applied).verdicts)
        except Exception as error:  # the top of this task: whoever waits must be told
            self._take_up(commit)
            self._begin()
            if not commit.is_tried_again:
                log.exception(
                    "a batch was not committed", extra={"alerts": sum(len(one.changes) for one in commit.pieces)}
                )
                self._fail(commit.pieces, error)
        else:
            self._begin()
            self.commits += 1
            self._succeed(commit.pieces, verdicts)
        self._on_commit()

    def _succeed(self, pieces: Sequence[_Piece], verdicts: Iterable[Verdict]) -> None:
        following = iter(verdicts)
        for piece in pieces:
            request = piece.request
            self.waiting_rows -= len(piece.changes)
            request.pieces_left -= 1
            request.verdicts += [next(following) for _ in piece.changes]
            if not request.pieces_left and not request.future.done():
                request.future.set_result(request.verdicts)

    def _fail(self, pieces: Sequence[_Piece], error: Exception) -> None:
        if not isinstance(error, DBAPIError):
            self._metrics.add("alert_router_loop_errors", ("ingest",))
        for piece in pieces:
            self.waiting_rows -= len(piece.changes)
            if not piece.request.future.done():
                self.failures += 1
                piece.request.future.set_exception(NotCommittedError(str(error)))
                piece.request.future.exception()  # who asked may have gone; that is no fault of the loop's
