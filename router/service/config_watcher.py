"""Looks whether the files of the configuration have changed, by their content: a ConfigMap changes by symlink, and keeps
the times of its files. Owns when a change is acted upon; reading is config's, reloading app's."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from router.runtime.clock import Clock

LOOK_EVERY = timedelta(seconds=5)
"""A change is acted upon when two looks in a row have seen the same: a file may be half written at the first."""


class ConfigWatcher:
    """One configuration, watched."""

    def __init__(
        self,
        clock: Clock,
        *,
        is_on: Callable[[], bool],
        read: Callable[[], str],
        look: Callable[[], Awaitable[str]],
        reload: Callable[[], Awaitable[object]],
    ) -> None:
        """`read` says what was read last, whatever came of it, `look` what lies there now; both as digests."""
        self._clock, self._is_on = clock, is_on
        self._read, self._look, self._reload = read, look, reload
        self._seen = ""

    async def turn(self) -> None:
        """One look. A content that was refused is not tried again until it changes."""
        await self._clock.sleep(LOOK_EVERY)
        if not self._is_on():
            return
        found = await self._look()
        before, self._seen = self._seen, found
        if found == before and found != self._read():
            await self._reload()
