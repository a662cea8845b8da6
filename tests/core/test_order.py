"""Which word about an alert applies. Orders are half-milliseconds, as the Prometheus family's: 2 × startsAt + resolved."""

from typing import Any

import pytest

from router.core.order import STALE_FOR_MS, Verdict, judge

NOW_MS = 1_000_000_000


def judged(stored: tuple[int, int, bool, int, bool] | None, **changes: Any) -> Verdict:
    said = {"order": 100, "digest": 1, "is_firing": True, "now_ms": NOW_MS, "is_touch_due": False, **changes}
    return judge(stored=stored, **said)


def firing(order: int = 100, digest: int = 1) -> tuple[int, int, bool, int, bool]:
    return order, digest, True, 0, False


def ended(order: int = 101, *, ago: int = 0, was_told: bool = True) -> tuple[int, int, bool, int, bool]:
    return order, 1, False, NOW_MS - ago, was_told


def test_what_is_new_applies_and_so_does_the_end_of_what_is_unknown() -> None:
    assert judged(None) is Verdict.APPLY
    assert judged(None, is_firing=False) is Verdict.APPLY


def test_the_same_again_is_unchanged_until_its_time_to_live_is_half_used() -> None:
    assert judged(firing()) is Verdict.UNCHANGED
    assert judged(firing(), is_touch_due=True) is Verdict.TOUCH
    assert judged(ended(100), is_firing=False, is_touch_due=True) is Verdict.UNCHANGED, "what is over does not expire"


def test_of_equal_order_the_later_arrival_applies() -> None:
    assert judged(firing(), digest=2) is Verdict.APPLY
    assert judged(firing(), is_firing=False) is Verdict.APPLY


def test_a_slower_sender_is_a_sign_of_life() -> None:
    assert judged(firing(200), digest=2) is Verdict.UNCHANGED
    assert judged(firing(200), digest=2, is_touch_due=True) is Verdict.TOUCH


def test_an_old_end_does_not_end_the_episode_of_now() -> None:
    assert judged(firing(200), order=101, is_firing=False) is Verdict.STALE
    assert judged(ended(301), order=101, is_firing=False) is Verdict.STALE


@pytest.mark.parametrize(
    ("ago", "was_told", "verdict"),
    [
        (0, True, Verdict.STALE),
        (STALE_FOR_MS - 1, True, Verdict.STALE),
        (STALE_FOR_MS, True, Verdict.APPLY),
        (0, False, Verdict.APPLY),
        (1 - STALE_FOR_MS, True, Verdict.STALE),
        (-STALE_FOR_MS, True, Verdict.APPLY),
    ],
)
def test_a_late_firing_is_an_echo_for_two_minutes_after_a_told_end(
    ago: int, verdict: Verdict, *, was_told: bool
) -> None:
    assert judged(ended(ago=ago, was_told=was_told)) is verdict
