"""Delivery costs what is to be done now: neither what was told before nor what waits makes a claim dearer."""

from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import Connection, insert, select, update

from adapters.alert import Severity
from router.core.content import Subject
from router.core.delivery import (
    Act,
    Anew,
    Change,
    Effect,
    Elsewhere,
    Hold,
    LookedUp,
    NotSent,
    NotThere,
    Over,
    Told,
    Unsure,
)
from router.core.view import IncidentView, State
from router.store import clock_step, health, read, retention
from router.store.delivery.settle import clamp_claims, settle
from router.store.evaluation import messages
from router.store.tables import conversation, incident, message, page, timeline
from rules.model.ruleset import Retention
from tests.store.plans import plan, recorded, scans, steps
from tests.store.stores import NOW, SECOND, change_text, channel, claim, give_back, post, stand, store

OLD = 100_000


def history(conn: Connection, incidents: int) -> None:
    """Incidents that were told and are over."""
    there = [channel(conn, f"#old-{number}") for number in range(20)]
    values = {
        "group_id": 1, "route": "r", "group_labels": "{}", "state": "resolved", "severity": "high", "title": "t",
        "started_at": NOW, "opened_at": NOW, "thread_line_at": NOW, "loud_at": NOW, "loud_firing": 1,
        "loud_severity": "high", "last_notified_at": NOW, "view": "{}",
    }  # fmt: skip
    conn.execute(insert(incident), [{**values, "number": number} for number in range(1, incidents + 1)])
    told = {
        "subject": "incident", "is_primary": True, "rank": 3, "version": 2, "notified_version": 2, "due_since": NOW,
        "ts": "1.000001", "posts": 1, "tells_end": True, "end_notified": True,
    }  # fmt: skip
    rows = [{**told, "incident": n, "conversation": there[n % 20], "page": n} for n in range(1, incidents + 1)]
    conn.execute(insert(message), rows)


def waiting(conn: Connection, words: int) -> None:
    """First words that wait, in ten channels."""
    there = [channel(conn, f"#busy-{number}") for number in range(10)]
    values = {"subject": "post", "is_primary": False, "version": 1, "notified_version": 0, "due_since": NOW}
    rows = [{**values, "conversation": there[n % 10], "rank": n % 5, "text": f"word {n}"} for n in range(words)]
    conn.execute(insert(message), rows)


def test_an_empty_claim_costs_the_same_with_a_hundred_thousand_old_incidents() -> None:
    costs = []
    for old in (0, OLD):
        with store() as conn:
            history(conn, old) if old else None
            assert claim(conn).works == []
            costs.append(steps(conn, lambda conn=conn: claim(conn)))  # type: ignore[misc]
    assert costs[1] <= costs[0] + 1, costs


def test_a_claim_costs_the_same_whatever_waits() -> None:
    costs = []
    for words in (100, 20_000):
        with store() as conn:
            waiting(conn, words)
            costs.append(steps(conn, lambda conn=conn: claim(conn, most=16)))  # type: ignore[misc]
    assert costs[1] <= 1.5 * costs[0], costs


EFFECTS: list[Effect] = [
    Told(Act.POST, 1, 0, "2.000002"),
    NotSent("error", NOW),
    Unsure("error", 1, edit_again_at=NOW),
    NotThere("not_found"),
    Anew("message_not_found"),
    Over("gone"),
    Elsewhere("is_archived", "#db", "This belongs in #a."),
    LookedUp("C1"),
]


@pytest.mark.parametrize("subject", list(Subject))
@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: type(effect).__name__)
def test_no_statement_of_a_delivery_scans_what_grows(subject: Subject, effect: Effect) -> None:
    with store() as conn:
        for number in (1, 2):
            new = post(conn, "#a")
            conn.execute(update(message).where(message.c.id == new).values(subject=subject.value))
            if number == 2:
                stand(conn, new)
                change_text(conn, new)
        if subject is not Subject.POST:
            with_incident(conn, subject)
        with recorded(conn) as seen:
            claimed = claim(conn)
            for work in claimed.works:
                settle(conn, work, Change(effect, Hold(refused="")), NOW)
            claim(conn, NOW + timedelta(minutes=2))
        assert any("recursive" in text.lower() for text in seen)
        assert scans(conn, seen) == []


def with_incident(conn: Connection, subject: Subject) -> None:
    view = IncidentView(
        number=1, state=State.TRIGGERED, severity=Severity.HIGH, title="t", name="n", summary="", started_at=NOW,
        firing=1, route="r", sources=("p",),
    )  # fmt: skip
    history(conn, 1)
    conn.execute(update(incident).values(state="triggered", seq=1, view=msgspec.json.encode(view).decode()))
    conn.execute(insert(page).values(id=1, incident=1, document="{}", round=1, step=1, moved_at=NOW))
    document = '{"seq":1,"at":"2026-11-02T12:00:00Z","kind":"worse"}'
    conn.execute(
        insert(timeline).values(incident=1, seq=1, at=NOW, kind="worse", is_broadcast=False, document=document)
    )
    values = {"incident": 1, "entry": 1, "page": None if subject is Subject.INCIDENT else 1}
    conn.execute(update(message).values(values))


def test_nor_what_is_forgotten_every_hour() -> None:
    """But for groups, ours and senders': those that nobody is in are found among the groups of a day."""
    with store() as conn:
        history(conn, 10)
        post(conn, "#a")
        with recorded(conn) as seen:
            retention.prune(conn, NOW, Retention(), timedelta(minutes=10))
        assert len(seen) >= 8
        by_day = ("SCAN alert_group", "SCAN sender_group")
        assert [line for line in scans(conn, seen) if not line.startswith(by_day)] == []


def test_nor_what_is_asked_beside_it() -> None:
    with store() as conn:
        history(conn, 10)
        post(conn, "#a")
        with recorded(conn) as seen:
            health.read(conn)
            clamp_claims(conn, NOW)
            messages.raise_versions(conn, 1, rank=1, tells_end=False, now=NOW)
            messages.people_paged(conn, 1)
            messages.open_home(conn, 1)
            messages.shown_at(conn, 1, 1)
        assert scans(conn, seen) == []


def test_the_incident_of_a_thread_is_found_by_the_message_that_it_hangs_from() -> None:
    with store() as conn:
        history(conn, 40)
        there, elsewhere = channel(conn, "#db"), channel(conn, "#elsewhere")
        conn.execute(update(conversation).where(conversation.c.id == there).values(channel="C0DB000"))
        conn.execute(update(conversation).where(conversation.c.id == elsewhere).values(channel="C0ELSE0"))
        for number, conversation_id in ((7, there), (8, elsewhere)):  # of two channels with one ts each
            mine = update(message).where(message.c.incident == number)
            conn.execute(mine.values(ts="1700000000.000100", conversation=conversation_id))
        conn.execute(update(message).where(message.c.incident == 9).values(incident=None, ts="1700000000.000200"))
        with recorded(conn) as seen:
            assert messages.incident_at(conn, "C0DB000", "1700000000.000100") == 7
            assert messages.incident_at(conn, "C0ELSE0", "1700000000.000100") == 8
            assert messages.incident_at(conn, "C0OTHER", "1700000000.000100") is None
            assert messages.incident_at(conn, "C0DB000", "1700000000.000200") is None
            assert messages.incident_at(conn, "C0DB000", "") is None
        assert scans(conn, seen) == []
        [(asked, parameters)] = seen.items()
        assert "SEARCH message USING INDEX message_stands (ts=?)" in plan(conn, asked, parameters)


def test_what_fires_is_listed_without_what_is_over() -> None:
    with store() as conn:
        history(conn, 40)
        with_view(conn, 3)
        with_view(conn, 30)
        with recorded(conn) as seen:
            assert [view.number for view in read.open_views(conn, 10)] == [30, 3]
            assert [view.number for view in read.open_views(conn, 1)] == [30]
        assert scans(conn, seen) == []


def with_view(conn: Connection, number: int) -> None:
    view = IncidentView(
        number=number, state=State.TRIGGERED, severity=Severity.HIGH, title="t", name="n", summary="", started_at=NOW,
        firing=1, route="r", sources=("p",),
    )  # fmt: skip
    fires = update(incident).where(incident.c.number == number)
    conn.execute(fires.values(state="triggered", view=msgspec.json.encode(view).decode()))


def test_nor_does_a_step_of_the_clock_read_every_message() -> None:
    with store() as conn, recorded(conn) as seen:
        clock_step.clamp(conn, NOW)
        mine = {text: values for text, values in seen.items() if "UPDATE message" in text}
        assert len(mine) == 2
        assert scans(conn, mine) == []


def test_the_helper_finds_a_scan() -> None:
    with store() as conn:
        with recorded(conn) as seen:
            conn.execute(select(message.c.id).where(message.c.last_error == "x"))
            conn.execute(select(conversation.c.id))
            conn.execute(select(message.c.id).where(message.c.id == 1))
        assert [line.partition(":")[0] for line in scans(conn, seen)] == ["SCAN message"]


def test_a_conversation_is_claimed_again_after_each_word() -> None:
    """What the heads leave out comes next: nothing that waits is forgotten, the worst first, then the oldest."""
    with store() as conn:
        waiting(conn, 50)
        told: list[int] = []
        for second in range(5):
            claimed = claim(conn, NOW + second * SECOND)
            for work in claimed.works:
                told.append(work.message_id)
                give_back(conn, work, effect=Told(Act.POST, 1, 0, "1.000001"))
        assert sorted(told) == list(range(1, 51))
        ranks = conn.execute(select(message.c.rank).where(message.c.id.in_(told[:10]))).scalars().all()
        assert len(ranks) == 10
