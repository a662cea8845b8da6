"""The filters that users' templates may use: our own, since several of Jinja's build texts without bound. Pure."""

from collections.abc import Callable, Mapping

from jinja2 import TemplateError

LONGEST = 4_000
"""Of any text that a template makes on its way."""


class TemplateLimitError(TemplateError):
    """A template asks for more than it may have. Never worth trying again with the same template."""


def text_of(value: object) -> str:
    """How a value reads: texts, numbers, and lists of them. Mappings and Python's own objects have no reading."""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)):
        return bounded(", ".join(text_of(item) for item in value[:100]))
    return str(value) if isinstance(value, (int, float)) else ""


def bounded(text: str) -> str:
    if len(text) > LONGEST:
        raise TemplateLimitError(f"a text longer than {LONGEST} characters")
    return text


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


FILTERS: Mapping[str, Callable[..., object]] = {
    "abs": lambda value: abs(_float(value)),
    "capitalize": lambda value: text_of(value).capitalize(),
    "concat": _concat,
    "count": _length,
    "d": _default,
    "default": _default,
    "ends": lambda value, end="": text_of(value).endswith(text_of(end)),
    "first": _first,
    "float": _float,
    "get": _get,
    "int": _int,
    "items": _items,
    "join": _join,
    "keys": _keys,
    "last": _last,
    "length": _length,
    "list": _listed,
    "lower": lambda value: text_of(value).lower(),
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
