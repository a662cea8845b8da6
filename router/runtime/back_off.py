"""How long to wait before something is tried again: tenacity's waits, asked outside of its loops, because what waits here is
remembered elsewhere and sleeps nowhere."""

from datetime import timedelta

from tenacity import RetryCallState, Retrying
from tenacity.wait import wait_base


def back_off(wait: wait_base, attempts: int) -> timedelta:
    """`attempts`: how many there were, from 1 on."""
    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = attempts
    return timedelta(seconds=wait(state))
