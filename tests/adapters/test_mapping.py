"""A source's own words: mistakes are told with their path when the file is loaded, and what each field took is shown."""

from datetime import timedelta
from typing import Any

import pytest

from adapters import ADAPTERS
from adapters.adapter import OptionsError, PayloadError, SourceOptions
from adapters.alert import Severity
from adapters.generic import GENERIC, mapped
from tests.adapters.samples import payload

MISTAKES: list[tuple[dict[str, Any], tuple[str, ...], str]] = [
    ({"map": {"titles": "a"}}, ("map", "titles"), "no field 'titles': did you mean title?"),
    ({"map": {"xyz": "a"}}, ("map", "xyz"), "no field 'xyz': there are name, title,"),
    ({"map": {"title": "a b"}}, ("map", "title"), "not a JMESPath"),
    ({"map": {"title": "alert-id"}}, ("map", "title"), "written in double quotes: '\"alert-id\"'"),
    ({"map": {"title": "{{ x"}}, ("map", "title"), "template: line 1"),
    ({"map": {"title": "{% for x in y %}{{ x }}{% endfor %}"}}, ("map", "title"), "for is not available in a mapping"),
    ({"map": {"title": ""}}, ("map", "title"), "neither a JMESPath, a template with {{ }} nor {value: …}"),
    ({"map": {"title": 7}}, ("map", "title"), "neither a JMESPath"),
    ({"map": {"title": {"valued": "x"}}}, ("map", "title"), "a constant is {value: …}"),
    ({"map": {"labels": {"team": "a b"}}}, ("map", "labels", "team"), "not a JMESPath"),
    ({"items": "a b"}, ("items",), "not a JMESPath"),
    ({"items": "(" * 5000}, ("items",), "not a JMESPath"),
    ({"status_map": {"gone": "over"}}, ("status_map", "gone"), "'over' is neither firing nor resolved"),
]


@pytest.mark.parametrize(("options", "path", "message"), MISTAKES)
def test_a_mistake_is_told_with_its_path(options: dict[str, Any], path: tuple[str, ...], message: str) -> None:
    with pytest.raises(OptionsError) as refused:
        GENERIC.open(SourceOptions(name="x", **options))
    assert refused.value.path == path
    assert message in refused.value.message


def test_datadog_knows_the_two_states_as_well() -> None:
    with pytest.raises(OptionsError) as refused:
        ADAPTERS["datadog"].open(SourceOptions(name="x", status_map={"Muted": "ignored"}))
    assert refused.value.path == ("status_map", "Muted")


def test_normalize_shows_what_each_field_took() -> None:
    options = SourceOptions(
        name="backups",
        map={
            "title": "{{ job }} failed",
            "severity": "sum(level)",
            "status": {"value": "firing"},
            "url": "{{ 'a' - 1 }}",
            "labels": {"job": "job", "none": "gone", "bad": "abs(job)"},
        },
        resolve_after=timedelta(hours=26),
    )
    first, second = mapped(options, payload('[{"job":"pg-dump","level":"x","host":"db-1"},7]'))
    assert first["title"] == {"expression": "{{ job }} failed", "found": "pg-dump failed", "mistake": ""}
    assert first["status"] == {"expression": "{value: firing}", "found": "firing", "mistake": ""}
    assert first["host"] == {"expression": "host (familiar name)", "found": "db-1", "mistake": ""}
    assert "In function sum()" in str(first["severity"])
    assert "is no number to calculate with" in str(first["url"])
    assert first["labels"]["found"] == {"job": "pg-dump"}  # type: ignore[index]
    assert first["labels"]["mistake"].startswith("bad: In function abs()")  # type: ignore[index]
    assert second == {"error": "an alert that is 7"}
    with pytest.raises(PayloadError):
        mapped(options, payload("{"))


def test_a_template_of_something_that_is_no_object_finds_nothing() -> None:
    parse = GENERIC.open(SourceOptions(name="x", map={"title": "{{ title }}", "severity": "severity"}))
    (draft,) = parse(payload("plain words", "text/plain"))
    assert draft.alert().title == "plain words"


def test_severities_of_the_source_come_first_and_a_star_takes_the_rest() -> None:
    severity_map = {"P1": Severity.HIGH, "*": Severity.INFO}
    for adapter, key in (("generic", "severity"), ("datadog", "alert_priority")):
        parse = ADAPTERS[adapter].open(SourceOptions(name="x", severity_map=severity_map))
        drafts = parse(payload(f'[{{"title":"a","{key}":"p1"}},{{"title":"b","{key}":"blue"}},{{"title":"c"}}]'))
        assert [draft.alert().severity for draft in drafts] == [Severity.HIGH, Severity.INFO, Severity.INFO]
