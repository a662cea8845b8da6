"""What is remembered of committed alerts stays true through ends, pruning and more alerts than fit."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from adapters.alert import fingerprint
from router.core.order import Verdict
from router.incidents.expire import forget
from router.runtime.clock import from_ms
from router.store.bulk import Insert, WhereIn
from router.store.intake.committed import Committed, CommittedAlerts
from router.store.intake.sources import expire
from tests.store.intake import MINUTE, NOW, TTL, Store, change, number_of

HEX = fingerprint({"alertname": "InstanceDown", "instance": "a"})


def known(number: int, key: int = 0) -> Committed:
    return Committed(number, 2 * NOW, -5, True, NOW, False, NOW, NOW + MINUTE, key)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "a.db", "what it took")
    yield opened
    opened.close()


def test_what_is_put_is_what_is_got() -> None:
    alerts = CommittedAlerts()
    alerts.put([("prometheus", -(1 << 63), known(1, key=-7)), ("datadog", 3, known(2))])
    assert alerts.get("prometheus", -(1 << 63)) == known(1, key=-7)
    assert alerts.get("datadog", 3) == known(2)
    assert alerts.get("datadog", 4) is None
    assert alerts.last_id == 2


def test_what_is_dropped_is_neither_known_nor_free(store: Store) -> None:
    store.take(change(key=77))
    store.known.drop([("prometheus", HEX), ("nowhere", HEX)])
    assert store.known.get("prometheus", number_of("a")) is None
    assert not store.known.is_unchanged(77, NOW)


def test_with_more_than_it_may_keep_it_forgets_the_oldest_and_says_that_it_is_not_complete(store: Store) -> None:
    store.known = CommittedAlerts(most=2)
    store.take(change("a", key=1))
    store.known.load(store._conn)
    store.take(change("b", key=2))
    assert store.known.is_complete
    store.take(change("c", key=3))
    assert not store.known.is_complete
    assert [store.known.is_unchanged(key, NOW) for key in (1, 2, 3)] == [False, True, True]
    assert store.take(change("a"), at=NOW + 1) == [Verdict.UNCHANGED]


def test_what_is_too_much_to_remember_is_not_read_at_a_start(store: Store) -> None:
    store.take(change("a"), change("b"))
    alerts = CommittedAlerts(most=1)
    alerts.load(store._conn)
    assert not alerts.is_complete
    assert alerts.get("prometheus", number_of("a")) is None


@pytest.mark.parametrize("ttl", [TTL, TTL + 1])
def test_a_start_finds_what_the_process_before_it_knew_but_for_the_keys(store: Store, ttl: int) -> None:
    store.take(change("a", key=5, ttl_ms=ttl), change("b", ttl_ms=None), change("c", is_firing=False))
    before = {name: store.known.get("prometheus", number_of(name)) for name in "abc"}
    store.load()
    for name, knew in before.items():
        assert knew is not None
        assert store.known.get("prometheus", number_of(name)) == knew._replace(key=0)
    assert store.known.last_id == 3


def test_an_alert_that_expired_is_known_to_have_ended_unsaid(store: Store) -> None:
    store.take(change(key=77))
    later = NOW + 2 * TTL
    store.do("INSERT INTO source (name, heard_at) VALUES ('prom', ?)", later)
    ended = expire(store._conn, from_ms(later), from_ms(later) - timedelta(hours=1), 10)
    forget(store.known, ended)
    found = store.known.get("prometheus", number_of("a"))
    store.load()
    assert found == store.known.get("prometheus", number_of("a"))
    assert found is not None
    assert not found.is_firing
    assert not store.known.is_unchanged(77, NOW)
    assert store.take(change(), at=later + 1) == [Verdict.APPLY]


@pytest.mark.parametrize("count", [0, 1, 3, 4, 20, 85, 257, 700])
def test_any_number_of_rows_goes_out_whole_and_in_order(count: int) -> None:
    with create_engine("sqlite://").connect() as conn:
        conn.exec_driver_sql("CREATE TABLE t (a INTEGER, b TEXT)")
        Insert("t", ("a", "b")).run(conn, [(number, f"?{number}") for number in range(count)])
        assert conn.exec_driver_sql("SELECT a, b FROM t ORDER BY rowid").fetchall() == [
            (number, f"?{number}") for number in range(count)
        ]
        WhereIn("UPDATE t SET b = ? WHERE a IN").run(conn, ("x",), range(1, count))
        found = list(WhereIn("SELECT a FROM t WHERE b = ? AND a IN").rows(conn, ("x",), range(count)))
        assert [number for (number,) in found] == list(range(1, count))
