"""What a batch of words about alerts becomes: which applies, what is stored, where each alert belongs. Everything here
holds alike whether the store remembers what it took, has just read it, or knows nothing and must ask."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from router.core.member import MemberState
from router.core.order import Verdict
from router.runtime.clock import EPOCH
from router.store.intake.change import Inhibits
from rules.model.matcher import parse
from rules.model.suppression import LabelSuppressor, SuppressionKind, SuppressorsInForce
from tests.store.intake import DISK, MINUTE, NOW, TTL, WEB, Store, change, number_of

APPLY, UNCHANGED, TOUCH, STALE = Verdict.APPLY, Verdict.UNCHANGED, Verdict.TOUCH, Verdict.STALE
EARLIER = NOW - 30 * MINUTE


@pytest.fixture(params=["what it took", "what it read", "nothing"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "a.db", request.param)
    yield opened
    opened.close()


# Order


def test_a_new_alert_is_stored_as_it_was_said(store: Store) -> None:
    assert store.take(change(name="InstanceDown", document='{"title":"x"}')) == [APPLY]
    assert store.one(
        "id, source, name, severity_rank, is_firing, order_no, digest, starts_at, changed_at, document"
    ) == (
        *(1, "prom", "InstanceDown", 3, 1, 2 * NOW, 1, NOW, NOW),
        '{"title":"x"}',
    )
    assert store.one("ends_at, ended_how, ttl, ttl_is_presumed, expires_at") == (None, None, TTL, 0, NOW + TTL)


def test_the_same_word_again_changes_nothing(store: Store) -> None:
    store.take(change())
    assert store.take(change(), at=NOW + MINUTE) == [UNCHANGED]
    assert store.one("changed_at, expires_at") == (NOW, NOW + TTL)


def test_a_later_word_of_the_same_order_applies(store: Store) -> None:
    store.take(change(digest=1, document="{}"))
    assert store.take(change(digest=5, document='{"title":"y"}'), at=NOW + MINUTE) == [APPLY]
    assert store.one("digest, document, changed_at") == (5, '{"title":"y"}', NOW + MINUTE)


def test_words_about_one_alert_in_one_batch_are_merged_in_order_of_arrival(store: Store) -> None:
    words = [change(digest=1), change("b"), change(digest=2), change(digest=2), change(is_firing=False)]
    assert store.take(*words) == [APPLY, APPLY, APPLY, UNCHANGED, APPLY]
    assert store.one("is_firing, ended_how, ends_at") == (0, "told", NOW)
    assert store.rows("SELECT count(*) FROM alert") == [(2,)]


def test_a_firing_that_comes_after_its_own_end_in_one_batch_is_stale(store: Store) -> None:
    assert store.take(change(is_firing=False), change()) == [APPLY, STALE]
    assert store.one("is_firing") == (0,)


def test_an_end_is_stored_with_its_instant_even_for_an_unknown_alert(store: Store) -> None:
    assert store.take(change(is_firing=False, ends_ms=NOW - 5)) == [APPLY]
    assert store.one("is_firing, ended_how, ends_at, expires_at") == (0, "told", NOW - 5, None)
    assert store.groups_of() == []


@pytest.mark.parametrize(("later", "verdict"), [(119_999, STALE), (120_000, APPLY)])
def test_a_late_firing_is_stale_for_two_minutes_and_new_bad_news_after(
    store: Store, later: int, verdict: Verdict
) -> None:
    store.take(change())
    store.take(change(is_firing=False), at=NOW + 1)
    assert store.take(change(), at=NOW + 1 + later) == [verdict]
    assert store.one("is_firing") == (verdict is APPLY,)


def test_an_end_that_nobody_told_is_no_reason_to_call_a_firing_stale(store: Store) -> None:
    store.take(change())
    store.do("UPDATE alert SET is_firing = 0, ended_how = 'expired', changed_at = ?, order_no = order_no + 1", NOW + 1)
    store.load()
    assert store.take(change(), at=NOW + 2) == [APPLY]


def test_an_old_end_does_not_end_the_current_episode(store: Store) -> None:
    store.take(change())
    assert store.take(change(is_firing=False, starts_ms=EARLIER), at=NOW + 1) == [STALE]
    assert store.one("is_firing, starts_at") == (1, NOW)


def test_a_word_without_an_instant_of_its_own_applies_as_it_comes_whatever_the_wall_clock_does(store: Store) -> None:
    hour_before, ten_before = 2 * (NOW - 60 * MINUTE), 2 * (NOW - 10 * MINUTE)
    store.take(change(sent_order=None))
    assert store.take(change(is_firing=False, order=hour_before, sent_order=None), at=NOW - 60 * MINUTE) == [APPLY]
    assert store.one("is_firing, order_no") == (0, 2 * NOW)
    assert store.take(change(order=ten_before, sent_order=None), at=NOW - 10 * MINUTE) == [APPLY]
    assert store.one("is_firing, order_no") == (1, 2 * NOW)
    assert (
        store.take(change(is_firing=False, order=1, sent_order=None), change(order=0, sent_order=None)) == [APPLY] * 2
    )
    assert store.one("is_firing, order_no") == (1, 2 * NOW)


# Touch, and two senders of one alert


def test_a_touch_is_written_when_half_the_time_to_live_is_used(store: Store) -> None:
    store.take(change())
    half = NOW + TTL // 2
    assert store.take(change(), at=half - 1) == [UNCHANGED]
    assert store.take(change(source="other", ttl_ms=TTL + 2), at=half) == [TOUCH]
    assert store.one("expires_at, ttl, source, changed_at") == (half + TTL + 2, TTL + 2, "other", NOW)
    assert store.take(change(), at=half + 1) == [UNCHANGED]


def test_without_a_time_to_live_nothing_is_touched(store: Store) -> None:
    store.take(change(ttl_ms=None))
    assert store.take(change(ttl_ms=None), at=NOW + 10**9) == [UNCHANGED]
    assert store.one("ttl, expires_at") == (None, None)


def test_an_end_that_is_said_again_is_no_touch(store: Store) -> None:
    store.take(change(is_firing=False))
    assert store.take(change(is_firing=False), at=NOW + 10**9) == [UNCHANGED]


def test_the_slower_of_two_senders_is_a_sign_of_life_and_no_news(store: Store) -> None:
    slow, fast = change(starts_ms=EARLIER, digest=1), change(starts_ms=NOW, digest=2)
    assert store.take(slow, at=NOW) == [APPLY]
    assert store.take(fast, at=NOW + 1) == [APPLY]
    assert store.take(slow, at=NOW + 2) == [UNCHANGED]
    assert store.take(slow, at=NOW + 1 + TTL // 2) == [TOUCH]
    assert store.one("digest, order_no, expires_at") == (2, 2 * NOW, NOW + 1 + TTL // 2 + TTL)


# When it began


def test_starts_at_is_the_earliest_of_the_episode(store: Store) -> None:
    store.take(change(starts_ms=EARLIER))
    store.take(change(starts_ms=NOW, digest=3), at=NOW + 1)
    assert store.one("starts_at, order_no") == (EARLIER, 2 * NOW)
    store.take(change(starts_ms=NOW + MINUTE, is_firing=False), at=NOW + 2 * MINUTE)
    assert store.one("starts_at, is_firing") == (EARLIER, 0)


def test_a_new_episode_begins_when_it_says(store: Store) -> None:
    store.take(change(starts_ms=EARLIER))
    store.take(change(starts_ms=EARLIER, is_firing=False), at=NOW)
    store.take(change(starts_ms=NOW + MINUTE), at=NOW + MINUTE)
    assert store.one("starts_at, is_firing, ends_at") == (NOW + MINUTE, 1, None)


# Groups


def test_the_first_alert_founds_its_group_and_others_join(store: Store) -> None:
    store.take(change("a"), change("b"))
    store.take(change("c"), at=NOW + 1)
    assert store.rows("SELECT route, labels, settings_id, created_at FROM alert_group") == [
        ("web", WEB.labels, "s1", NOW)
    ]
    assert store.rows("SELECT alert_id, state, suppressed_kind, joined_at FROM membership ORDER BY 1") == [
        (1, MemberState.ARRIVED, "", NOW),
        (2, MemberState.ARRIVED, "", NOW),
        (3, MemberState.ARRIVED, "", NOW + 1),
    ]


def test_a_new_group_waits_and_a_known_one_is_due_at_once(store: Store) -> None:
    store.take(change("a"))
    assert store.rows("SELECT due_at FROM alert_group") == [(NOW + WEB.wait_ms,)]
    store.look(at=NOW)
    store.take(change("b"), at=NOW + 5_000)
    assert store.rows("SELECT due_at FROM alert_group") == [(NOW + 5_000,)]


def test_a_group_is_not_looked_at_more_than_once_a_second(store: Store) -> None:
    store.take(change("a"))
    store.look(at=NOW + 100)
    store.take(change("b"), at=NOW + 200)
    assert store.rows("SELECT due_at FROM alert_group") == [(NOW + 1_100,)]


def test_a_wake_never_makes_a_group_wait_longer(store: Store) -> None:
    store.take(change("a"))
    store.do("UPDATE alert_group SET due_at = ?", NOW - 7)
    store.take(change("b"), at=NOW + 5_000)
    assert store.rows("SELECT due_at FROM alert_group") == [(NOW - 7,)]


def test_an_alert_may_belong_to_several_groups(store: Store) -> None:
    store.take(change(owners=(WEB, DISK)))
    assert store.groups_of() == ["disk", "web"]


def test_only_what_applied_wakes_its_groups(store: Store) -> None:
    store.take(change())
    store.look()
    store.take(change(), at=NOW + TTL)
    assert store.rows("SELECT due_at FROM alert_group") == [(None,)]
    store.take(change(digest=9), at=NOW + TTL)
    assert store.rows("SELECT due_at FROM alert_group") == [(NOW + TTL,)]


def test_what_was_told_stays_where_it_was_told(store: Store) -> None:
    store.take(change())
    store.tell()
    store.take(change(digest=9, owners=(DISK,)), at=NOW + 1)
    assert store.groups_of() == ["web"]
    assert store.rows("SELECT route, due_at FROM alert_group") == [("web", NOW + 1)]


def test_what_nobody_was_told_goes_where_it_belongs_now(store: Store) -> None:
    store.take(change())
    store.take(change(digest=9, owners=(DISK,)), at=NOW + 1)
    assert store.groups_of() == ["disk"]


def test_the_end_of_what_was_not_told_stays_in_its_group_for_dispatch_to_see(store: Store) -> None:
    store.take(change())
    store.look()
    store.take(change(is_firing=False), at=NOW + 1)
    assert store.groups_of() == ["web"]
    assert store.rows("SELECT due_at FROM alert_group") == [(NOW + 1,)]


def test_an_alert_that_fires_again_after_its_end_was_told_joins_again(store: Store) -> None:
    store.take(change())
    store.take(change(is_firing=False), at=NOW + 1)
    store.do("DELETE FROM membership")
    store.take(change(starts_ms=NOW + MINUTE), at=NOW + MINUTE)
    assert store.groups_of() == ["web"]


# Inhibition


CLUSTER = Inhibits("cluster-down", '["eu-1"]', is_two_sided=False)


def test_what_a_firing_alert_holds_back_is_recorded_and_freed_at_its_end(store: Store) -> None:
    store.take(change("a", inhibits=(CLUSTER,)), change("b", owners=(DISK,), targets=(CLUSTER,)))
    assert store.rows("SELECT rule, equal_values, alert_id, is_two_sided FROM inhibitor") == [
        ("cluster-down", '["eu-1"]', store.one("id", "a")[0], 0)
    ]
    assert store.state("b") == (MemberState.SUPPRESSED, "inhibition", "cluster-down")
    store.look()
    store.take(change("a", is_firing=False), at=NOW + 1)
    assert store.rows("SELECT * FROM inhibitor") == []
    assert store.state("b") == (MemberState.ARRIVED, "", "")
    assert store.rows("SELECT route, due_at FROM alert_group ORDER BY 1") == [("disk", NOW + 1), ("web", NOW + 1)]


def test_what_it_holds_back_follows_its_labels(store: Store) -> None:
    store.take(change(inhibits=(CLUSTER,)))
    store.take(change(digest=9, inhibits=(Inhibits("cluster-down", '["eu-2"]', is_two_sided=True),)), at=NOW + 1)
    assert store.rows("SELECT equal_values, is_two_sided FROM inhibitor") == [('["eu-2"]', 1)]


# Silences and maintenances


def test_an_alert_is_held_by_what_is_in_force_when_it_is_written(store: Store) -> None:
    """Whatever was in force when the rules were asked about it."""
    ends = datetime(2030, 1, 1, tzinfo=UTC)
    one = LabelSuppressor(
        SuppressionKind.SILENCE, "s1", parse("alert.name = InstanceDown"), ends - ends.resolution, ends
    )
    other = LabelSuppressor(SuppressionKind.SILENCE, "s2", parse("alert.name = Other"), ends, ends)
    silenced = SuppressorsInForce([one, other])
    store.take(change("a"), in_force=silenced)
    assert store.state("a") == (MemberState.SUPPRESSED, "silence", "s1")
    store.take(change("b", suppressor=("silence", "s1"), asked=silenced))
    assert store.state("b") == (MemberState.ARRIVED, "", "")
    store.take(change("c", suppressor=("silence", "s0"), asked=SuppressorsInForce([other])), in_force=silenced)
    assert store.state("c") == (MemberState.SUPPRESSED, "silence", "s1")
    store.take(change("d", suppressor=("silence", "s1"), asked=silenced), in_force=silenced)
    assert store.state("d") == (MemberState.SUPPRESSED, "silence", "s1")


def test_what_inhibits_an_alert_that_is_silenced_changes_nothing(store: Store) -> None:
    one = LabelSuppressor(SuppressionKind.SILENCE, "s1", parse("instance = b"), EPOCH, None)
    silenced = SuppressorsInForce([one])
    by = {"suppressor": one.key, "asked": silenced}
    store.take(change("b", owners=(DISK,), targets=(CLUSTER,), **by), in_force=silenced)
    store.take(change("a", inhibits=(CLUSTER,), asked=silenced), at=NOW + 1, in_force=silenced)
    assert store.state("b") == (MemberState.SUPPRESSED, "silence", "s1")
    store.take(change("a", is_firing=False), at=NOW + 2, in_force=silenced)
    assert store.state("b") == (MemberState.SUPPRESSED, "silence", "s1")


# What is remembered


def test_ids_are_given_in_order_and_never_twice(store: Store) -> None:
    store.take(*(change(str(n)) for n in range(300)))
    store.take(*(change(str(n)) for n in range(290, 400)), at=NOW + 1)
    ids = [number for (number,) in store.rows("SELECT id FROM alert ORDER BY id")]
    assert ids == list(range(1, 401))
    assert store.rows("SELECT count(DISTINCT alert_id), count(*) FROM membership") == [(400, 400)]


def test_namespaces_keep_equal_fingerprints_apart(store: Store) -> None:
    assert store.take(change(), change(namespace="datadog")) == [APPLY, APPLY]
    assert store.take(change(), change(namespace="datadog"), at=NOW + 1) == [UNCHANGED, UNCHANGED]
    assert store.rows("SELECT namespace FROM alert ORDER BY 1") == [("datadog",), ("prometheus",)]


def test_a_commit_that_failed_leaves_nothing_behind(store: Store) -> None:
    store.lose(change("a"), change("b"))
    assert store.take(change("b"), at=NOW + 1) == [APPLY]
    assert store.one("changed_at", "b") == (NOW + 1,)


@pytest.fixture
def remembering(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "a.db", "what it took")
    yield opened
    opened.close()


def test_a_word_is_free_until_half_its_time_to_live(remembering: Store) -> None:
    remembering.take(change(key=77))
    known = remembering.known
    assert known.is_unchanged(77, NOW + TTL // 2 - 1)
    assert not known.is_unchanged(77, NOW + TTL // 2)
    assert not known.is_unchanged(78, NOW)


def test_another_word_about_an_alert_takes_the_freedom_of_the_one_before(remembering: Store) -> None:
    remembering.take(change(key=77))
    known = remembering.known
    known.forget_key("prometheus", change().fingerprint)
    assert not known.is_unchanged(77, NOW)
    remembering.take(change(key=78, digest=9))
    assert known.is_unchanged(78, NOW)
    assert not known.is_unchanged(77, NOW)


def test_the_same_alert_in_other_bytes_is_free_from_then_on(remembering: Store) -> None:
    remembering.take(change(key=77))
    assert remembering.take(change(key=78), at=NOW + 1) == [UNCHANGED]
    assert remembering.known.is_unchanged(78, NOW + 2)
    assert not remembering.known.is_unchanged(77, NOW + 2)


def test_an_alert_that_is_known_by_nobody_is_found_out_and_asked_for_from_then_on(remembering: Store) -> None:
    """Somebody wrote past us: a batch fails rather than joining a wrong row, and the next one is right."""
    remembering.take(change("a"))
    remembering.do(
        "INSERT INTO alert SELECT 50, namespace, ?, source, name, severity_rank, is_firing, order_no, digest,"
        " starts_at, ends_at, ended_how, changed_at, ttl, ttl_is_presumed, expires_at, document, sibling FROM alert",
        number_of("b"),
    )
    with pytest.raises(IntegrityError):
        remembering.lose(change("b"), change("c"))
    remembering.do("ROLLBACK")
    assert not remembering.known.is_complete
    assert remembering.take(change("b"), change("c"), at=NOW + 1) == [UNCHANGED, APPLY]
    assert remembering.one("id", "c") == (51,)
