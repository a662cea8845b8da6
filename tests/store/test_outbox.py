"""Claims, intents, leases and pace: what deliver may do next, on rows alone."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, select, update

from router.core.delivery import LATE_EFFECT, LEASE, Act, Elsewhere, Intent, Rate
from router.core.urgency import PATIENCE
from router.notifiers.slack.notifier import terms_of
from router.store.delivery import pace as pacing
from router.store.delivery.pace import Pacer
from router.store.delivery.settle import clamp_claims, edit_again
from router.store.tables import conversation, message
from tests.slackworld.pace import TIERS
from tests.store.stores import NOW, SECOND, change_text, claim, give_back, one, post, row, stand, store

RATES = {"T1": terms_of(240).rates}


def test_one_call_per_conversation_in_flight() -> None:
    with store() as conn:
        post(conn, "#a")
        post(conn, "#a")
        post(conn, "#b")
        claimed = claim(conn)
        assert sorted(work.channel for work in claimed.works) == ["C#a", "C#b"]
        assert claim(conn).works == [], "both are claimed"
        assert claim(conn).next_due == NOW + LEASE


def test_the_best_due_item_is_sent_first() -> None:
    with store() as conn:
        low, critical, medium = (post(conn, "#a", rank=rank) for rank in (1, 4, 2))
        sent = []
        now = NOW
        for _ in range(3):
            work = one(conn, now)
            sent.append(work.message_id)
            give_back(conn, work, next_post_at=now + SECOND)
            stand(conn, work.message_id)
            assert claim(conn, now).works == [], "a channel takes a post a second"
            now += SECOND
        assert sent == [critical, medium, low]


def test_an_edit_waits_behind_first_words_but_not_longer_than_a_minute() -> None:
    with store() as conn:
        standing = post(conn, "#a", rank=0)
        stand(conn, standing)
        change_text(conn, standing)
        fresh = post(conn, "#a", rank=4, now=NOW + timedelta(seconds=30))
        soon = NOW + PATIENCE - SECOND
        work = one(conn, soon)
        assert work.message_id == fresh
        give_back(conn, work, next_post_at=soon)
        late = one(conn, NOW + PATIENCE)
        assert (late.message_id, late.act) == (standing, Act.EDIT)


def test_the_intent_is_written_with_the_claim_and_is_the_same_on_every_retry() -> None:
    with store() as conn:
        number = post(conn, "#a")
        first = one(conn)
        assert first.act is Act.POST
        assert row(conn, number).delivery_id == first.key != ""
        assert row(conn, number).intent_at == NOW
        give_back(conn, first)
        assert one(conn).key == first.key


def test_an_intent_without_outcome_is_looked_for_when_a_late_effect_has_happened() -> None:
    with store() as conn:
        post(conn, "#a")
        lost = one(conn)
        late = NOW + LEASE + LATE_EFFECT
        assert claim(conn, late - SECOND).works == []
        assert claim(conn, late - SECOND).next_due == late
        found = one(conn, late)
        assert (found.act, found.key) == (Act.FIND, lost.key)
        assert found.state.intent == Intent(Act.POST, lost.key, NOW, late, version=1, seq=0)


def test_a_lost_claim_writes_nothing() -> None:
    with store() as conn:
        number = post(conn, "#a")
        stand(conn, number)
        change_text(conn, number)
        slow = one(conn)
        later = one(conn, NOW + LEASE + LATE_EFFECT)
        assert later.act is Act.EDIT
        assert not give_back(conn, slow), "the claim is somebody else's by now"
        assert give_back(conn, later)
        assert not give_back(conn, later), "released once"


def test_an_edit_whose_claim_lapsed_lets_a_late_effect_come_first() -> None:
    with store() as conn:
        number = post(conn, "#a")
        stand(conn, number)
        change_text(conn, number)
        one(conn)
        assert claim(conn, NOW + LEASE).works == [], "the one before may take effect until then"
        rested = claim(conn, NOW + LEASE)
        assert rested.next_due == NOW + LEASE + LATE_EFFECT
        news = post(conn, "#a", now=NOW + LEASE)
        work = one(conn, NOW + LEASE)
        assert work.message_id == news, "whoever else has something to say there need not wait"
        give_back(conn, work)
        stand(conn, news)
        assert one(conn, NOW + LEASE + LATE_EFFECT).message_id == number


def test_an_edit_of_unknown_outcome_is_sent_once_more() -> None:
    with store() as conn:
        number = post(conn, "#a")
        stand(conn, number)
        change_text(conn, number)
        work = one(conn)
        give_back(conn, work)
        edit_again(conn, work, not_before=NOW + 30 * SECOND)
        assert claim(conn, NOW + 29 * SECOND).works == []
        assert one(conn, NOW + 30 * SECOND).act is Act.EDIT


def test_an_edit_that_was_told_meanwhile_is_sent_once_more_too() -> None:
    with store() as conn:
        number = post(conn, "#a")
        stand(conn, number)
        change_text(conn, number)
        slow = one(conn)
        stand(conn, number)
        edit_again(conn, slow, not_before=NOW)
        assert row(conn, number).notified_version == row(conn, number).version - 1


@pytest.mark.parametrize("method", sorted(RATES["T1"]))
def test_pace_stays_below_slacks_tier_in_any_minute(method: str) -> None:
    """Ask as often as can be: no minute holds more calls than Slack allows."""
    times: list[datetime] = []
    with store() as conn:
        now = NOW
        while now < NOW + timedelta(minutes=4):
            pacer = Pacer(conn, now, RATES)
            if pacer.take("T1", method, is_news=True):
                times.append(now)
                pacer.save()
                now += timedelta(milliseconds=1)
            else:
                assert pacer.free_at is not None
                now = max(pacer.free_at, now + timedelta(milliseconds=1))
    busiest = max(sum(start <= at < start + timedelta(minutes=1) for at in times) for start in times)
    assert busiest <= TIERS[method]
    assert len(times) >= RATES["T1"][method].per_minute * 4


def test_a_burst_after_a_quiet_minute_does_not_wait() -> None:
    """An edit is due within five seconds while fewer than forty a minute are needed in the workspace."""
    with store() as conn:
        for minute in range(5):
            pacer = Pacer(conn, NOW + timedelta(minutes=minute, seconds=2 * minute), RATES)
            assert all(pacer.take("T1", "chat.update", is_news=False) for _ in range(39))
            pacer.save()


def test_informational_traffic_leaves_a_fifth_for_news() -> None:
    with store() as conn:
        pacer = Pacer(conn, NOW, {"T1": {"m": Rate(per_minute=10, informational=8)}})
        informational = sum(pacer.take("T1", "m", is_news=False) for _ in range(20))
        assert informational == 8
        assert pacer.waited == {("T1", "m")}
        pacer.save()
        pacer = Pacer(conn, NOW + SECOND, {"T1": {"m": Rate(per_minute=10, informational=8)}})
        assert not pacer.take("T1", "m", is_news=False)
        assert pacer.take("T1", "m", is_news=True)


def test_a_blocked_method_waits_and_a_blocked_workspace_waits_whole() -> None:
    with store() as conn:
        post(conn, "#a")
        pacing.block(conn, "T1", "chat.postMessage", until=NOW + 30 * SECOND)
        assert claim(conn).works == []
        assert claim(conn).next_due == NOW + 30 * SECOND
        pacing.block(conn, "T1", "", until=NOW + 60 * SECOND)
        assert claim(conn, NOW + 30 * SECOND).works == []
        pacing.block(conn, "T1", "", until=NOW + 40 * SECOND)
        assert len(claim(conn, NOW + 40 * SECOND).works) == 1


def test_a_message_that_waits_blocks_nobody() -> None:
    with store() as conn:
        refused, other = post(conn, "#a", rank=4), post(conn, "#a", rank=0)
        conn.execute(update(message).where(message.c.id == refused).values(not_before=NOW + timedelta(hours=1)))
        assert one(conn).message_id == other


def test_what_is_over_is_not_sent() -> None:
    with store() as conn:
        number = post(conn, "#a")
        conn.execute(update(message).where(message.c.id == number).values(is_over=True))
        assert claim(conn).works == []
        assert claim(conn).next_due is None


def test_a_message_moves_with_its_word() -> None:
    with store() as conn:
        number = post(conn, "#a")
        work = one(conn)
        other = post(conn, "#b")
        elsewhere = row(conn, other).conversation
        give_back(conn, work, effect=Elsewhere("is_archived", "#b", "This belongs in #a."))
        moved = row(conn, number)
        assert (moved.conversation, moved.ts, moved.notified_version, moved.word) == (
            elsewhere,
            "",
            0,
            "This belongs in #a.",
        )
        works = {work.message_id: work for now in (NOW, NOW + LEASE) for work in claim(conn, now).works}
        assert works[number].key != work.key, "it begins anew: another post"


def test_after_a_clock_step_nothing_lies_further_ahead_than_its_own_length() -> None:
    with store() as conn:
        number = post(conn, "#a")
        one(conn)
        pacing.block(conn, "T1", "chat.update", until=NOW + timedelta(hours=1))
        earlier = NOW - timedelta(days=1)
        clamp_claims(conn, earlier)
        assert row(conn, number).intent_at == earlier
        assert row(conn, number).due_since == earlier
        assert _until(conn) == earlier + LEASE
        assert Pacer(conn, earlier, RATES).take("T1", "chat.postMessage", is_news=True), "calls ahead count no more"
        assert one(conn, earlier + LEASE + LATE_EFFECT).act is Act.FIND


def _until(conn: Connection) -> datetime | None:
    return conn.execute(select(conversation.c.claimed_until)).scalar()


def test_pages_then_first_words_then_ends_then_edits() -> None:
    with store() as conn:
        edited, ended = post(conn, "#a", rank=4), post(conn, "#a", rank=1)
        for number in (edited, ended):
            stand(conn, number)
            change_text(conn, number)
        conn.execute(update(message).where(message.c.id == ended).values(moved_to="#b", tells_end=True))
        first = post(conn, "#a", rank=0)
        page = post(conn, "#a", rank=1)
        conn.execute(update(message).where(message.c.id == page).values(subject="page"))
        sent, now = [], NOW
        for _ in range(4):
            work = one(conn, now)
            sent.append(work.message_id)
            give_back(conn, work, next_post_at=now + SECOND)
            stand(conn, work.message_id, work.state.ts or "2.000002")
            now += SECOND
        assert sent == [page, first, ended, edited]
