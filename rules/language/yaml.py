"""YAML 1.2 core as a tree of nodes that know their line. Owns syntax only; what a key means is `shape.py`'s business.

PyYAML reads YAML 1.1 (`10:00` is 600 there, `no` is false); so only its parser is used, and plain text is resolved here:
true, false, null, decimal numbers, all else text.
"""

import re
from collections.abc import Iterator

import msgspec
import yaml

TEXT_CHARACTERS = 16 * 1024 * 1024
DEPTH = 64
NODES = 2_000_000
"""With aliases counted as often as they are used: bounds what a few lines of anchors can grow into."""


class Position(msgspec.Struct, frozen=True, gc=False):
    """A place in the text; both count from 1."""

    line: int
    column: int


class Scalar(msgspec.Struct, frozen=True):
    """A text, number, boolean or null. `text` is as written, without quotes."""

    value: str | int | float | bool | None
    text: str
    mark: Position
    weight: int = 1


class Items(msgspec.Struct, frozen=True):
    """A list."""

    items: "tuple[Node, ...]"
    mark: Position
    weight: int


class Entry(msgspec.Struct, frozen=True):
    """One key of a map and what stands there."""

    mark: Position
    node: "Node"


class Entries(msgspec.Struct, frozen=True):
    """A map, in the order of the file; merges are done."""

    entries: dict[str, Entry]
    mark: Position
    weight: int


Node = Scalar | Items | Entries


class YamlError(ValueError):
    """Text that is not YAML, or more than the bounds allow."""

    def __init__(self, message: str, mark: Position, *, expected: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message, self.mark, self.expected, self.hint = message, mark, expected, hint


WHOLE = "version: 1 and the rest of a configuration"


def read(text: str, *, whole: str = WHOLE) -> tuple[Node, list[YamlError]]:
    """The one document of a text, and mistakes that do not keep it from being read (duplicate keys). `whole`: what is
    expected of an empty one.

    Raises YamlError.
    """
    if len(text) > TEXT_CHARACTERS:
        raise YamlError("the file is too large", Position(1, 1), expected=f"at most {TEXT_CHARACTERS // 1024**2} MiB")
    try:
        return _Composer(whole).compose(yaml.parse(text.removeprefix("\ufeff"), Loader=yaml.CSafeLoader))
    except yaml.MarkedYAMLError as error:
        raise _explained(error, text) from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        mark = Position(before.count("\n") + 1, len(before) - before.rfind("\n"))
        code = error.character if isinstance(error.character, int) else ord(error.character)
        raise YamlError(f"a control character: U+{code:04X}", mark, expected="text") from None
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise YamlError("a character that is not valid Unicode", Position(line, 1), expected="UTF-8 text") from None


def plain(node: Node) -> object:
    """The node as plain Python data, for what is passed on as it stands."""
    match node:
        case Scalar(value=value):
            return value
        case Items(items=items):
            return [plain(item) for item in items]
        case _:
            return {key: plain(entry.node) for key, entry in node.entries.items()}


class _Open:
    """A list or map whose end has not come yet."""

    def __init__(self, mark: Position, anchor: str | None, *, is_map: bool) -> None:
        self.mark, self.anchor, self.is_map = mark, anchor, is_map
        self.items: list[Node] = []
        self.entries: dict[str, Entry] = {}
        self.merges: list[tuple[Position, Node]] = []
        self.key: tuple[str, Position] | None = None
        self.weight = 1


class _Composer:
    """Events to nodes, without recursion: nesting is the writer's, the stack would be ours."""

    def __init__(self, whole: str) -> None:
        self.whole = whole
        self.stack: list[_Open] = []
        self.anchors: dict[str, Node] = {}
        self.errors: list[YamlError] = []
        self.root: Node | None = None

    def compose(self, events: Iterator[yaml.Event]) -> tuple[Node, list[YamlError]]:
        for event in events:
            start = event.start_mark
            mark = Position(start.line + 1, start.column + 1) if start is not None else Position(1, 1)
            match event:
                case yaml.ScalarEvent():
                    self._refuse_tag(event.tag, mark)
                    value = _resolve(event.value) if event.implicit[0] else event.value
                    self._place(Scalar(value, event.value, mark), event.anchor)
                case yaml.AliasEvent():
                    self._place(self._aliased(event.anchor, mark), None, at=mark)
                case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                    self._refuse_tag(event.tag, mark)
                    self._begin(mark, event.anchor, is_map=isinstance(event, yaml.MappingStartEvent))
                case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                    self._end()
                case yaml.DocumentStartEvent() if self.root is not None:
                    raise YamlError("a second document", mark, expected="one document: no line of --- after the first")
                case _:
                    pass
        if self.root is None:
            raise YamlError("the file is empty", Position(1, 1), expected=self.whole)
        return self.root, self.errors

    def _refuse_tag(self, tag: str | None, mark: Position) -> None:
        if tag is not None:
            raise YamlError(f"a tag: {tag}", mark, expected="plain YAML; no tag has a meaning here")

    def _aliased(self, anchor: str | None, mark: Position) -> Node:
        if anchor is not None and anchor in self.anchors:
            return self.anchors[anchor]
        if any(frame.anchor == anchor for frame in self.stack):
            raise YamlError(f"*{anchor} stands inside what &{anchor} names", mark, expected="an anchor defined before")
        raise YamlError(f"nothing is named &{anchor}", mark, expected="an anchor defined above")

    def _begin(self, mark: Position, anchor: str | None, *, is_map: bool) -> None:
        if self.stack and self.stack[-1].is_map and self.stack[-1].key is None:
            raise YamlError(
                "a map or list as a key",
                mark,
                expected="text as a key",
                hint="text that begins with { or [ wants quotes",
            )
        if len(self.stack) >= DEPTH:
            raise YamlError(f"nested deeper than {DEPTH} levels", mark, expected="fewer levels")
        self.stack.append(_Open(mark, anchor, is_map=is_map))

    def _end(self) -> None:
        frame = self.stack.pop()
        if not frame.is_map:
            self._place(Items(tuple(frame.items), frame.mark, frame.weight), frame.anchor)
            return
        entries = frame.entries
        for mark, node in frame.merges:
            for source in node.items if isinstance(node, Items) else (node,):
                if not isinstance(source, Entries):
                    raise YamlError("<< merges maps only", mark, expected="<<: *name, or a list of such")
                for key, entry in source.entries.items():
                    if key not in entries:
                        entries[key] = entry
                        frame.weight += 1
        self._place(Entries(entries, frame.mark, frame.weight), frame.anchor)

    def _place(self, node: Node, anchor: str | None, *, at: Position | None = None) -> None:
        if anchor is not None:
            self.anchors[anchor] = node
        if not self.stack:
            self.root = node
            return
        frame, mark = self.stack[-1], at or node.mark
        frame.weight += node.weight
        if frame.weight > NODES:
            raise YamlError("aliases make this grow beyond all bounds", mark, expected=f"at most {NODES:,} values")
        if not frame.is_map:
            frame.items.append(node)
        elif frame.key is None:
            if not isinstance(node, Scalar):
                raise YamlError("a map or list as a key", mark, expected="text as a key")
            frame.key = (node.text, mark)
        else:
            self._entry(frame, *frame.key, node)
            frame.key = None

    def _entry(self, frame: _Open, key: str, mark: Position, node: Node) -> None:
        if key == "<<":
            frame.merges.append((mark, node))
        elif key in frame.entries:
            first = frame.entries[key].mark
            self.errors.append(
                YamlError(
                    f"the key {key!r} stands here twice", mark, expected=f"once; the first is in line {first.line}"
                )
            )
        else:
            frame.entries[key] = Entry(mark, node)


_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTHS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WHOLE = re.compile(r"[-+]?[0-9]{1,18}", re.ASCII)
_FRACTION = re.compile(r"[-+]?(?:\.[0-9]{1,30}|[0-9]{1,30}(?:\.[0-9]{0,30})?)(?:[eE][-+]?[0-9]{1,3})?", re.ASCII)


def _resolve(text: str) -> str | int | float | bool | None:
    """YAML 1.2 core, decimal numbers only. Numbers of absurd length stay text, which no number is expected to be."""
    if text in _NULLS:
        return None
    if text in _TRUTHS:
        return _TRUTHS[text]
    if text[0] in "+-.0123456789":
        if _WHOLE.fullmatch(text):
            return int(text)
        if _FRACTION.fullmatch(text):
            return float(text)
    return text


def _explained(error: yaml.MarkedYAMLError, text: str) -> YamlError:
    """The complaint of libyaml in the words of who wrote the file."""
    at = error.problem_mark or error.context_mark
    mark = Position(at.line + 1, at.column + 1) if at is not None else Position(1, 1)
    problem = error.problem or str(error)
    lines = text.split("\n")
    line = lines[mark.line - 1] if mark.line <= len(lines) else ""
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent or line[mark.column - 1 : mark.column] == "\t":
        return YamlError("a tab in the indentation", mark, expected="spaces: YAML takes no tabs there")
    if "cannot start any token" in problem:
        found = line[mark.column - 1 : mark.column]
        return YamlError(f"text cannot begin with {found} here", mark, expected=f'quotes around it, as in "{found}…"')
    if "mapping values are not allowed" in problem:
        return YamlError(
            "a colon where no key can stand", mark, expected="key: value; text with ': ' in it wants quotes"
        )
    if "unexpected end of stream" in problem:
        return YamlError("the file ends inside quotes", mark, expected="a closing quote")
    if "could not find expected ':'" in problem:
        return YamlError(
            "a key without a colon", mark, expected="key: value", hint="the mistake may be in the line above"
        )
    if "did not find expected" in problem:
        return YamlError(
            problem, mark, expected="consistent indentation; every quote, [ and { closed", hint="or a line above it"
        )
    return YamlError(problem, mark, expected="YAML")
