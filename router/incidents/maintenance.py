"""What a maintenance that begins, or ends, changes: every firing alert is held against those under way, part by part.

Until that is done nobody is evaluated, so that nobody is notified of what is suppressed already.
"""

import hashlib
from datetime import datetime
from functools import partial

import msgspec
from sqlalchemy import Connection

from router.core.member import Member, visible
from router.runtime.clock import to_ms
from router.store.intake import sweep
from router.store.intake.sweep import Progress
from rules.model.ruleset import RuleSet
from rules.model.suppression import Maintenance


def step(conn: Connection, now: datetime, ruleset: RuleSet) -> bool:
    """One part. Returns whether there is more to be done."""
    wanted = _name(ruleset.maintenance_at(now))
    progress = sweep.progress(conn)
    if progress.alert and progress.under_way != wanted:
        progress = Progress(sweep.UNKNOWN)  # some were held against others than the rest
    if progress.finished == wanted:
        return False
    has_begun = not _entries(wanted) <= _entries(progress.finished)
    after_this = sweep.examine(
        conn,
        partial(_maintenance_of, ruleset=ruleset, now=now),
        to_ms(now),
        after=progress.alert,
        only_suppressed=not has_begun,
    )
    if after_this is None:
        sweep.note(conn, Progress(wanted))
    else:
        sweep.note(conn, Progress(progress.finished, wanted, after_this))
    return after_this is not None


def _maintenance_of(member: Member, ruleset: RuleSet, now: datetime) -> str:
    held = ruleset.maintenance_suppression(visible(member), now)
    return "" if held is None else held.name


def _name(entries: tuple[Maintenance, ...]) -> str:
    """A set of entries by what each holds, until when."""
    return " ".join(sorted({_digest(entry) for entry in entries}))


def _entries(name: str) -> set[str]:
    return set(name.split())


def _digest(entry: Maintenance) -> str:
    matchers = [(one.name, one.op.value, one.value) for one in entry.match]
    document = msgspec.json.encode((entry.name, matchers, entry.ends), order="deterministic")
    return hashlib.blake2b(document, digest_size=8).hexdigest()
