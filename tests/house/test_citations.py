"""What a comment rests on stands in this repository, or in the comment: no line cites a document that is not here."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FREE = ("rules", "router/commands", "router/runtime", "router/service", "router/core/templates")
CITED = re.compile(
    r"\b(?:ENGINE|TELLING|DESIGN|FORMATS|HOUSE|STYLE|FEATURES|SLACK|ALERTMANAGER|RULES)(?:\.md|, \*|'s| §| \d)"
)


@pytest.mark.parametrize("room", FREE)
def test_no_line_cites_a_document_that_is_not_here(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    lines = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if CITED.search(line)
    ]
    assert lines == []
