"""What must be heard from: when it is due, what is a sign of it, and every mistake in writing it."""

from datetime import timedelta

import pytest

from adapters.alert import Severity
from rules.model.configuration import DeadMansSwitchSettings, EnvSecret
from rules.model.heartbeat import OWN_SOURCE, Heartbeat, HeartbeatKey, StaleAfter
from rules.model.matcher import parse
from tests.rules.reading import HEAD, ROUTING, accepted, at, complaints, labels, loading

MINUTE = timedelta(minutes=1)
MATCHERS = "a list of matchers such as ['team = payments', 'severity =~ \"crit.*\"']"
CRON = 'expected five fields of cron: minute, hour, day of month, month, day of week, such as "15 2 * * *"'
URL = "expected an address that begins with http:// or https://, or {env: NAME} or {file: PATH} where it is secret"


def beat(cron: str = "", **more: object) -> Heartbeat:
    return Heartbeat("x", parse("job = x"), cron=cron, zone="Europe/Berlin", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cron", "last", "due"),
    [
        ("15 2 * * *", "2026-11-02T02:20+01:00", "2026-11-03T02:15+01:00"),
        ("15 2 * * *", "2026-11-02T02:14:30+01:00", "2026-11-03T02:15+01:00"),  # a minute early is in time
        ("15 2 * * *", "2026-11-02T02:13:59+01:00", "2026-11-02T02:15+01:00"),
        ("15 2 * * *", "2026-11-02T02:14+01:00", "2026-11-03T02:15+01:00"),
        ("0 9 * * mon-fri", "2026-11-06T09:01+01:00", "2026-11-09T09:00+01:00"),
        ("0 4 1 * *", "2026-11-02T00:00+01:00", "2026-12-01T04:00+01:00"),
        ("30 2 * * *", "2026-03-28T03:00+01:00", "2026-03-29T03:00+02:00"),  # skipped by the clock: the next there is
        ("30 2 * * *", "2026-10-24T03:00+02:00", "2026-10-25T02:30+02:00"),  # repeated by the clock: the first ...
        ("30 2 * * *", "2026-10-25T02:31+02:00", "2026-10-26T02:30+01:00"),  # ... and once
        ("*/20 * * * *", "2026-10-25T02:50+02:00", "2026-10-25T02:00+01:00"),  # what runs all day runs in both
    ],
)
def test_when_cron_says_that_a_job_is_due(cron: str, last: str, due: str) -> None:
    assert beat(cron).due_after(at(last)) == at(due)


def test_when_the_next_of_those_is_due_that_come_every_so_often() -> None:
    now = at("2026-11-02T12:00Z")
    assert beat(every=26 * 60 * MINUTE).due_after(now) == at("2026-11-03T14:00Z")


def test_who_is_a_sign_of_life() -> None:
    one = Heartbeat("x", parse("job =~ x|y"), every=MINUTE, per=("host", "job"))
    assert one.sign(labels(job="x", host="a")) == HeartbeatKey("", "x", (("host", "a"), ("job", "x")))
    assert one.sign(labels(job="z", host="a")) is None
    assert one.sign(labels(job="x")) is None, "without a host it says of no host that it lives"
    of_source = Heartbeat("p", parse("alertname = Watchdog"), source="p", every=MINUTE)
    assert of_source.sign(labels(alertname="Watchdog")) == HeartbeatKey("p", "p")
    assert of_source.sign(labels(alertname="Watchdog", alert_source="q")) is None


def test_the_alert_has_the_labels_that_its_matchers_fix_so_that_the_jobs_own_route_takes_it() -> None:
    one = Heartbeat(
        "x",
        parse('{job="x", team="db", host!="b", alertname="Ran", alert.severity="low"}'),
        every=MINUTE,
        per=("host",),
    )
    assert one.labels((("host", "a"),)) == {
        "alertname": "HeartbeatMissing",
        "heartbeat": "x",
        "job": "x",
        "team": "db",
        "host": "a",
    }
    of_source = Heartbeat("p", parse("job = x"), source="p", every=MINUTE)
    assert of_source.labels(()) == {"alertname": "HeartbeatMissing", "source": "p"}


def test_a_sources_own_heartbeat_is_told_nobody_and_one_of_heartbeats_is() -> None:
    rules = accepted(
        "version: 1\nslack: preview\n"
        "sources: {p: {adapter: prometheus, auth: none, heartbeat: {match: ['alertname = Watchdog'], every: 5m}}}\n"
        "heartbeats: {x: {match: ['job = x'], every: 1h}}\n" + ROUTING
    ).rules
    watchdog = rules.decide(labels(alertname="Watchdog"))
    assert (watchdog.owners, watchdog.signs) == ((), (HeartbeatKey("p", "p"),))
    elsewhere = rules.decide(labels(alertname="Watchdog", alert_source="q"))
    assert (len(elsewhere.owners), elsewhere.signs) == (1, ())
    job = rules.decide(labels(alertname="Failed", job="x"))
    assert (len(job.owners), job.signs) == (1, (HeartbeatKey("", "x"),))
    own = rules.decide(labels(alertname="HeartbeatMissing", job="x", alert_source=OWN_SOURCE))
    assert (len(own.owners), own.signs) == (1, ()), "the router's own word is no sign of life"


def test_what_the_keys_mean() -> None:
    found = accepted(
        "version: 1\nslack: preview\ntimezone: Europe/Berlin\nsources:\n"
        "  p: {adapter: prometheus, auth: none, heartbeat: {match: ['a = b'], every: 5m, grace: 1m, severity: critical}}\n"
        "  q: {adapter: prometheus, auth: none, silent_after: 1h}\n"
        "  r: {adapter: prometheus, auth: none, silent_after: none}\n"
        "  s: {adapter: generic, auth: none}\n"
        "heartbeats:\n"
        "  nightly: {match: ['job = x'], cron: 15 2 * * *}\n"
        "  hourly: {match: ['job = y'], every: 1h, per: [host], timezone: UTC}\n"
        "router: {heartbeat: {url: https://example.com/ping/1?status=up}}\n" + ROUTING
    )
    awaited = found.rules.awaited
    assert awaited.silent_after == {"p": StaleAfter(5 * MINUTE), "q": StaleAfter(60 * MINUTE, is_said=True)}
    own, nightly, hourly = awaited.heartbeats
    assert (own.source, own.every, own.grace, own.severity) == ("p", 5 * MINUTE, MINUTE, Severity.CRITICAL)
    assert (nightly.cron, nightly.zone, nightly.grace) == ("15 2 * * *", "Europe/Berlin", 15 * MINUTE)
    assert (hourly.zone, hourly.grace, hourly.forget_after) == ("UTC", timedelta(0), timedelta(days=14))
    assert found.outward == DeadMansSwitchSettings(url="https://example.com/ping/1?status=up")
    secret = accepted(HEAD + ROUTING + "router: {heartbeat: {url: {env: PING}, every: 30s}}\n").outward
    assert secret == DeadMansSwitchSettings(secret=(EnvSecret("PING"),), every=timedelta(seconds=30))
    assert accepted(HEAD + ROUTING).outward is None


MISTAKES = [
    (
        "heartbeats: {a: {match: [j=x]}, b: {match: [j=x], every: 1h, cron: '0 1 * * *'}, c: {every: 1h}}",
        [
            '5:17: heartbeats.a: neither every nor cron; expected either of them: every: 26h, or cron: "15 2 * * *"',
            '5:36: heartbeats.b: every and cron; expected either of them: every: 26h, or cron: "15 2 * * *"',
            f"5:85: heartbeats.c: match is missing; expected match: {MATCHERS}",
        ],
    ),
    (
        (
            "heartbeats:\n  a: {match: [j=x], cron: 15 2 * *}\n  b: {match: [j=x], cron: 15 24 * * *}\n"
            "  c: {match: [j=x], cron: '@daily'}\n  d: {match: [j=x], cron: 0 0 31 feb *}\n  e: {match: [j=x], cron: 0 0 30 2 mon}\n"
            "  f: {match: [j=x], cron: 5}"
        ),
        [
            f"6:27: heartbeats.a.cron: found '15 2 * *'; {CRON}",
            f"7:27: heartbeats.b.cron: found '15 24 * * *': its hour is wrong; {CRON}",
            f"8:27: heartbeats.c.cron: found '@daily'; {CRON}",
            f"9:27: heartbeats.d.cron: found '0 0 31 feb *': its day of month is wrong; {CRON}",
            f"11:27: heartbeats.f.cron: found the number 5; {CRON}",
        ],
    ),
    (
        (
            "heartbeats:\n  a: {match: [j=x], every: 10s}\n  b: {match: [j=x], every: 1h, forget_after: 1d}\n"
            "  c: {match: [j=x], every: 1d, grace: 1h, per: [host], forget_after: 1d}\n"
            "  d: {match: [j=x], every: 15d, per: [host, alertname, alert.name]}\n  e/f: {match: [j=x], every: 1h}\n"
            "  g: {match: [j=x], every: 1h, severity: bad, timezone: Berlin, per: []}"
        ),
        [
            "6:28: heartbeats.a.every: found '10s'; expected at least 30s",
            "7:46: heartbeats.b.forget_after: forget_after without per; expected per: [LABEL, …], or no forget_after",
            "8:70: heartbeats.c.forget_after: forgotten after 1d, before it could be missed; expected forget_after: more than every and grace (1d1h)",
            "9:28: heartbeats.d.every: forgotten after 2w, before it could be missed; expected forget_after: more than every and grace (2w1d)",
            "9:45: heartbeats.d.per[1]: per alertname; expected a label as it was sent, such as host or job",
            "9:56: heartbeats.d.per[2]: per alert.name; expected a label as it was sent, such as host or job",
            "10:3: heartbeats.e/f: the name 'e/f'; expected 1 to 100 characters, without /",
            "11:42: heartbeats.g.severity: found 'bad'; expected one of critical, high, medium, low, info",
            "11:57: heartbeats.g.timezone: unknown time zone 'Berlin'; expected an IANA time zone such as Europe/Berlin, or UTC (did you mean Europe/Berlin?)",
            "11:70: heartbeats.g.per: an empty list; expected a list of labels such as [host, job]",
        ],
    ),
    (
        "router: {heartbeat: {url: example.com/secret, every: 5s}}",
        [
            f"5:27: router.heartbeat.url: not an address; {URL}",
            "5:54: router.heartbeat.every: found '5s'; expected at least 10s",
        ],
    ),
    (
        "router: {heartbeat: {url: [a]}}",
        [f"5:27: router.heartbeat.url: found a list; {URL}"],
    ),
    (
        "router: {heartbeat: {url: {env: }}}",
        [
            (
                "5:27: router.heartbeat.url: not a reference to a secret; "
                "expected {env: NAME} or {file: PATH}, or a list of them while two are valid"
            )
        ],
    ),
    ("router: {}", ["5:9: router: heartbeat is missing; expected heartbeat: a map with url, every"]),
    (
        "router: {heartbeat: {every: 1m}}",
        [f"5:21: router.heartbeat: url is missing; {URL.replace('expected ', 'expected url: ')}"],
    ),
]


@pytest.mark.parametrize(("text", "expected"), MISTAKES)
def test_mistakes(text: str, expected: list[str]) -> None:
    assert complaints(HEAD + ROUTING + text + "\n") == expected


def test_mistakes_of_sources() -> None:
    text = (
        "version: 1\nslack: preview\n" + ROUTING + "sources:\n"
        "  alert-router: {adapter: generic, auth: none}\n"
        "  a: {adapter: generic, auth: none, namespace: alert-router, silent_after: 5s}\n"
        "  b: {adapter: prometheus, auth: none, heartbeat: {match: [a=b], cron: '0 1 * * *'}}\n"
        "  c: {adapter: prometheus, auth: none, heartbeat: {every: 5m, per: [x]}, silent_after: }\n"
    )
    assert complaints(text) == [
        "5:17: sources.alert-router: alert-router is the source of the router's own alerts; expected another name",
        "6:48: sources.a.namespace: alert-router is the namespace of the router's own alerts; expected another name",
        "6:76: sources.a.silent_after: found '5s'; expected at least 30s",
        "7:51: sources.b.heartbeat: every is missing; expected every: a duration such as 90s, 10m, 1h30m, 2d or 1w",
        "7:66: sources.b.heartbeat.cron: unknown key 'cron'; expected one of match, every, grace, severity",
        f"8:51: sources.c.heartbeat: match is missing; expected match: {MATCHERS}",
        "8:63: sources.c.heartbeat.per: unknown key 'per'; expected one of match, every, grace, severity",
        "8:88: sources.c.silent_after: found nothing; expected a duration such as 90s, 10m, 1h30m, 2d or 1w, or none (none takes an inherited setting away)",
    ]


def test_a_secret_address_is_never_printed() -> None:
    found = loading(HEAD + ROUTING + "router: {heartbeat: {url: hunter2}}\n")
    assert "hunter2" not in "".join(map(str, found.errors))
