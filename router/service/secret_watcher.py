"""Looks whether the files that hold secrets have changed: a rotated token needs no reload. Never says what is in them."""

import asyncio
import logging
from datetime import timedelta

from router.runtime.clock import Clock
from router.runtime.config import Vault
from rules.model.configuration import FileSecret

log = logging.getLogger(__name__)

NAME = "secrets"
LOOK_EVERY = timedelta(seconds=10)
"""A change is taken when two looks in a row have seen the same: a file may be half written at the first."""


class SecretWatcher:
    """The secrets of one process. One that cannot be read stays what it was: it may be about to be replaced."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._vault, self._clock = vault, clock
        self._seen: object = {}

    async def turn(self) -> None:
        """One look."""
        await self._clock.sleep(LOOK_EVERY)
        found = await asyncio.to_thread(self._vault.changed_files)
        before, self._seen = self._seen, found
        if found and found == before:
            self._vault.take(found)
            log.info(
                "secrets were read anew",
                extra={"files": sorted(one.path for one in found if isinstance(one, FileSecret))},
            )
