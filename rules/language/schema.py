"""The language as JSON Schema, made from the keys themselves. `python -m rules.language.schema > rules/schema.json` renews the file.

Editors use it (`# yaml-language-server: $schema=…`), and `check` asks it once more of a file it has found nothing wrong
with, so that the two cannot drift apart unseen.
"""

import functools
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from rules.language.schema_check import Accepts, schema_check
from rules.language.service_keys import document
from rules.language.shape import Schema
from rules.language.team_keys import team_document
from rules.language.yaml import Node, plain

PATH = Path(__file__).parents[1] / "schema.json"


def schema(adapters: Iterable[str] = ()) -> Schema:
    """Of both kinds of file: one that says `team` is a team's. With adapters named, `adapter` is one of them."""
    definitions: dict[str, Schema] = {}
    main, team = document(adapters).schema(definitions), team_document().schema(definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "alert-router configuration",
        "if": {"type": "object", "required": ["team"]},
        "then": team,
        "else": main,
        "$defs": dict(sorted(definitions.items())),
    }


def written() -> str:
    """The text of schema.json."""
    return msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode() + "\n"


def complaints(node: Node) -> list[tuple[str, str]]:
    """What the schema says against a document: path and message."""
    document = plain(node)
    if _accepts()(document):
        return []
    found = _validator().iter_errors(document)
    return [(".".join(map(str, error.absolute_path)), error.message[:200]) for error in found]


@functools.cache
def _accepts() -> Accepts:
    return schema_check(schema())


@functools.cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator  # a fifth of a second, and only needed for what is refused

    return Draft202012Validator(schema())


def main(arguments: list[str]) -> int:
    """Print the schema; with `--check`, say whether the file beside this module is it."""
    if arguments != ["--check"]:
        sys.stdout.write(written())
        return 0
    if PATH.read_text(encoding="utf-8") == written():
        return 0
    sys.stderr.write(
        "rules/schema.json is not what the rules say: python -m rules.language.schema > rules/schema.json\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
