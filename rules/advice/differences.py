"""What differs between two values of one thing, old → new, in few words. Knows no kind of thing by name."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import Enum

import msgspec

from rules.language.times import said
from rules.model.configuration import EnvSecret, FileSecret
from rules.model.matcher import Matcher, written
from rules.model.route import FromCatalog, FromLabel
from rules.model.window import NamedWindow, Span

MOST = 8
"""So many differences of one thing are listed."""
_LONGEST = 80


def differences(before: object, after: object) -> str:
    """As "every: 1d → 1w, handoff_minute: 540 → 600"; "" where nothing that can be put in words differs."""
    found = list(_differing(before, after, ""))
    more = f" and {len(found) - MOST} more" if len(found) > MOST else ""
    return ", ".join(found[:MOST]) + more


def _differing(before: object, after: object, path: str) -> Iterator[str]:
    if before == after:
        return
    if isinstance(before, NamedWindow) and isinstance(after, NamedWindow) and before.name == after.name:
        before, after = before.window, after.window
    if isinstance(before, msgspec.Struct) and type(before) is type(after) and _shown(before) is None:
        for field in before.__struct_fields__:
            below = f"{path}.{field}" if path else field
            yield from _differing(getattr(before, field), getattr(after, field), below)
        return
    old, new = _shown(before), _shown(after)
    if isinstance(before, tuple) and isinstance(after, tuple) and len(before) == len(after) and None in (old, new):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _differing(one, other, f"{path}[{number}]" if len(before) > 1 else path)
        return
    name = f"{path}: " if path else ""
    yield path or "it" if old is None or new is None else f"{name}{old} → {new}"


def _shown(value: object) -> str | None:
    """None: it takes more than a few words."""
    match value:
        case None | "" | ():
            return "none"
        case Enum():
            return str(value.value)
        case bool():
            return str(value).lower()
        case str() | int() | float():
            return _short(str(value))
        case timedelta():
            return said(value)
        case datetime():
            return f"{value:%Y-%m-%d %H:%M %Z}"
        case Span():
            return f"{_clock(value.start)}-{_clock(value.end)}"
        case EnvSecret():
            return f"{{env: {value.name}}}"
        case FileSecret():
            return f"{{file: {value.path}}}"
        case NamedWindow():
            return value.name
        case FromCatalog() | FromLabel():
            return str(value)
        case tuple() if all(isinstance(one, Matcher) for one in value):
            return _short(written(value))
        case tuple():
            parts = [_shown(one) for one in value]
            return None if None in parts else _short(f"[{', '.join(part for part in parts if part)}]")
        case _:
            return None


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
