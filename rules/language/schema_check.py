"""Whether plain data fits a schema of ours, as a function made once: 10,000 routes in a tenth of what jsonschema takes.

Knows only the keywords that `shape.py` and its neighbours write, and refuses to be made from any other. It says yes or
no; what is wrong, and where, jsonschema says.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

Accepts = Callable[[Any], bool]

_ANNOTATIONS = frozenset({"$schema", "$defs", "title", "description"})
_TYPES: Mapping[str, Accepts] = {
    "string": lambda value: isinstance(value, str),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and (isinstance(value, int) or value.is_integer())
    ),
}


def schema_check(schema: Mapping[str, Any]) -> Accepts:
    """Raises ValueError: the schema has a keyword that is not known here."""
    definitions: dict[str, Accepts] = {}

    def made(part: Mapping[str, Any]) -> Accepts:
        tests = [test for keyword in part if (test := one(keyword, part)) is not None]
        if len(tests) == 1:
            return tests[0]
        return lambda value: all(test(value) for test in tests)

    def one(keyword: str, part: Mapping[str, Any]) -> Accepts | None:
        said = part[keyword]
        match keyword:
            case "$ref":
                name = said.removeprefix("#/$defs/")
                return lambda value: definitions[name](value)  # noqa: PLW0108  a route holds routes: it may not be made yet
            case "anyOf":
                forms = [made(form) for form in said]
                return lambda value: any(form(value) for form in forms)
            case "if":
                asked, then, otherwise = made(said), made(part["then"]), made(part["else"])
                return lambda value: then(value) if asked(value) else otherwise(value)
            case "then" | "else":
                return None
            case "items":
                item = made(said)
                return lambda value: not isinstance(value, list) or all(map(item, value))
            case "properties" | "patternProperties" | "additionalProperties":
                return entries(part) if keyword == next(key for key in part if key in _ENTRIES) else None
            case _ if keyword in _ANNOTATIONS:
                return None
            case _:
                return _plain(keyword, said)

    def entries(part: Mapping[str, Any]) -> Accepts:
        known = {name: made(of) for name, of in part.get("properties", {}).items()}
        patterns = [(re.compile(pattern).search, made(of)) for pattern, of in part.get("patternProperties", {}).items()]
        others = part.get("additionalProperties", True)
        further: Accepts = (lambda _: others) if isinstance(others, bool) else made(others)

        def fits(value: Any) -> bool:
            if not isinstance(value, dict):
                return True
            for name, inner in value.items():
                tests = [known[name]] if name in known else []
                tests += [of for search, of in patterns if search(name)]
                if not all(test(inner) for test in tests or (further,)):
                    return False
            return True

        return fits

    definitions.update({name: made(part) for name, part in schema.get("$defs", {}).items()})
    return made(schema)


_ENTRIES = ("properties", "patternProperties", "additionalProperties")


def _plain(keyword: str, said: Any) -> Accepts:
    """Keywords that hold no schema. Each judges values of its own kind only."""
    match keyword:
        case "type":
            kinds = [_TYPES[kind] for kind in ([said] if isinstance(said, str) else said)]
            return kinds[0] if len(kinds) == 1 else lambda value: any(kind(value) for kind in kinds)
        case "const" if isinstance(said, str):
            return lambda value: value == said
        case "enum" if all(isinstance(word, str) for word in said):
            return lambda value: value in said
        case "pattern":
            search = re.compile(said).search
            return lambda value: not isinstance(value, str) or search(value) is not None
        case "required":
            return lambda value: not isinstance(value, dict) or all(name in value for name in said)
        case "minLength" | "minItems":
            kind: type[str | list[Any]] = str if keyword == "minLength" else list
            return lambda value: not isinstance(value, kind) or len(value) >= said
        case "maxLength" | "maxItems":
            kind = str if keyword == "maxLength" else list
            return lambda value: not isinstance(value, kind) or len(value) <= said
        case "minimum":
            return lambda value: not _TYPES["number"](value) or value >= said
        case "maximum":
            return lambda value: not _TYPES["number"](value) or value <= said
        case "uniqueItems":
            return lambda value: (
                not isinstance(value, list) or all(one not in value[:at] for at, one in enumerate(value))
            )
        case _:
            return _unknown(keyword)


def _unknown(keyword: str) -> Accepts:
    raise ValueError(f"a schema with {keyword}: only jsonschema can judge it")
