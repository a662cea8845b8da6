"""Jinja's sandbox made smaller still: what may stand in a template, and what rendering one may cost.

The sandbox bounds neither time nor memory. So a template is taken apart before it is compiled: only names, nodes,
filters and tests named here are let through, no Python attribute is ever read, and loops, filters, `+` and `~` draw on
a budget. What a template sees is `template_scope.py`'s business.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import accumulate, islice
from typing import cast

from jinja2 import Template, TemplateSyntaxError, nodes, pass_context
from jinja2.runtime import Context, LoopContext, Undefined
from jinja2.sandbox import SandboxedEnvironment

from router.core.templates.filters import ARGUMENTS, FILTERS, add
from router.core.templates.scope import NAMES
from router.core.templates.values import Ago, Link, Marks, TemplateLimitError, size_of, text_of
from rules.language.shape import close_to
from rules.language.templates import TemplateFault

SOURCE_LENGTH = 4_000
SOURCE_TOKENS = 1_000
"""Blanks counted: some 20 ms of compiling."""
LOOP_TURNS = 1_000
WORK = 20_000
"""Nodes that may be evaluated, counting each again for each turn of a loop: some 20 ms."""
_DEPTH = 30
_TESTS = ("defined", "undefined", "none", "string", "number", "odd", "even", "eq", "ne", "gt", "ge", "lt", "le", "in")
_METHODS = {"items": "items", "keys": "keys", "values": "values", "get": "get"}
_STRING_METHODS = {"upper": "upper", "lower": "lower", "strip": "trim", "startswith": "starts", "endswith": "ends"}
_WITH_EXPRESSION = ("matches", "regex_replace")
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
_COSTS: Mapping[str, tuple[int, float]] = {
    "date": (40, 0.02),
    "map": (5, 1),
    "matches": (10, 1),
    "regex_replace": (50, 10),
}
"""Of a filter: once, and for each character or item. Others cost (5, 0.02)."""


class RefusedError(TemplateSyntaxError):
    """Something that may not stand in a template, and what may."""

    def __init__(self, node: nodes.Node, reason: str, *, expected: str = "", hint: str = "") -> None:
        super().__init__(reason, node.lineno)
        self.expected, self.hint = expected, hint


class Budget:
    """What one rendering may still spend, and the marks it has put."""

    def __init__(self, marks: Marks) -> None:
        self.turns, self.work = LOOP_TURNS, WORK
        self.marks = marks

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


def _paid(name: str, function: Callable[..., object]) -> Callable[..., object]:
    """A filter that is paid for by the length of what it is given."""
    once, each = _COSTS.get(name, (5, 0.02))

    def filtered(context: Context, value: object, *arguments: object, **named: object) -> object:
        _charge(context).spend(once + int(size_of(value) * each))
        return function("" if isinstance(value, Undefined) else value, *arguments, **named)

    return pass_context(filtered)


@pass_context
def _shown(context: Context, value: object) -> str:
    """How a value reads where it is put into the text: times and links as marks, if there may be any."""
    return _charge(context).marks.put(value) if isinstance(value, (datetime, Ago, Link)) else text_of(value)


def _environment() -> _Environment:
    environment = _Environment(autoescape=False, optimized=False, finalize=_shown)
    environment.globals.clear()
    environment.filters.clear()
    environment.filters.update({name: _paid(name, function) for name, function in FILTERS.items()})
    environment.filters["turns of a loop"] = pass_context(_turns)
    environment.tests = {name: environment.tests[name] for name in _TESTS}
    return environment


_ENVIRONMENT = _environment()


def context_of(names: Mapping[str, object], budget: Budget) -> dict[str, object]:
    """What a compiled template is rendered with."""
    return {**names, _BUDGET: budget}


@lru_cache(maxsize=512)
def compiled(source: str) -> Template | TemplateFault:
    """The template, or why it is none. Nothing is raised, and little time passes, whatever the source is."""
    if len(source) > SOURCE_LENGTH:
        return TemplateFault(1, f"the template is longer than {SOURCE_LENGTH} characters")
    try:
        if reason := _too_much(source):
            return TemplateFault(1, reason)
        tree = _ENVIRONMENT.parse(source)
        _known_names(tree)
        _bounded(tree, 0)
        tree.set_environment(_ENVIRONMENT)
        return _ENVIRONMENT.from_string(tree)
    except RefusedError as error:
        return TemplateFault(error.lineno, (error.message or "")[:200], error.expected, error.hint)
    except TemplateSyntaxError as error:
        return TemplateFault(error.lineno, (error.message or "")[:200])
    except (SyntaxError, RecursionError, MemoryError, ValueError, OverflowError):
        return TemplateFault(1, "the template is nested too deeply, or no template")


def _too_much(source: str) -> str:
    """Why parsing would take too long; reading the signs is quick."""
    signs = [value for _, _, value in _ENVIRONMENT.lex(source)]
    if len(signs) > SOURCE_TOKENS:
        return f"the template has more than {SOURCE_TOKENS} words and signs"
    depths = accumulate((value in {"(", "[", "{"}) - (value in {")", "]", "}"}) for value in signs)
    return "the template has brackets nested too deeply" if max(depths, default=0) > _DEPTH else ""


def _known_names(tree: nodes.Template) -> None:
    """A name that nobody sets would be empty in every message: a slip of the pen, found before an alert comes."""
    names = list(tree.find_all(nodes.Name))
    known = {*NAMES, *(name.name for name in names if name.ctx == "store")}
    known |= {"loop"} if tree.find(nodes.For) is not None else set()
    for name in names:
        if name.name not in known:
            said = f"no name {name.name[:60]!r} in templates"
            raise RefusedError(name, said, expected=f"one of {', '.join(NAMES)}", hint=close_to(name.name, known))


def _bounded(node: nodes.Node, depth: int) -> int:
    """Refuse what is not named above, put bounds around the rest; answers what evaluating the node once costs."""
    if depth > _DEPTH:
        raise RefusedError(node, "nested too deeply")
    if not isinstance(node, _ALLOWED):
        raise RefusedError(node, f"{type(node).__name__.lower()} is not available in templates")
    if isinstance(node, nodes.Assign) and not isinstance(node.target, nodes.Name):
        raise RefusedError(node, "set takes one plain name")
    if isinstance(node, (nodes.List, nodes.Tuple)) and not _is_plain(node):
        raise RefusedError(node, "a list may only hold constants")
    if isinstance(node, nodes.Filter):
        _known_filter(node)
    if isinstance(node, nodes.Test) and node.name not in _TESTS:
        raise RefusedError(node, f"no test {node.name!r} in templates", expected=f"one of {', '.join(_TESTS)}")
    if isinstance(node, nodes.For) and node.recursive:
        raise RefusedError(node, "recursive loops are not available in templates")
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


def _known_filter(node: nodes.Filter) -> None:
    if node.name not in FILTERS:
        raise RefusedError(
            node,
            f"no filter {node.name!r} in templates",
            expected=f"one of {', '.join(sorted(FILTERS))}",
            hint=close_to(node.name, FILTERS),
        )
    if node.dyn_args or node.dyn_kwargs:
        raise RefusedError(node, f"{node.name} takes no * and no ** in templates")
    if node.name not in ARGUMENTS:
        return
    constants = [argument.value for argument in node.args if isinstance(argument, nodes.Const)]
    if node.name in _WITH_EXPRESSION and not (node.args and isinstance(node.args[0], nodes.Const)):
        raise RefusedError(node, f"{node.name} without its expression", expected=f"{node.name}('web-[0-9]+', …)")
    if len(constants) == len(node.args) and not node.kwargs and (fault := ARGUMENTS[node.name](constants)):
        raise RefusedError(node, fault)


def _without_calls(node: nodes.Node) -> nodes.Node:
    """Calls are those few that everybody writes, `labels.items()` and the like: they become filters. `~` does too."""
    if isinstance(node, nodes.Concat):
        first, *rest = node.nodes
        return _filter(first, "concat", rest)
    if not isinstance(node, nodes.Call) or node.dyn_args or node.dyn_kwargs or node.kwargs:
        return node
    method = node.node
    if not isinstance(method, nodes.Getattr) or method.attr not in {*_METHODS, *_STRING_METHODS}:
        raise RefusedError(node, "nothing can be called in templates but items, keys, values, get and a few of strings")
    return _filter(method.node, {**_METHODS, **_STRING_METHODS}[method.attr], node.args)


def _filter(value: nodes.Node, name: str, arguments: Sequence[nodes.Expr]) -> nodes.Filter:
    return nodes.Filter(value, name, [*arguments], [], None, None, lineno=value.lineno)


def _is_plain(node: nodes.List | nodes.Tuple) -> bool:
    is_target = isinstance(node, nodes.Tuple) and node.ctx == "store"
    return all(isinstance(item, nodes.Name if is_target else nodes.Const) for item in node.items)
