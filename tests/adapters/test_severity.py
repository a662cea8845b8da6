"""Every word of the common scale, as senders write it."""

import json
import re
from pathlib import Path

import pytest

from adapters import ADAPTERS
from adapters.adapter import SourceOptions
from adapters.alert import Severity
from adapters.severity import WORDS, Scale, is_on_scale
from tests.adapters.samples import payload

SCALE = Scale({})
PAGE = Path(__file__).parents[2] / "docs" / "sources" / "severity.md"


@pytest.mark.parametrize(
    ("severity", "words"),
    [
        (Severity.CRITICAL, "critical CRITICAL crit P1 p1 P-1 p_1 Priority1 priority-1 Sev0 SEV-0 5 page urgent Emergency fatal disaster down P0"),
        (Severity.HIGH, "high error err P2 Sev1 SEV-1 sev_1 SEV.1 severity1 S1 4 major"),
        (Severity.MEDIUM, "medium warning warn WARN P3 Sev2 SEV-2 3 average minor moderate"),
        (Severity.LOW, "low P4 Sev3 SEV-3 2"),
        (Severity.INFO, "info informational Notice none debug ok P5 Sev4 SEV-4 SEV-5 1"),
    ],
)  # fmt: skip
def test_the_usual_words_have_a_place(severity: Severity, words: str) -> None:
    assert {word: SCALE.severity(word) for word in words.split()} == dict.fromkeys(words.split(), severity)
    assert all(is_on_scale(word) and SCALE.knows(word) for word in words.split())


@pytest.mark.parametrize("word", ["sev 1", " SEV-1 ", "Sev  1", "not classified", "Not_Classified"])
def test_blanks_in_a_word_do_not_matter(word: str) -> None:
    assert SCALE.knows(word)


@pytest.mark.parametrize("word", ["", "purple", "q1", "sev12", "p9", "6", "-", "x" * 10_000])
def test_any_other_word_is_medium(word: str) -> None:
    assert (SCALE.severity(word), SCALE.knows(word)) == (Severity.MEDIUM, False)


def test_a_sources_own_words_come_first() -> None:
    own = Scale({"SEV-1": Severity.CRITICAL, "purple": Severity.LOW, "*": Severity.INFO})
    assert [own.severity(word) for word in ("sev-1", "Purple", "Sev1", "?")] == [
        Severity.CRITICAL, Severity.LOW, Severity.HIGH, Severity.INFO,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("event", "severity"),
    [
        ({"priority": 1}, "critical"),
        ({"priority": "2"}, "high"),
        ({"alert_priority": 1}, "medium"),
        ({"level": 1}, "info"),
        ({"severity": 5}, "critical"),
        ({"severity": "SEV-1"}, "high"),
        ({"urgency": "urgent"}, "critical"),
    ],
)
def test_a_bare_number_counts_down_behind_priority_and_up_elsewhere(event: dict[str, object], severity: str) -> None:
    (draft,) = ADAPTERS["generic"].open(SourceOptions(name="g"))(payload(json.dumps({"title": "t", **event})))
    assert draft.alert().severity == severity


def test_a_mapped_priority_counts_down_unless_the_map_says_more() -> None:
    body = payload('{"title": "t", "job": {"priority": 1}}')
    (draft,) = ADAPTERS["generic"].open(SourceOptions(name="g", map={"severity": "job.priority"}))(body)
    assert draft.alert().severity is Severity.CRITICAL
    options = SourceOptions(name="g", map={"severity": "job.priority"}, severity_map={"1": Severity.LOW})
    (draft,) = ADAPTERS["generic"].open(options)(body)
    assert draft.alert().severity is Severity.LOW


def test_the_page_has_the_table() -> None:
    rows = {
        found[1]: tuple(re.findall("`([^`]+)`", found[2]))
        for found in re.finditer(r"^\| `(\w+)` \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    }
    assert rows == {severity.value: words for severity, words in WORDS.items()}
