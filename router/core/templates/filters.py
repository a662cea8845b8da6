"""The filters that users' templates may use: our own, since several of Jinja's build texts without bound. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import re2

from router.core.templates.values import LONGEST, Ago, Link, TemplateLimitError, bounded, text_of
from rules.model.matcher import compiled, regex_options

_PATTERN, _PROGRAM = 200, 300
"""Characters of a regular expression, and RE2's instructions for it."""
_SEARCHED, _REPLACED = 1_000, 100
"""Characters of a text that is searched, and places in it that are replaced: together below 30 ms, whatever the
expression is."""
_GROUP = re.compile(r"\$(\d)")
_DATE_WORDS = re.compile(r"[^%]|%[aAbBdHIjmMpSyYZz%]")
_STEPS = 1_000, 1_024
_UNITS = ("", "k", "M", "G", "T", "P"), (" B", " KiB", " MiB", " GiB", " TiB", " PiB")


def add(left: str, right: str) -> str:
    return bounded(left + right)


def _concat(value: object, *others: object) -> str:
    return bounded("".join(text_of(part) for part in (value, *others)))


def _items(value: object) -> list[tuple[object, object]]:
    return sorted(value.items()) if isinstance(value, Mapping) else []


def _keys(value: object) -> list[object]:
    return [key for key, _ in _items(value)]


def _values(value: object) -> list[object]:
    return [item for _, item in _items(value)]


def _get(value: object, key: object = "", default: object = "") -> object:
    return value.get(key, default) if isinstance(value, Mapping) and isinstance(key, str) else default


def _listed(value: object) -> list[object]:
    return list(value)[:1_000] if isinstance(value, (list, tuple, Mapping)) else []


def _join(value: object, separator: object = "") -> str:
    glue, text = text_of(separator), ""
    for number, item in enumerate(_listed(value)):
        text = bounded(text + (glue if number else "") + text_of(item))
    return text


def _replace(value: object, old: object = "", new: object = "") -> str:
    text, before, after = text_of(value), text_of(old), text_of(new)
    if len(text) + text.count(before) * len(after) > LONGEST:
        raise TemplateLimitError(f"a text longer than {LONGEST} characters")
    return text.replace(before, after)


def _truncate(value: object, length: object = 255) -> str:
    text, kept = text_of(value), max(_int(length), 1)
    return text if len(text) <= kept else text[: kept - 1] + "…"


def _default(value: object, other: object = "", _also_false: object = None) -> object:
    return value if value not in ("", None) else other


def _length(value: object) -> int:
    return len(value) if isinstance(value, (str, list, tuple, Mapping)) else 0


def _first(value: object) -> object:
    return value[0] if isinstance(value, (str, list, tuple)) and value else ""


def _last(value: object) -> object:
    return value[-1] if isinstance(value, (str, list, tuple)) and value else ""


def _sort(value: object) -> list[object]:
    return sorted(_listed(value), key=text_of)


def _unique(value: object) -> list[object]:
    return list({text_of(item): item for item in _listed(value)}.values())


def _int(value: object) -> int:
    return int(_float(value))


def _float(value: object) -> float:
    text = text_of(value)[:40]
    try:
        number = float(text)
    except ValueError:
        return 0.0
    return number if abs(number) <= 1e15 else 0.0


def _round(value: object, precision: object = 0) -> float | int:
    digits = min(max(_int(precision), 0), 6)
    return round(_float(value), digits) if digits else round(_float(value))


def _mapped(value: object, attribute: object = "") -> list[object]:
    """One field of each item, as `labels.instance`."""
    path = text_of(attribute).split(".")[:5]
    found = []
    for item in _listed(value):
        for name in path:
            item = _get(item, name)  # noqa: PLW2901  one step further into it
        found.append(item)
    return found


def _date(value: object, form: object = "%Y-%m-%d %H:%M %Z", zone: object = "UTC") -> str:
    if not isinstance(value, datetime):
        return ""
    if fault := date_fault([form, zone]):
        raise TemplateLimitError(fault)
    return value.astimezone(ZoneInfo(text_of(zone))).strftime(text_of(form))


def date_fault(arguments: Sequence[object]) -> str:
    """What is wrong with the form or the zone of a date; "" if nothing is."""
    form, zone = [*map(text_of, arguments), *("%H", "UTC")[len(arguments) :]][:2]
    if len(form) > 100 or "".join(_DATE_WORDS.findall(form)) != form:
        return f"date of {form[:60]!r}: no such form"
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"date in {zone[:60]!r}: no such time zone"
    return ""


def _ago(value: object) -> object:
    return Ago(value) if isinstance(value, datetime) else ""


def _duration(value: object) -> object:
    """Of a number of seconds."""
    return value if isinstance(value, timedelta) else timedelta(seconds=max(min(_float(value), 1e10), 0))


def _link(value: object, label: object = "") -> Link:
    url = text_of(value)
    return Link(url, text_of(label) or url)


def _scaled(value: object, scale: int) -> str:
    """To three digits, with the unit that keeps the number short."""
    number, unit = _float(value), 0
    while abs(number) >= _STEPS[scale] and unit < len(_UNITS[scale]) - 1:
        number /= _STEPS[scale]
        unit += 1
    size = abs(number)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2
    return (f"{round(number, digits):g}" if size >= 1 else f"{number:.3g}") + _UNITS[scale][unit]


def _matches(value: object, pattern: object = "") -> bool:
    """As a matcher's =~: RE2, the whole value."""
    if fault := regex_fault([pattern]):
        raise TemplateLimitError(fault)
    return compiled(text_of(pattern)).fullmatch(text_of(value).encode()) is not None


def _regex_replace(value: object, pattern: object = "", new: object = "") -> str:
    """RE2, everywhere in the value; `$1` is what the first brackets took."""
    if fault := regex_fault([pattern]):
        raise TemplateLimitError(fault)
    text, put = text_of(value), text_of(new)
    if len(text) > _SEARCHED:
        raise TemplateLimitError(f"regex_replace in more than {_SEARCHED} characters")
    pieces, position = [], 0
    for number, found in enumerate(_searching(text_of(pattern)).finditer(text)):
        if number == _REPLACED:
            raise TemplateLimitError(f"regex_replace of more than {_REPLACED} places")
        groups = (found.group(0), *found.groups(), *[""] * 9)
        pieces += [text[position : found.start()], *_put(put, groups)]
        position = found.end()
    return bounded("".join([*pieces, text[position:]]))


def _put(new: str, groups: Sequence[str | None]) -> list[str]:
    """What replaces one place."""
    parts = _GROUP.split(new)
    return [(groups[int(part)] or "") if number % 2 else part for number, part in enumerate(parts)]


def regex_fault(arguments: Sequence[object]) -> str:
    """What is wrong with a regular expression; "" if nothing is."""
    pattern = text_of(arguments[0]) if arguments else ""
    if len(pattern) > _PATTERN:
        return f"a regular expression of more than {_PATTERN} characters"
    try:
        size = _searching(pattern).programsize
    except re2.error as error:
        said = error.args[0].decode(errors="replace")
        return f"not a regular expression that RE2 takes: {pattern[:60]!r} ({said})"
    return f"a regular expression that is too large: {pattern[:60]!r}" if size > _PROGRAM else ""


@lru_cache(maxsize=256)
def _searching(pattern: str) -> Any:
    """Knows what brackets take, unlike a matcher's."""
    options = regex_options()
    options.never_capture = False
    return re2.compile(pattern, options)


ARGUMENTS: Mapping[str, Callable[[Sequence[object]], str]] = {
    "date": date_fault,
    "matches": regex_fault,
    "regex_replace": regex_fault,
}
"""What is wrong with the arguments of a filter, as far as it can be seen before an alert comes."""

FILTERS: Mapping[str, Callable[..., object]] = {
    "abs": lambda value: abs(_float(value)),
    "ago": _ago,
    "bytes": lambda value: _scaled(value, 1),
    "capitalize": lambda value: text_of(value).capitalize(),
    "concat": _concat,
    "count": _length,
    "d": _default,
    "date": _date,
    "default": _default,
    "duration": _duration,
    "ends": lambda value, end="": text_of(value).endswith(text_of(end)),
    "first": _first,
    "float": _float,
    "get": _get,
    "humanize": lambda value: _scaled(value, 0),
    "int": _int,
    "items": _items,
    "join": _join,
    "keys": _keys,
    "last": _last,
    "length": _length,
    "link": _link,
    "list": _listed,
    "lower": lambda value: text_of(value).lower(),
    "map": _mapped,
    "matches": _matches,
    "percent": lambda value: f"{_float(value) * 100:.4g} %",
    "regex_replace": _regex_replace,
    "replace": _replace,
    "round": _round,
    "sort": _sort,
    "starts": lambda value, start="": text_of(value).startswith(text_of(start)),
    "string": text_of,
    "title": lambda value: text_of(value).title(),
    "trim": lambda value: text_of(value).strip(),
    "truncate": _truncate,
    "unique": _unique,
    "upper": lambda value: text_of(value).upper(),
    "values": _values,
}
