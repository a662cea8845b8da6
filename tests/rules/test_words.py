"""What people read: every error and warning of `check`, word for word. The cases are files in words/, one per subject.

Each case is a file without its head; a routing is put in where it has none.
"""

from pathlib import Path

import pytest

from adapters import ADAPTERS
from rules.check import check
from rules.load import Source
from rules.yaml import Items, plain, read
from tests.rules.reading import HEAD, ROUTING, at

NOW = at("2026-11-21T12:00Z")


def cases() -> list[tuple[str, str, list[str]]]:
    found = []
    for path in sorted((Path(__file__).parent / "words").glob("*.yaml")):
        document = read(path.read_text(encoding="utf-8"))[0]
        assert isinstance(document, Items)
        for item in document.items:
            case = plain(item)
            assert isinstance(case, dict)
            assert case.keys() == {"name", "yaml", "says"}
            found.append((f"{path.stem}: {case['name']}", str(case["yaml"]), list(case["says"])))
    return found


CASES = cases()


@pytest.mark.parametrize(("text", "says"), [(text, says) for _, text, says in CASES], ids=[name for name, *_ in CASES])
def test_says(text: str, says: list[str]) -> None:
    head = HEAD if "sources:" not in text else "version: 1\nslack: preview\n"
    whole = text if "version:" in text else head + ("" if "routing:" in text else ROUTING) + text
    found = check([Source("c.yaml", whole)], adapters=ADAPTERS, at=NOW)
    lines = [f"error {error}" for error in found.errors] + [f"warning {warning}" for warning in found.warnings]
    assert [line.replace(" c.yaml:", " ", 1) for line in lines] == says
