"""A source's `map`: field -> JMESPath, template or constant. Compiles it, and says what each took."""

from collections.abc import Mapping
from difflib import get_close_matches

import jmespath
import msgspec
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from adapters.adapter import OptionsError
from adapters.template import Template, TemplateError

FIELDS = (
    "name", "title", "description", "severity", "status", "dedupe_key", "host", "url", "starts_at", "ends_at",
    "labels", "annotations", "acknowledged_by",
)  # fmt: skip
NESTED = ("labels", "annotations")
"""Fields that may be a map of names to expressions."""


class Taken(msgspec.Struct, frozen=True):
    """What a field took from one item. `found` is None when there was nothing; `mistake` says why an expression failed."""

    expression: str
    found: object
    mistake: str = ""


class Expression:
    """One compiled right-hand side."""

    __slots__ = ("_constant", "_path", "_template", "written")

    def __init__(self, written: object, path: tuple[str, ...]) -> None:
        """Raises OptionsError."""
        self._template: Template | None = None
        self._path: ParsedResult | None = None
        self._constant: object = None
        if isinstance(written, Mapping):
            if set(written) != {"value"}:
                raise OptionsError("a constant is {value: …}", path=path)
            self._constant, self.written = written["value"], f"{{value: {written['value']}}}"
        elif isinstance(written, str) and "{{" in written:
            self.written = written
            try:
                self._template = Template(written)
            except TemplateError as error:
                raise OptionsError(f"template: {error}", path=path) from None
        elif isinstance(written, str) and written.strip():
            self.written = written
            self._path = compiled(written, path)
        else:
            raise OptionsError("neither a JMESPath, a template with {{ }} nor {value: …}", path=path)

    def take(self, item: object) -> Taken:
        """What it finds in one item; nothing rather than an error."""
        if self._template is not None:
            try:
                text = self._template.render(item if isinstance(item, Mapping) else {})
            except TemplateError as error:
                return Taken(self.written, None, str(error))
            return Taken(self.written, text.strip() or None)
        if self._path is not None:
            return search(self._path, self.written, item)
        return Taken(self.written, self._constant)


def compiled(expression: str, path: tuple[str, ...]) -> ParsedResult:
    """Raises OptionsError."""
    try:
        return jmespath.compile(expression)
    except (JMESPathError, RecursionError, ValueError) as error:
        reason = " ".join(str(error).split()) or "nested too deep"
        hint = (
            "; a key with a dash or a dot is written in double quotes: '\"alert-id\"'"
            if set("-.:") & set(expression)
            else ""
        )
        raise OptionsError(f"not a JMESPath: {reason[:200]}{hint}", path=path) from None


def search(path: ParsedResult, written: str, item: object) -> Taken:
    """What a JMESPath finds; its own mistakes with a sender's data (a sum of texts) find nothing."""
    try:
        return Taken(written, path.search(item))
    except (
        JMESPathError,
        TypeError,
        ValueError,
        AttributeError,
        LookupError,
        ArithmeticError,
        RecursionError,
    ) as error:
        return Taken(written, None, " ".join(str(error).split())[:200])


class FieldMap:
    """The compiled `map` of a source."""

    __slots__ = ("_fields", "_nested")

    def __init__(self, written: Mapping[str, object]) -> None:
        """Raises OptionsError, with the path below the source."""
        self._fields: dict[str, Expression] = {}
        self._nested: dict[str, dict[str, Expression]] = {}
        for field, right in written.items():
            if field not in FIELDS:
                near = get_close_matches(field, FIELDS, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(FIELDS)}"
                raise OptionsError(f"no field {field!r}: {hint}", path=("map", field))
            if field in NESTED and isinstance(right, Mapping) and set(right) != {"value"}:
                self._nested[field] = {
                    str(name): Expression(inner, ("map", field, str(name))) for name, inner in right.items()
                }
            else:
                self._fields[field] = Expression(right, ("map", field))

    def take(self, item: object) -> dict[str, Taken]:
        """What each mapped field finds; a map of names to expressions gives a map of what they found."""
        taken = {field: expression.take(item) for field, expression in self._fields.items()}
        for field, inner in self._nested.items():
            parts = {name: expression.take(item) for name, expression in inner.items()}
            mistakes = "; ".join(f"{name}: {part.mistake}" for name, part in parts.items() if part.mistake)
            found = {name: part.found for name, part in parts.items() if part.found is not None}
            written = ", ".join(f"{name}: {part.expression}" for name, part in parts.items())
            taken[field] = Taken(f"{{{written}}}", found, mistakes)
        return taken
