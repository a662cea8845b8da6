"""`normalize` shows what would be understood; `send` writes what each kind of sender would."""

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from adapters import ADAPTERS
from adapters.adapter import Payload, SourceOptions
from adapters.alert import Alert, Severity, Status
from router.commands.samples import Kind, Sample, requests, storm
from tests.cli.conftest import run

AT = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def test_normalize_prints_the_alerts_and_tells_what_each_field_took(config: Path, tmp_path: Path) -> None:
    payload = tmp_path / "payload.json"
    payload.write_text('{"job": "backup", "host": "db-1", "level": "critical"}')
    done = run("normalize", "--config", config, "--source", "jobs", payload)
    assert done.exit_code == 0, done.output
    [alert] = json.loads(done.stdout)
    assert (alert["name"], alert["title"], alert["severity"]) == ("backup", "backup failed on db-1", "critical")
    assert 'item 0: title = "backup failed on db-1"  from {{ job }} failed on {{ host }}' in done.stderr
    assert 'item 0: severity = "critical"  from level' in done.stderr


def test_normalize_reads_standard_input(config: Path) -> None:
    done = run("normalize", "--config", config, "--source", "shell", "-", given='{"title": "x"}')
    assert json.loads(done.stdout)[0]["title"] == "x"


def test_normalize_prints_the_scale_with_the_sources_own_words(config: Path) -> None:
    text = config.read_text().replace(
        "  shell: {adapter: generic,", "  shell: {adapter: generic, severity_map: {Warn: low, '*': info},"
    )
    config.write_text(text)
    done = run("normalize", "--config", config, "--source", "shell", "-", given='{"title": "x"}')
    scale = dict(line.split(": ", 1) for line in done.stderr.splitlines() if line.startswith("severity "))
    assert list(scale) == [f"severity {severity}" for severity in ("critical", "high", "medium", "low", "info")]
    assert scale["severity critical"].startswith("critical, crit, P0, P1, Sev0, 5, page, urgent")
    assert scale["severity low"] == "warn, low, P4, Sev3, 2"
    assert scale["severity info"].startswith("*, info, ")
    assert "warn," not in scale["severity medium"] + ","


def test_normalize_takes_plain_text_for_what_it_is(config: Path) -> None:
    done = run("normalize", "--config", config, "--source", "shell", "-", given="backup failed")
    assert (done.exit_code, json.loads(done.stdout)[0]["title"]) == (0, "backup failed")


def test_normalize_refuses_a_broken_payload_with_its_place(config: Path) -> None:
    done = run("normalize", "--config", config, "--source", "shell", "-", given='{"title": ')
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.startswith("the payload is refused: ")
    assert "at byte" in done.stderr


def test_normalize_shows_good_items_beside_a_bad_one(config: Path) -> None:
    given = '[{"labels": {"alertname": "A"}}, {"labels": {}}]'
    done = run("normalize", "--config", config, "--source", "prometheus", "--array", "-", given=given)
    assert done.exit_code == 2
    assert [alert["name"] for alert in json.loads(done.stdout)] == ["A"]
    assert done.stderr.splitlines()[-1].startswith("item 1 is refused: ")


def test_normalize_names_the_sources_there_are(config: Path) -> None:
    done = run("normalize", "--config", config, "--source", "x", "-", given="{}")
    assert (done.exit_code, done.stderr) == (
        2,
        "there is no source 'x'; there are datadog, jobs, prometheus, shell\n",
    )


def test_normalize_names_a_payload_that_is_not_there(config: Path) -> None:
    done = run("normalize", "--config", config, "--source", "shell", "nowhere.json")
    assert (done.exit_code, done.stderr) == (2, "cannot read nowhere.json: No such file or directory\n")


def understood(kind: Kind, samples: list[Sample]) -> list[Alert]:
    name = {Kind.ALERTMANAGER: "prometheus"}.get(kind, kind.value)
    parse = ADAPTERS[name].open(SourceOptions(name=name))
    found = []
    for one in requests(kind, name, samples, AT):
        is_array = one.path.endswith("/api/v2/alerts")
        payload = Payload(body=one.body, content_type="application/json", received_at=AT, is_alert_array=is_array)
        found += [draft.alert() for draft in parse(payload)]
    return found


@pytest.mark.parametrize("kind", Kind)
def test_a_sample_is_understood_and_ended_by_its_own_end(kind: Kind) -> None:
    sample = Sample("DiskFull", "db-1", "critical", labels={"team": "db"})
    [begun] = understood(kind, [sample])
    assert (begun.name, begun.severity, begun.status) == ("DiskFull", Severity.CRITICAL, Status.FIRING)
    assert begun.labels["team"] == "db"
    [over] = understood(kind, [msgspec.structs.replace(sample, is_firing=False)])
    assert (over.fingerprint, over.status) == (begun.fingerprint, Status.RESOLVED)


@pytest.mark.parametrize("kind", Kind)
def test_a_storm_is_as_many_alerts_in_groups_of_twenty(kind: Kind) -> None:
    found = understood(kind, storm(250, "Storm", is_firing=True))
    assert len({alert.fingerprint for alert in found}) == 250
    assert len({alert.name for alert in found}) == 13
    assert len(requests(kind, "x", storm(250, "Storm", is_firing=True), AT)) == {
        Kind.PROMETHEUS: 3,
        Kind.ALERTMANAGER: 3,
    }.get(kind, 250)


def test_send_says_when_nothing_answers() -> None:
    done = run("send", "--url", "http://127.0.0.1:9")
    assert (done.exit_code, done.stderr) == (
        1,
        "nothing answers at http://127.0.0.1:9: is the router running? `alert-router serve --config …` starts it\n",
    )


def test_send_wants_an_address() -> None:
    done = run("send", "--url", "localhost:9080")
    assert (done.exit_code, done.stderr) == (
        2,
        "--url 'localhost:9080' is no address; expected one such as http://127.0.0.1:9080\n",
    )
