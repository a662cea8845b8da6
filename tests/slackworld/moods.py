"""Slack's weather: what happens to one call instead of a plain answer. Scripted call by call, or drawn from a seed."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Says(StrEnum):
    """What the caller sees."""

    ANSWER = "answer"
    """What Slack would say without any mood."""
    STATUS = "status"
    """An HTTP status, with `body`."""
    REFUSAL = "refusal"
    """200, ok: false, `error`."""
    RESET = "reset"
    """The connection is dropped."""
    SILENCE = "silence"
    """No answer, until the caller gives up."""
    UNREACHABLE = "unreachable"
    """No connection at all. Over HTTP it is a reset: the fake listens."""


class Does(StrEnum):
    """What becomes of the call."""

    NOTHING = "nothing"
    IT = "it"
    IT_LATER = "it_later"


@dataclass(frozen=True)
class Mood:
    says: Says = Says.ANSWER
    does: Does = Does.IT
    after: timedelta = timedelta(0)
    """IT_LATER: until the effect. ANSWER: until the answer."""
    status: int = 200
    error: str = ""
    retry_after: str | None = None
    body: str = ""
    content_type: str = "application/json; charset=utf-8"


FINE = Mood()
RESET_BEFORE = Mood(Says.RESET, Does.NOTHING)
RESET_AFTER = Mood(Says.RESET, Does.IT)
STALL = Mood(Says.SILENCE, Does.NOTHING)
STALL_APPLIED = Mood(Says.SILENCE, Does.IT)
UNREACHABLE = Mood(Says.UNREACHABLE, Does.NOTHING)


def ratelimit(retry_after: str | int | None = 2) -> Mood:
    """429; the method stays blocked for as long as a number says. Junk and None are sent as they are."""
    header = None if retry_after is None else str(retry_after)
    return Mood(Says.STATUS, Does.NOTHING, status=429, retry_after=header, body='{"ok":false,"error":"ratelimited"}')


def status(code: int, *, applied: bool = False, body: str = "") -> Mood:
    return Mood(Says.STATUS, Does.IT if applied else Does.NOTHING, status=code, body=body, content_type="text/html")


def html(code: int = 200, *, applied: bool = False, lies: bool = False) -> Mood:
    """A page where JSON should be; `lies`: labelled as JSON all the same."""
    return Mood(
        Says.STATUS,
        Does.IT if applied else Does.NOTHING,
        status=code,
        body="<html><body>Something went wrong</body></html>",
        content_type="application/json" if lies else "text/html",
    )


def refuse(error: str, *, applied: bool = False) -> Mood:
    return Mood(Says.REFUSAL, Does.IT if applied else Does.NOTHING, error=error)


def slow(seconds: float) -> Mood:
    return Mood(Says.ANSWER, Does.IT, after=timedelta(seconds=seconds))


def late(seconds: float, *, stalls: bool = False) -> Mood:
    """The connection is dropped (or nothing is answered), and the effect comes this much later."""
    return Mood(Says.SILENCE if stalls else Says.RESET, Does.IT_LATER, after=timedelta(seconds=seconds))


def foul(seed: int, *, share: float = 0.3, of: Sequence[Mood] = ()) -> Callable[[], Mood]:
    """Weather from a seed: `share` of the calls meet one of the moods, the same ones for the same seed."""
    choices = tuple(of) or (
        ratelimit(1),
        status(500),
        status(500, applied=True),
        status(503),
        html(),
        html(502, applied=True),
        RESET_BEFORE,
        RESET_AFTER,
        STALL,
        STALL_APPLIED,
        late(8),
        late(25, stalls=True),
        refuse("internal_error"),
        refuse("fatal_error", applied=True),
        UNREACHABLE,
    )
    drawn = 0

    def draw() -> Mood:
        nonlocal drawn
        drawn += 1
        digest = hashlib.blake2b(f"{seed}:{drawn}".encode(), digest_size=8).digest()
        if int.from_bytes(digest[:4]) / 2**32 >= share:
            return FINE
        return choices[int.from_bytes(digest[4:]) % len(choices)]

    return draw


@dataclass
class Script:
    """Moods for chosen calls, first match first; then the weather, if any."""

    lines: list[tuple[Mood, str, str, int | None]] = field(default_factory=list)
    """(mood, method or "", conversation id or "", times left or None for ever)."""
    weather: Callable[[], Mood] | None = None

    def next(self, method: str, conversation: str) -> Mood:
        for index, (mood, only_method, only_conversation, times) in enumerate(self.lines):
            if only_method in {"", method} and only_conversation in {"", conversation}:
                if times == 1:
                    del self.lines[index]
                elif times is not None:
                    self.lines[index] = (mood, only_method, only_conversation, times - 1)
                return mood
        return self.weather() if self.weather else FINE
