"""Silences: what a person says at run time is not to be heard of for a while, and what becomes of one that is made, changed
or ended. Alertmanager's rules and words, with limits of our own. Pure.
"""

import re
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from adapters.alert import Severity
from rules.language.times import said
from rules.model.matcher import Matcher, written
from rules.model.suppression import LabelSuppressor, SuppressionKind

MOST_MATCHERS = 100
MOST_CHARACTERS = 16_384
"""Of all that one silence says."""
MOST_OPEN = 10_000
"""Silences that have not ended."""


class SilenceState(StrEnum):
    """As Alertmanager names them."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"


class SilenceError(ValueError):
    """It is not made; the text says what was wrong, for whoever asked for it."""


class UnknownSilenceError(LookupError):
    """There is no silence of this id, or it is so long over that it is forgotten."""


def id_of(text: str) -> str:
    """A silence's id as it is stored, however its letters are written; "" for what can be none."""
    return text.lower() if _ID.fullmatch(text) else ""


_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


class Silence(msgspec.Struct, frozen=True):
    """As it is kept. An instant is a whole millisecond."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    """Exclusive: then it holds nothing back any more."""
    created_by: str
    comment: str
    created_at: datetime
    updated_at: datetime
    remind_at: datetime | None = None
    """When its author is told that it ends soon."""

    def state(self, now: datetime) -> SilenceState:
        if now >= self.ends_at:
            return SilenceState.EXPIRED
        return SilenceState.PENDING if now < self.starts_at else SilenceState.ACTIVE

    @property
    def suppressor(self) -> LabelSuppressor:
        return LabelSuppressor(
            SuppressionKind.SILENCE,
            self.id,
            self.matchers,
            self.starts_at,
            self.ends_at,
            reason=self.comment,
            author=self.created_by,
        )


class Wanted(msgspec.Struct, frozen=True):
    """What somebody asks for. With an `id` a silence that there is becomes this."""

    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str
    id: str = ""
    is_forced: bool = False
    """Even one that holds back every alert there may be."""


class Limits(msgspec.Struct, frozen=True):
    """What may be asked for."""

    longest: timedelta | None = None
    """From its beginning, or from now, to its end; None: as long as one likes."""
    remind: timedelta | None = None
    """How long before the end its author is told; None: not at all."""


class Changed(msgspec.Struct, frozen=True):
    """What is to be written."""

    made: Silence
    """New, or the stored one as it is from now on."""
    ended: Silence | None = None
    """What it takes the place of, as that is from now on."""


def change(wanted: Wanted, stored: Silence | None, fresh_id: str, now: datetime, limits: Limits) -> Changed:
    """A silence that is made, or changed where its meaning allows it; else the stored one ends now and another begins.
    `stored`: the one of `wanted.id`. Raises SilenceError."""
    starts_at = max(wanted.starts_at, now)
    same = stored is not None and _goes_on(wanted, stored, now)
    if stored is not None and same and stored.starts_at <= now:
        starts_at = stored.starts_at
    _check(wanted, stored if same else None, starts_at, now, limits)
    made = Silence(
        id=stored.id if stored is not None and same else fresh_id,
        matchers=wanted.matchers,
        starts_at=starts_at,
        ends_at=wanted.ends_at,
        created_by=wanted.created_by,
        comment=wanted.comment,
        created_at=stored.created_at if stored is not None and same else now,
        updated_at=now,
        remind_at=_remind_at(starts_at, wanted.ends_at, now, limits),
    )
    if stored is None or same or stored.state(now) is SilenceState.EXPIRED:
        return Changed(made)
    return Changed(made, ended(stored, now))


def ended(silence: Silence, now: datetime) -> Silence:
    """Ended now; one that has not begun never does."""
    if silence.state(now) is SilenceState.EXPIRED:
        return silence
    starts_at = min(silence.starts_at, now)
    return msgspec.structs.replace(silence, starts_at=starts_at, ends_at=now, updated_at=now, remind_at=None)


def _goes_on(wanted: Wanted, stored: Silence, now: datetime) -> bool:
    """Whether the stored one can become this one: it holds the same alerts back, and what has begun has begun then."""
    if _sorted(wanted.matchers) != _sorted(stored.matchers):
        return False
    match stored.state(now):
        case SilenceState.ACTIVE:
            is_same_second = wanted.starts_at.replace(microsecond=0) == stored.starts_at.replace(microsecond=0)
            return is_same_second and wanted.ends_at >= now
        case SilenceState.PENDING:
            return wanted.starts_at >= now
        case SilenceState.EXPIRED:
            return False


def _sorted(matchers: tuple[Matcher, ...]) -> list[tuple[str, str, str]]:
    return sorted((one.name, one.op.value, one.value) for one in matchers)


def _check(wanted: Wanted, stored: Silence | None, starts_at: datetime, now: datetime, limits: Limits) -> None:
    if wanted.starts_at >= wanted.ends_at:
        raise SilenceError("start time must be before end time")
    if wanted.ends_at <= now:
        raise SilenceError("end time can't be in the past")
    if not wanted.matchers:
        raise SilenceError("at least one matcher required")
    if len(wanted.matchers) > MOST_MATCHERS:
        raise SilenceError(f"{len(wanted.matchers)} matchers; at most {MOST_MATCHERS} are possible")
    if all(one.matches({}) for one in wanted.matchers):
        raise SilenceError("at least one matcher must not match the empty string")
    if not wanted.created_by.strip():
        raise SilenceError("creator information missing")
    characters = sum(len(one.name) + len(one.value) for one in wanted.matchers)
    characters += len(wanted.created_by) + len(wanted.comment)
    if characters > MOST_CHARACTERS:
        raise SilenceError(f"it says {characters} characters; at most {MOST_CHARACTERS} are possible")
    if limits.longest is not None and wanted.ends_at - starts_at > limits.longest:
        allowed = f"silences.max allows {said(limits.longest)}"
        lasts = wanted.ends_at - max(starts_at, now)  # what passed since it was asked for is nobody's concern
        raise SilenceError(f"it would last {said(timedelta(minutes=round(lasts / timedelta(minutes=1))))}; {allowed}")
    if stored is None and not wanted.is_forced and holds_everything(wanted.matchers):
        raise SilenceError(
            f"{written(wanted.matchers)} holds back whatever alert there may be; force it if that is meant"
            " (?force=true, or alert-router silence add --force)"
        )


_PROBES = ("q", "zzz-nobody-0", "7", "a b/c.d", "10.1.2.3:9100")
_SEVERITIES = tuple(severity.value for severity in Severity)


def holds_everything(matchers: tuple[Matcher, ...]) -> bool:
    """Whether each of them takes any value that its label may have, as `alertname =~ ".+"` does."""
    return all(
        all(one.matches({one.name: value}) for value in (_SEVERITIES if one.name == "alert.severity" else _PROBES))
        for one in matchers
    )


def _remind_at(starts_at: datetime, ends_at: datetime, now: datetime, limits: Limits) -> datetime | None:
    """None where it is as short as the time for which its author is told before: they remember."""
    if limits.remind is None or ends_at - starts_at <= limits.remind:
        return None
    at = ends_at - limits.remind
    return at if at > now else None
