"""The words of the alerts that the router raises itself, and what keeps them one alert while they fire."""

from datetime import UTC, datetime, timedelta

from adapters.alert import Severity, Status
from router.core.own_alerts import Declaration, OwnDraft, declared, heartbeat_missing, over, source_silent
from rules.model.heartbeat import Heartbeat, HeartbeatKey
from rules.model.matcher import parse
from rules.model.route import DECLARATION

MON = datetime(2026, 11, 2, 1, 15, tzinfo=UTC)
GRACE = timedelta(minutes=45)
DUMP = Heartbeat("pg-dump", parse("job = pg-dump"), cron="15 2 * * *", zone="Europe/Berlin", grace=GRACE)


def test_a_silent_source() -> None:
    alert = source_silent("prometheus", MON, "Europe/Berlin")
    assert alert.title == "prometheus is silent: nothing heard since Mon 02:15 CET"
    assert alert.description == (
        "What prometheus said last still counts: its alerts are neither confirmed nor over until it speaks again."
    )
    assert alert.labels == {"alertname": "SourceSilent", "source": "prometheus", "severity": "high"}
    assert (alert.name, alert.severity, alert.starts_at, alert.ttl) == ("SourceSilent", Severity.HIGH, MON, None)


def test_a_job_that_did_not_come() -> None:
    alert = heartbeat_missing(
        DUMP, HeartbeatKey("", "pg-dump"), due_at=MON, missing_since=MON + GRACE, last_at=MON - timedelta(days=1)
    )
    assert alert.title == "pg-dump was due Mon 02:15 CET, nothing by 03:00"
    assert alert.description == 'A sign of life is an alert with {job="pg-dump"}; the last was seen Sun 02:15 CET.'
    assert alert.labels == {
        "alertname": "HeartbeatMissing",
        "heartbeat": "pg-dump",
        "job": "pg-dump",
        "severity": "high",
    }
    assert alert.starts_at == MON + GRACE


def test_one_of_several_and_a_sources_own() -> None:
    per = Heartbeat("backup", parse("job = b"), every=timedelta(hours=1), per=("host",), forget_after=timedelta(days=3))
    alert = heartbeat_missing(
        per, HeartbeatKey("", "backup", (("host", "db1"),)), due_at=MON, missing_since=MON, last_at=None
    )
    assert alert.title == "backup (db1) was due Mon 01:15 UTC, nothing came"
    assert alert.description.endswith("; none was ever seen.")
    assert (alert.ttl, alert.ttl_is_presumed, alert.labels["host"]) == (timedelta(days=3), True, "db1")
    other = heartbeat_missing(
        per, HeartbeatKey("", "backup", (("host", "db2"),)), due_at=MON, missing_since=MON, last_at=None
    )
    assert other.fingerprint != alert.fingerprint
    own = Heartbeat("p", parse("alertname = Watchdog"), source="p", every=timedelta(minutes=5))
    alert = heartbeat_missing(own, HeartbeatKey("p", "p"), due_at=MON, missing_since=MON + GRACE, last_at=MON)
    assert alert.title == "the heartbeat of p was due Mon 01:15 UTC, nothing by 02:00"


def test_what_a_person_declares() -> None:
    said = Declaration("Nobody can pay", "maria", "checkout", Severity.CRITICAL)
    alert = declared(said, "command:1.2.3", MON)
    assert (alert.title, alert.severity, alert.status) == ("Nobody can pay", Severity.CRITICAL, Status.FIRING)
    labels = {name: text for name, text in alert.labels.items() if name != DECLARATION}
    assert labels == {
        "alertname": "IncidentDeclared",
        "declared_by": "maria",
        "service": "checkout",
        "severity": "critical",
    }
    assert declared(said, "command:1.2.3", MON).fingerprint == alert.fingerprint
    other = declared(said, "command:1.2.4", MON)
    assert (other.fingerprint, other.labels[DECLARATION]) != (alert.fingerprint, alert.labels[DECLARATION])


def test_it_stays_one_alert_when_its_matchers_change_and_its_end_comes_after_it() -> None:
    def missing(one: Heartbeat) -> str:
        return heartbeat_missing(
            one, HeartbeatKey("", one.name), due_at=MON, missing_since=MON, last_at=None
        ).fingerprint

    changed = Heartbeat("pg-dump", parse("{job=pg-dump, team=db}"), every=timedelta(hours=1))
    assert missing(changed) == missing(DUMP)
    firing = source_silent("p", MON, "UTC")
    end = over(firing, MON + GRACE)
    assert (end.status, end.ends_at, end.fingerprint) == (Status.RESOLVED, MON + GRACE, firing.fingerprint)
    assert end.order is not None
    assert firing.order is not None
    assert end.order > firing.order


def test_a_draft_is_the_same_word_only_while_nothing_of_it_changes() -> None:
    one, again = OwnDraft(source_silent("p", MON, "UTC")), OwnDraft(source_silent("p", MON, "UTC"))
    assert one.key == again.key != 0
    assert one.key != OwnDraft(source_silent("p", MON + GRACE, "UTC")).key
    assert one.key != OwnDraft(over(source_silent("p", MON, "UTC"), MON)).key
