"""Templates that fill one field of a mapping, bounded by what they may contain. Not the templates of messages.

Jinja's sandbox bounds neither time nor memory: `'a' * 500000000` and nested ranges block a process. Here the syntax
itself is a short list: values, filters, tests, comparison, arithmetic and conditions. Without loops, assignments, calls
and macros the work is bounded by the template's own length; operators and filters refuse results over 4,000 characters.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.sandbox import SandboxedEnvironment

from adapters.text import written

MAX_CHARACTERS = 4_000
_MAX_NUMBER = 1e15


class TemplateError(ValueError):
    """A template is refused, or came to nothing with these values."""


_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem,
    nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr, nodes.If,
    nodes.Concat, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos,
    nodes.List, nodes.Tuple, nodes.Keyword,
)  # fmt: skip
_TESTS = frozenset(
    {"defined", "undefined", "none", "string", "number", "mapping", "sequence", "boolean", "in", "eq", "ne"}
)


class Template:
    """One compiled template."""

    __slots__ = ("_template", "source")

    def __init__(self, source: str) -> None:
        """Raises TemplateError, which says what is not allowed and on which line."""
        if len(source) > MAX_CHARACTERS:
            raise TemplateError(f"a template of {len(source)} characters: at most {MAX_CHARACTERS}")
        try:
            _check(_ENVIRONMENT.parse(source))
            self._template = _ENVIRONMENT.from_string(source)
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError(f"line {error.lineno}: {error.message}") from None
        except (RecursionError, SyntaxError, MemoryError):  # the last two are Python's, of the code that Jinja makes
            raise TemplateError("nested too deep") from None
        self.source = source

    def render(self, values: Mapping[str, object]) -> str:
        """The text; what is missing is empty. Raises TemplateError."""
        try:
            text = self._template.render({name: _bounded(value) for name, value in values.items()})
        except (
            jinja2.TemplateError,
            TypeError,
            ValueError,
            ArithmeticError,
            RecursionError,
            LookupError,
            AttributeError,
        ) as error:
            raise TemplateError(str(error)) from None
        return text[:MAX_CHARACTERS]


def _check(tree: nodes.Template) -> None:
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, (*_ALLOWED, nodes.EvalContextModifier)):
            raise TemplateError(f"line {node.lineno}: {type(node).__name__.lower()} is not available in a mapping")
        if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
            raise TemplateError(f"line {node.lineno}: no filter {node.name!r}; there are {', '.join(sorted(_FILTERS))}")
        if isinstance(node, nodes.Test) and node.name not in _TESTS:
            raise TemplateError(f"line {node.lineno}: no test {node.name!r}; there are {', '.join(sorted(_TESTS))}")


def _bounded(value: object) -> object:
    """Text at its bound, so that neither filters nor operators can multiply something large."""
    return value[:MAX_CHARACTERS] if isinstance(value, str) else value


def _text(value: object) -> str:
    return written(None if isinstance(value, jinja2.Undefined) else value)[:MAX_CHARACTERS]


def _number(value: object) -> float | int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _MAX_NUMBER:
        raise TemplateError(f"{_text(value)[:40]!r} is no number to calculate with")
    return value


class _Environment(SandboxedEnvironment):
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic is for numbers; + also joins texts."""
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return (left + right)[:MAX_CHARACTERS]
        return super().call_binop(context, operator, _number(left), _number(right))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Keys of the sender's JSON only: `host.name` is never a method of text."""
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Mapping) and argument in obj:
            return _bounded(obj[argument])
        if isinstance(obj, list) and isinstance(argument, int) and -len(obj) <= argument < len(obj):
            return _bounded(obj[argument])
        return self.undefined(obj=obj, name=str(argument))


def _default(value: object, other: object = "", boolean: bool = False) -> object:
    is_missing = isinstance(value, jinja2.Undefined) or value is None or (boolean and not value)
    return other if is_missing else value


def _join(value: object, separator: object = ", ") -> str:
    parts, size = [], 0
    for item in value if isinstance(value, list) else [value]:
        parts.append(_text(item))
        size += len(parts[-1])
        if size > MAX_CHARACTERS:
            break
    return _text(separator)[:40].join(parts)[:MAX_CHARACTERS]


def _replace(value: object, old: object, new: object) -> str:
    target = _text(old)
    if not target:
        raise TemplateError("replace needs a text to look for")
    return _text(value).replace(target, _text(new)[:40])[:MAX_CHARACTERS]


def _item(index: int) -> Callable[[object], object]:
    def pick(value: object) -> object:
        return _bounded(value[index]) if isinstance(value, list | str) and value else ""

    return pick


def _truncate(value: object, length: int = 255) -> str:
    text = _text(value)
    return text if len(text) <= length else text[: max(length - 1, 0)] + "…"


def _finite(value: object) -> float:
    number = float(_text(value))
    if not math.isfinite(number):
        raise TemplateError(f"{_text(value)[:40]!r} is no number to calculate with")
    return number


def _round(value: object, digits: int = 0) -> float:
    return round(_finite(value), min(max(int(digits), 0), 15))


_FILTERS: dict[str, Callable[..., object]] = {
    "default": _default,
    "d": _default,
    "first": _item(0),
    "float": _finite,
    "int": lambda value: int(_finite(value)),
    "join": _join,
    "last": _item(-1),
    "length": lambda value: len(value) if isinstance(value, list | str | Mapping) else 0,
    "lower": lambda value: _text(value).lower(),
    "replace": _replace,
    "round": _round,
    "string": _text,
    "title": lambda value: _text(value).title(),
    "trim": lambda value: _text(value).strip(),
    "truncate": _truncate,
    "upper": lambda value: _text(value).upper(),
}

_ENVIRONMENT = _Environment(
    undefined=jinja2.ChainableUndefined,
    autoescape=False,
    finalize=_text,
    cache_size=0,
    optimized=False,  # it calculates constants beforehand, and writes what is no literal (infinity) as a name
)
_ENVIRONMENT.filters = _FILTERS
_ENVIRONMENT.globals = {}
