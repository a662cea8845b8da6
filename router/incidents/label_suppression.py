"""What a maintenance or a silence that begins, or ends, changes: every firing alert is held against those in force, part by
part.

Until that is done nobody is evaluated, within reason, so that nobody is notified of what is suppressed already.
"""

from datetime import datetime

import msgspec
from sqlalchemy import Connection

from router.store.intake import sweep
from router.store.intake.sweep import ENDS, Progress
from rules.model.suppression import LabelSuppressor, SuppressorsInForce


def step(conn: Connection, now: datetime, in_force: SuppressorsInForce, before: SuppressorsInForce | None) -> bool:
    """One part. Returns whether there is more to be done. `before`: what every alert was held against the last time that
    all of it was done, if that is known; then what has only ended costs what it held, not what fires."""
    progress, wanted = sweep.progress(conn), in_force.digest
    if progress.under_way is None and progress.finished == wanted:
        return False
    if before is not None and before.digest != progress.finished:
        before = None
    if progress.under_way is None:
        has_begun = before is None or bool(_said(in_force) - _said(before))
        progress = Progress(progress.finished, wanted, 0 if has_begun else ENDS)
    elif progress.under_way != wanted or (progress.alert == ENDS and before is None):
        at = max(progress.alert, 0)
        progress = Progress(progress.finished, wanted, at, since=at)
    progress = _further(conn, now, in_force, before, progress)
    sweep.note(conn, progress)
    return progress.under_way is not None


def _further(
    conn: Connection,
    now: datetime,
    in_force: SuppressorsInForce,
    before: SuppressorsInForce | None,
    progress: Progress,
) -> Progress:
    done = Progress(in_force.digest)
    if progress.alert == ENDS:
        gone = set() if before is None else before.keys - in_force.keys
        return progress if sweep.let_go(conn, gone, in_force, now) else done
    after = sweep.examine(conn, in_force, now, progress.alert)
    if after is None:
        if progress.since == 0 or progress.is_round:
            return done
        return msgspec.structs.replace(progress, alert=0, is_round=True)
    if progress.is_round and after >= progress.since:
        return done
    return msgspec.structs.replace(progress, alert=after)


def _said(in_force: SuppressorsInForce) -> set[LabelSuppressor]:
    return set(in_force.entries)
