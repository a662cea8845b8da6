"""Users' own titles and texts, in Jinja's sandbox made smaller still. Decides nothing about where they are shown.

The sandbox bounds neither time nor memory. So a template is taken apart before it is compiled: only nodes, filters
and tests named here are let through, no Python attribute is ever read, and loops, filters, `+` and `~` draw on a budget.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, islice
from typing import cast

import msgspec
from jinja2 import Template, TemplateError, TemplateSyntaxError, nodes, pass_context
from jinja2.runtime import Context, LoopContext, Undefined
from jinja2.sandbox import SandboxedEnvironment

from router.core.mrkdwn import clean
from router.core.template_filters import FILTERS, TemplateLimitError, add, text_of
from router.core.view import IncidentView, MessageTemplate

SOURCE_LENGTH = 4_000
SOURCE_TOKENS = 1_000
"""Blanks counted: some 20 ms of compiling."""
OUTPUT_LENGTH = 4_000
LOOP_TURNS = 1_000
WORK = 20_000
"""Nodes that may be evaluated, counting each again for each turn of a loop: some 20 ms."""
_VALUE_LENGTH = 2_000
"""Longer texts of senders are cut before a template sees them."""
_DEPTH = 30
_TESTS = ("defined", "undefined", "none", "string", "number", "odd", "even", "eq", "ne", "gt", "ge", "lt", "le", "in")
_METHODS = {"items": "items", "keys": "keys", "values": "values", "get": "get"}
_STRING_METHODS = {"upper": "upper", "lower": "lower", "strip": "trim", "startswith": "starts", "endswith": "ends"}
_LOOP_ATTRIBUTES = {"index", "index0", "revindex", "revindex0", "first", "last", "length"}
_BUDGET = "budget of work"
"""A name in the template's context that no template can write."""

_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign,
    nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.CondExpr,
    nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos,
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Filter, nodes.Test,
    nodes.List, nodes.Tuple, nodes.Keyword,
)  # fmt: skip
_HEAVY = (nodes.Filter, nodes.Compare, nodes.Add)
_RUN_ERRORS = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)


class Budget:
    """What one rendering may still spend."""

    def __init__(self) -> None:
        self.turns, self.work = LOOP_TURNS, WORK

    def spend(self, work: int, turns: int = 0) -> None:
        self.turns -= turns
        self.work -= work
        if self.turns < 0:
            raise TemplateLimitError(f"more than {LOOP_TURNS} loop turns")
        if self.work < 0:
            raise TemplateLimitError("too much work")


class _Environment(SandboxedEnvironment):
    """Attributes are keys of mappings and nothing else: there is no Python object to climb from."""

    intercepted_binops = frozenset({"+", "*", "%", "**"})

    def getattr(self, obj: object, attribute: str) -> object:
        if isinstance(obj, LoopContext) and attribute in _LOOP_ATTRIBUTES:
            value: object = getattr(obj, attribute)
            return value
        return self.getitem(obj, attribute)

    def getitem(self, obj: object, argument: object) -> object:
        if isinstance(obj, Mapping) and isinstance(argument, str):
            return obj[argument] if argument in obj else self.undefined(name=argument)
        if isinstance(obj, (str, list, tuple)) and isinstance(argument, int):
            return obj[argument] if -len(obj) <= argument < len(obj) else self.undefined(name=str(argument))
        return self.undefined(name=text_of(argument)[:80])

    def call_binop(self, context: Context, operator: str, left: object, right: object) -> object:  # noqa: ARG002  Jinja's
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return add(left, right)
        if not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
            raise TemplateLimitError(f"{operator} of something that is not a number")
        if abs(left) > 1e15 or abs(right) > 1e15:
            raise TemplateLimitError(f"{operator} of a number that large")
        if operator == "+":
            return left + right
        return left * right if operator == "*" else left % right


def _charge(context: Context) -> Budget:
    return cast("Budget", context.resolve(_BUDGET))


def _turns(context: Context, items: object, work: int) -> list[object]:
    """What a loop goes through, paid for in advance."""
    if not isinstance(items, (str, list, tuple, Mapping)):
        return []
    through: list[object] = list(islice(iter(items), LOOP_TURNS + 1))
    _charge(context).spend(len(through) * work, len(through))
    return through


def _paid(function: Callable[..., object]) -> Callable[..., object]:
    """A filter that is paid for by the length of what it is given."""

    def filtered(context: Context, value: object, *arguments: object, **named: object) -> object:
        size = len(value) if isinstance(value, (str, list, tuple, Mapping)) else 1
        _charge(context).spend(5 + size // 50)
        return function("" if isinstance(value, Undefined) else value, *arguments, **named)

    return pass_context(filtered)


def _environment() -> _Environment:
    environment = _Environment(autoescape=False, optimized=False, finalize=text_of)
    environment.globals.clear()
    environment.filters.clear()
    environment.filters.update({name: _paid(function) for name, function in FILTERS.items()})
    environment.filters["turns of a loop"] = pass_context(_turns)
    environment.tests = {name: environment.tests[name] for name in _TESTS}
    return environment


_ENVIRONMENT = _environment()


class Words(msgspec.Struct, frozen=True):
    """A user's own words about an incident. None: the built-in ones. `faults` is why, for whoever counts them."""

    title: str | None = None
    text: str | None = None
    faults: tuple[str, ...] = ()


_latest: list[tuple[IncidentView, Words]] = []
"""One rendering asks several times about the same view; a template is run once for it."""


def words_of(view: IncidentView) -> Words:
    """What the route's template says, unescaped: it passes through `mrkdwn` like any other text."""
    if view.template is None:
        return Words()
    if not _latest or _latest[0][0] is not view:
        _latest[:] = [(view, _words_of(view, view.template))]
    return _latest[0][1]


def _words_of(view: IncidentView, template: MessageTemplate) -> Words:
    title, text, faults = None, None, []
    if template.title:
        title, fault = render(template.title, view)
        faults += [f"title: {fault}"] * bool(fault)
    if template.text:
        text, fault = render(template.text, view)
        faults += [f"text: {fault}"] * bool(fault)
    return Words(title=title, text=text, faults=tuple(faults))


def render(template: str, view: IncidentView) -> tuple[str | None, str]:
    """A template's text, or None and why not. Nothing is raised, and little time passes, whatever the template is."""
    compiled = _compiled(template)
    if isinstance(compiled, str):
        return None, compiled
    budget = Budget()
    pieces, length = [], 0
    try:
        for piece in compiled.generate({**_scope(view), _BUDGET: budget}):
            length += len(piece)
            if length > OUTPUT_LENGTH:
                return None, f"more than {OUTPUT_LENGTH} characters"
            pieces.append(piece)
    except _RUN_ERRORS as error:
        return None, f"{type(error).__name__}: {error}"[:200]
    text = clean("".join(pieces), OUTPUT_LENGTH).strip()
    return (text, "") if text else (None, "empty")


def template_fault(template: str) -> str:
    """Why a template cannot be used, before any alert comes; "" when it can."""
    compiled = _compiled(template)
    return compiled if isinstance(compiled, str) else ""


@lru_cache(maxsize=512)
def _compiled(source: str) -> Template | str:
    if len(source) > SOURCE_LENGTH:
        return f"the template is longer than {SOURCE_LENGTH} characters"
    try:
        if reason := _too_much(source):
            return reason
        tree = _ENVIRONMENT.parse(source)
        _bounded(tree, 0)
        tree.set_environment(_ENVIRONMENT)
        return _ENVIRONMENT.from_string(tree)
    except TemplateSyntaxError as error:
        return f"line {error.lineno}: {error.message}"[:200]
    except (SyntaxError, RecursionError, MemoryError, ValueError, OverflowError):
        return "the template is nested too deeply, or no template"


def _too_much(source: str) -> str:
    """Why parsing would take too long; reading the signs is quick."""
    signs = [value for _, _, value in _ENVIRONMENT.lex(source)]
    if len(signs) > SOURCE_TOKENS:
        return f"the template has more than {SOURCE_TOKENS} words and signs"
    depths = accumulate((value in {"(", "[", "{"}) - (value in {")", "]", "}"}) for value in signs)
    return "the template has brackets nested too deeply" if max(depths, default=0) > _DEPTH else ""


def _bounded(node: nodes.Node, depth: int) -> int:
    """Refuse what is not named above, put bounds around the rest; answers what evaluating the node once costs."""
    if depth > _DEPTH:
        raise _refused(node, "nested too deeply")
    if not isinstance(node, _ALLOWED):
        raise _refused(node, f"{type(node).__name__.lower()} is not available in templates")
    if isinstance(node, nodes.Assign) and not isinstance(node.target, nodes.Name):
        raise _refused(node, "set takes one plain name")
    if isinstance(node, (nodes.List, nodes.Tuple)) and not _is_plain(node):
        raise _refused(node, "a list may only hold constants")
    if isinstance(node, nodes.Filter) and (node.name not in FILTERS or node.dyn_args or node.dyn_kwargs):
        raise _refused(node, f"no filter {node.name!r} in templates")
    if isinstance(node, nodes.Test) and node.name not in _TESTS:
        raise _refused(node, f"no test {node.name!r} in templates")
    if isinstance(node, nodes.For) and node.recursive:
        raise _refused(node, "recursive loops are not available in templates")
    for field, value in node.iter_fields():
        if isinstance(value, nodes.Node):
            setattr(node, field, _without_calls(value))
        elif isinstance(value, list):
            setattr(node, field, [_without_calls(item) if isinstance(item, nodes.Node) else item for item in value])
    if not isinstance(node, nodes.For):
        return (5 if isinstance(node, _HEAVY) else 1) + sum(
            _bounded(child, depth + 1) for child in node.iter_child_nodes()
        )
    outside = _bounded(node.iter, depth + 1) + _bounded(node.target, depth + 1)
    inside = 2 + sum(
        _bounded(child, depth + 1) for child in (*node.body, *node.else_, *([node.test] if node.test else []))
    )
    node.iter = _filter(node.iter, "turns of a loop", [nodes.Const(inside, lineno=node.lineno)])
    return outside + inside


def _without_calls(node: nodes.Node) -> nodes.Node:
    """Calls are those few that everybody writes, `labels.items()` and the like: they become filters. `~` does too."""
    if isinstance(node, nodes.Concat):
        first, *rest = node.nodes
        return _filter(first, "concat", rest)
    if not isinstance(node, nodes.Call) or node.dyn_args or node.dyn_kwargs or node.kwargs:
        return node
    method = node.node
    if not isinstance(method, nodes.Getattr) or method.attr not in {*_METHODS, *_STRING_METHODS}:
        raise _refused(node, "nothing can be called in templates but items, keys, values, get and a few of strings")
    return _filter(method.node, {**_METHODS, **_STRING_METHODS}[method.attr], node.args)


def _filter(value: nodes.Node, name: str, arguments: Sequence[nodes.Expr]) -> nodes.Filter:
    return nodes.Filter(value, name, [*arguments], [], None, None, lineno=value.lineno)


def _is_plain(node: nodes.List | nodes.Tuple) -> bool:
    is_target = isinstance(node, nodes.Tuple) and node.ctx == "store"
    return all(isinstance(item, nodes.Name if is_target else nodes.Const) for item in node.items)


def _refused(node: nodes.Node, reason: str) -> TemplateError:
    return TemplateSyntaxError(reason, node.lineno)


def _scope(view: IncidentView) -> dict[str, object]:
    """What a template sees. Plain data only, each text cut."""
    return {
        "labels": _texts({**view.common_labels, **view.group_labels}),
        "annotations": _texts(view.annotations),
        "group_labels": _texts(view.group_labels),
        "common_labels": _texts(view.common_labels),
        "alerts": [
            {
                "title": _text(alert.title),
                "severity": alert.severity.value,
                "labels": _texts({**view.common_labels, **alert.differs}),
                "started_at": f"{alert.starts_at:%Y-%m-%d %H:%M} UTC",
                "url": _text(alert.url),
            }
            for alert in view.alerts[:100]
        ],
        "severity": view.severity.value,
        "title": _text(view.title),
        "name": _text(view.name),
        "summary": _text(view.summary),
        "number": view.number,
        "firing": view.firing,
        "count": view.firing + view.ended,
        "state": view.state.value,
        "started_at": f"{view.started_at:%Y-%m-%d %H:%M} UTC",
        "route": _text(view.route),
        "sources": [_text(source) for source in view.sources[:100]],
    }


def _texts(pairs: Mapping[str, str]) -> dict[str, str]:
    some: Iterable[tuple[str, str]] = islice(pairs.items(), 200)
    return {_text(name): _text(value) for name, value in some}


def _text(text: str) -> str:
    return clean(text, _VALUE_LENGTH)[:_VALUE_LENGTH]
