"""How values of the configuration look: each shape reads a node, complains in the writer's words, and prints its schema.

Owns the machinery only; the words of the language are in `words.py` and `keys.py`. Reading never raises and never stops
at the first mistake: a refused value is None and its complaint is in the report.
"""

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from rules.language.yaml import Entries, Items, Node, Position, Scalar

T_co = TypeVar("T_co", covariant=True)

Schema = dict[str, Any]


class RuleError(msgspec.Struct, frozen=True):
    """One mistake, or one warning: where it is, what it is, what was expected."""

    file: str
    line: int
    column: int
    path: str
    message: str
    expected: str = ""
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}"
        text = f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"
        text += f"; expected {self.expected}" if self.expected else ""
        return f"{text} ({self.hint})" if self.hint else text


class Reference(msgspec.Struct, frozen=True):
    """A name that must exist somewhere: of a window, a person, …"""

    kind: str
    name: str
    error_at: "Place"
    mark: Position


def _no_file(path: str) -> str:
    raise ValueError(f"{path} cannot be read here")


class Report:
    """What was found wrong so far, and the names still to be looked up. In a team's file `own` are the names that it
    defines, by kind: everywhere else they are called `team/name`."""

    def __init__(
        self,
        file: str,
        *,
        team: str = "",
        own: Mapping[str, Collection[str]] | None = None,
        text_beside: Callable[[str], str] = _no_file,
    ) -> None:
        self.file, self.team = file, team
        self._own = own or {}
        self.text_beside = text_beside
        """The text of a file that this one names. Raises ValueError, with words for whoever named it."""
        self.errors: list[RuleError] = []
        self.warnings: list[RuleError] = []
        self.references: list[Reference] = []

    def of(self, file: str) -> "Report":
        """The same report, for what stands in a file that this one names."""
        other = Report(file)
        other.errors, other.warnings, other.references = self.errors, self.warnings, self.references
        return other

    def full(self, kind: str, name: str) -> str:
        """The name as the whole configuration knows it; one of the file's own hides the main file's."""
        return f"{self.team}/{name}" if name in self._own.get(kind, ()) else name


class Place(msgspec.Struct, frozen=True):
    """Where in the document something is read, and where complaints about it go."""

    report: Report
    path: str = ""

    def key(self, name: str) -> "Place":
        return Place(self.report, f"{self.path}.{name}" if self.path else name)

    def item(self, number: int) -> "Place":
        return Place(self.report, f"{self.path}[{number}]")

    def error(self, at: Node | Position, message: str, *, expected: str = "", hint: str = "") -> None:
        mark = at if isinstance(at, Position) else at.mark
        self.report.errors.append(
            RuleError(self.report.file, mark.line, mark.column, self.path, message, expected, hint)
        )


class Shape(Protocol[T_co]):
    """One kind of value."""

    @property
    def expected(self) -> str:
        """As it is said in an error: "a duration such as 10m"."""

    def read(self, node: Node, place: Place) -> T_co | None: ...

    def schema(self, definitions: dict[str, Schema], /) -> Schema: ...


def close_to(word: str, words: Iterable[str]) -> str:
    """A guess in words such as "did you mean office?", or nothing."""
    found = difflib.get_close_matches(word[:100], list(words), n=1, cutoff=0.6)
    return f"did you mean {found[0]}?" if found else ""


def shown(node: Node) -> str:
    """What stands there, in a few words."""
    match node:
        case Scalar(value=None):
            return "nothing"
        case Scalar(value=bool(value)):
            return "true" if value else "false"
        case Scalar(value=str(value)):
            return repr(value if len(value) <= 60 else value[:59] + "…")
        case Scalar(text=text):
            return f"the number {text[:40]}"
        case Items():
            return "a list"
        case _:
            return "a map"


def unshown(node: Node) -> str:
    """The same where it may be a secret."""
    match node:
        case Scalar(value=None) | Items():
            return shown(node)
        case Scalar():
            return "a text"
        case _:
            return shown(node)


def text_of(node: Node) -> str | None:
    return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else None


class Text:
    """A text, never empty; numbers and booleans are asked to be quoted."""

    def __init__(self, expected: str = "text", *, limit: int = 10_000) -> None:
        self.expected, self.limit = expected, limit

    def read(self, node: Node, place: Place) -> str | None:
        if isinstance(node, Scalar) and node.value is not None and not isinstance(node.value, str):
            place.error(
                node, f"{shown(node)}", expected=self.expected, hint=f'if it is meant as text, write "{node.text}"'
            )
            return None
        text = text_of(node)
        if not text or not text.strip():
            place.error(node, f"found {shown(node)}", expected=self.expected)
            return None
        if len(text) > self.limit or "\0" in text:
            place.error(node, f"a text of {len(text):,} characters", expected=f"at most {self.limit:,}, without NUL")
            return None
        return text

    def schema(self, _: dict[str, Schema], /) -> Schema:
        return {"type": "string", "minLength": 1}


class Flag:
    """true or false."""

    expected = "true or false"

    def read(self, node: Node, place: Place) -> bool | None:
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        place.error(node, f"found {shown(node)}", expected=self.expected)
        return None

    def schema(self, _: dict[str, Schema], /) -> Schema:
        return {"type": "boolean"}


class Whole:
    """A whole number within bounds."""

    def __init__(self, least: int, most: int) -> None:
        self.least, self.most = least, most
        self.expected = f"a whole number from {least} to {most}" if least < most else str(most)

    def read(self, node: Node, place: Place) -> int | None:
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, int) and not isinstance(value, bool) and self.least <= value <= self.most:
            return value
        place.error(node, f"found {shown(node)}", expected=self.expected)
        return None

    def schema(self, _: dict[str, Schema], /) -> Schema:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


class OneOf:
    """One of a few words. `is_secret`: what stands there instead may be one, and is not shown."""

    def __init__(self, *words: str, expected: str = "", is_secret: bool = False) -> None:
        self.words = words
        self._is_secret = is_secret
        self.expected = expected or f"one of {', '.join(words)}"

    def read(self, node: Node, place: Place) -> str | None:
        text = text_of(node)
        if text in self.words:
            return text
        hint = close_to(text or "", self.words)
        found = unshown(node) if self._is_secret and not hint else shown(node)
        place.error(node, f"found {found}", expected=self.expected, hint=hint)
        return None

    def schema(self, _: dict[str, Schema], /) -> Schema:
        return {"enum": list(self.words)}


class NameOf:
    """A name defined elsewhere; looked up when all is read. It is read as the whole configuration knows it."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.expected = f"the name of a {kind}"

    def read(self, node: Node, place: Place) -> str | None:
        name = Text(self.expected).read(node, place)
        if name is None:
            return None
        full = place.report.full(self.kind, name)
        place.report.references.append(Reference(self.kind, full, place, node.mark))
        return full

    def schema(self, _: dict[str, Schema], /) -> Schema:
        return {"type": "string", "minLength": 1}


_LIKE_NONE = frozenset({"never", "off", "no", "nobody", "nothing", "disabled", "null"})


class OrNone:
    """A value, or the word `none`, which takes an inherited one away."""

    def __init__(self, shape: Shape[Any]) -> None:
        self.shape = shape
        self.expected = f"{shape.expected}, or none"

    def read(self, node: Node, place: Place) -> Any:
        if text_of(node) == "none":
            return NONE
        if isinstance(node, Scalar) and node.value is None:
            place.error(node, "found nothing", expected=self.expected, hint="none takes an inherited setting away")
            return None
        found, errors = self.shape.read(node, place), place.report.errors
        if found is None and errors and (text_of(node) or "").lower() in _LIKE_NONE:
            errors[-1] = msgspec.structs.replace(errors[-1], hint="write none")
        return found

    def schema(self, definitions: dict[str, Schema], /) -> Schema:
        return {"anyOf": [{"const": "none"}, self.shape.schema(definitions)]}


class _NoneSaid:
    """The word `none`; Python's None means that nothing was said."""


NONE = _NoneSaid()


class ListOf:
    """A list; `single`: one item may stand without the brackets."""

    def __init__(
        self,
        item: Shape[Any],
        expected: str,
        *,
        least: int = 1,
        most: int = 100_000,
        single: bool = False,
        unique: bool = False,
    ) -> None:
        self.item, self.expected = item, expected
        self.least, self.most, self.single, self.unique = least, most, single, unique

    def read(self, node: Node, place: Place) -> tuple[Any, ...] | None:
        if not isinstance(node, Items):
            if self.single and not (isinstance(node, Scalar) and node.value is None):
                one = self.item.read(node, place)
                return None if one is None else (one,)
            text = text_of(node)
            place.error(node, f"found {shown(node)}", expected=self.expected, hint=f"write [{text}]" if text else "")
            return None
        if not self.least <= len(node.items) <= self.most:
            found = "an empty list" if not node.items else f"a list of {len(node.items)}"
            place.error(node, found, expected=self.expected)
            return None
        values = [self.item.read(item, place.item(number)) for number, item in enumerate(node.items)]
        if self.unique:
            for number, value in enumerate(values):
                if value is not None and value in values[:number]:
                    place.item(number).error(
                        node.items[number], f"{shown(node.items[number])} stands here twice", expected="once"
                    )
        return None if any(value is None for value in values) else tuple(values)

    def schema(self, definitions: dict[str, Schema], /) -> Schema:
        item = self.item.schema(definitions)
        found: Schema = {"type": "array", "items": item}
        if self.least:
            found["minItems"] = self.least
        return {"anyOf": [item, found]} if self.single else found


class MapOf:
    """A map from names to values of one shape."""

    def __init__(
        self, value: Shape[Any], expected: str, *, name: Callable[[str], str] | None = None, least: int = 0
    ) -> None:
        self.value, self.expected, self.name, self.least = value, expected, name, least

    def read(self, node: Node, place: Place) -> dict[str, Any] | None:
        if not isinstance(node, Entries) or len(node.entries) < self.least:
            place.error(node, f"found {shown(node)}", expected=self.expected)
            return None
        found = {}
        for key, entry in node.entries.items():
            if self.name is not None and (complaint := self.name(key)):
                place.key(key).error(entry.mark, f"the name {key[:60]!r}", expected=complaint)
            found[key] = self.value.read(entry.node, place.key(key))
        return found

    def schema(self, definitions: dict[str, Schema], /) -> Schema:
        return {"type": "object", "additionalProperties": self.value.schema(definitions)}


class Key(msgspec.Struct, frozen=True):
    """One key of a record: its shape, what it is for, whether it must be there."""

    shape: Any
    says: str
    required: bool = False


class Fields:
    """A record as read: values by key, and the places to complain about them."""

    def __init__(self, node: Entries, place: Place) -> None:
        self.node, self.place = node, place
        self.values: dict[str, Any] = {}

    def __contains__(self, key: str) -> bool:
        return key in self.node.entries

    def get(self, key: str, default: Any = None) -> Any:
        """The value; the default where the key is absent (or was refused, which is an error already)."""
        value = self.values.get(key)
        return default if value is None else value

    def mark(self, key: str) -> Position:
        entry = self.node.entries.get(key)
        return self.node.mark if entry is None else entry.node.mark

    def error(self, key: str, message: str, *, expected: str = "", hint: str = "") -> None:
        self.place.key(key).error(self.mark(key), message, expected=expected, hint=hint)


class Record:
    """A map with known keys. `later` keys are part of the language but not carried out yet; `foreign` ones are what other
    tools call ours; `elsewhere` ones stand in another kind of file. `is_secret`: what stands there instead of a map may be
    a secret, and is not shown."""

    def __init__(
        self,
        name: str,
        keys: Mapping[str, Key],
        *,
        later: Mapping[str, str] | None = None,
        foreign: Mapping[str, str] | None = None,
        elsewhere: Mapping[str, str] | None = None,
        check: Callable[[Fields], None] | None = None,
        free: str = "",
        is_secret: bool = False,
    ) -> None:
        self.name, self.keys = name, dict(keys)
        self._shown = unshown if is_secret else shown
        self.later, self.foreign, self.elsewhere = later or {}, foreign or {}, elsewhere or {}
        self.check, self.free = check, free
        self.expected = f"a map with {', '.join(list(self.keys)[:6])}{', …' if len(self.keys) > 6 else ''}"

    def read(self, node: Node, place: Place) -> Fields | None:
        if not isinstance(node, Entries):
            place.error(node, f"found {self._shown(node)}", expected=self.expected)
            return None
        fields = Fields(node, place)
        for name, entry in node.entries.items():
            if name in self.keys:
                fields.values[name] = self.keys[name].shape.read(entry.node, place.key(name))
            elif not (self.free and name.startswith(self.free)):
                self._unknown(name, entry.mark, place)
        for name, key in self.keys.items():
            if key.required and name not in node.entries:
                place.error(node, f"{name} is missing", expected=f"{name}: {key.shape.expected}")
        if self.check is not None:
            self.check(fields)
        return fields

    def _unknown(self, name: str, mark: Position, place: Place) -> None:
        at = place.key(name)
        if name in self.elsewhere:
            at.error(mark, f"{name} has no place in this file", expected=self.elsewhere[name])
        elif name in self.later:
            at.error(mark, f"not yet ({self.later[name]})", expected="the file without it, in this version")
        elif name in self.foreign:
            at.error(mark, f"unknown key {name!r}", expected=self.foreign[name])
        else:
            hint = close_to(name, self.keys)
            at.error(mark, f"unknown key {name[:60]!r}", expected=f"one of {', '.join(self.keys)}", hint=hint)

    def schema(self, definitions: dict[str, Schema], /) -> Schema:
        if self.name not in definitions:
            definitions[self.name] = {}  # a route holds routes: the name must stand before its content is made
            properties = {
                name: {**key.shape.schema(definitions), "description": key.says} for name, key in self.keys.items()
            }
            found: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
            if self.free:
                found["patternProperties"] = {f"^{self.free}": {}}
            if required := [name for name, key in self.keys.items() if key.required]:
                found["required"] = required
            definitions[self.name] = found
        return {"$ref": f"#/$defs/{self.name}"}
