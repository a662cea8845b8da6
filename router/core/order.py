"""Which word about an alert applies. Pure; instants are integer milliseconds: this is the hot path."""

from enum import Enum

STALE_FOR_MS = 120_000
"""How long after its sender told the end a late firing of the same episode is taken for an echo. Before it, too: the wall
clock may have gone back since."""


class Verdict(Enum):
    """What becomes of one alert of a batch."""

    APPLY = "accepted"
    UNCHANGED = "unchanged"
    TOUCH = "touch"
    """Nothing new but that it still fires: its time to live begins again."""
    STALE = "stale"


def judge(
    *,
    stored: "tuple[int, int, bool, int, bool] | None",
    order: int,
    digest: int,
    is_firing: bool,
    now_ms: int,
    is_touch_due: bool,
) -> Verdict:
    """`stored`: (order, digest, is firing, instant of its end's arrival in ms, its sender told the end)."""
    if stored is None:
        return Verdict.APPLY
    stored_order, stored_digest, stored_firing, ended_ms, was_told = stored
    if order < stored_order:
        if is_firing and stored_firing:  # the slower of two senders: no news, but a sign of life
            return Verdict.TOUCH if is_touch_due else Verdict.UNCHANGED
        if is_firing and not (was_told and abs(now_ms - ended_ms) < STALE_FOR_MS):
            return Verdict.APPLY
        return Verdict.STALE
    if digest == stored_digest and is_firing == stored_firing:
        return Verdict.TOUCH if is_touch_due and is_firing else Verdict.UNCHANGED
    return Verdict.APPLY
