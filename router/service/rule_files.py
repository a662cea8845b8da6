"""What the process knows of teams' files: read with the accepted texts that the store keeps, and what became of each.

Owns no decision: which text is in force is `rules`' to say, what is remembered and told is `adopt`'s.
"""

import asyncio
import logging
from functools import partial

from router.http.service import Refusal
from router.runtime.clock import Clock
from router.runtime.config import Files
from router.service.accept_rule_files import NoticeTarget, adopt, gone, refusal
from router.store import rules_files
from router.store.database import Database
from router.store.rules_files import KeptFile
from rules.loading.load import Loaded

log = logging.getLogger(__name__)


class TeamFiles:
    """The files of one running configuration, and the texts that were accepted before."""

    def __init__(self, files: Files, database: Database, clock: Clock) -> None:
        self._files, self._database, self._clock = files, database, clock
        self._known: dict[str, KeptFile] = {}
        self.refused: tuple[Refusal, ...] = ()
        self._warnings: tuple[str, ...] = ()

    async def at_start(self, loaded: Loaded) -> Loaded:
        """What was loaded before the store could be asked, read again where the store knows files of teams.

        Raises ConfigError.
        """
        self._known = await self._database.read(rules_files.kept)
        if not self._known:
            return loaded
        again = await asyncio.to_thread(self._files.read, rules_files.texts(self._known), is_start=True)
        self._warnings = tuple(str(one) for one in again.warnings if one.path == "rules_files")
        return again

    async def read(self) -> Loaded:
        """For a reload. Raises ConfigError."""
        self._known = await self._database.read(rules_files.kept)
        return await asyncio.to_thread(self._files.read, rules_files.texts(self._known))

    def adopting(self, loaded: Loaded, telling: NoticeTarget) -> partial[None]:
        """What is to be done in the transaction that puts in force what was loaded."""
        return partial(adopt, loaded=loaded, telling=telling, now=self._clock.now())

    def in_force(self, loaded: Loaded, *, is_start: bool = False) -> list[str]:
        """It is in force now: what became of each file is in the log, and asked for by /readyz and the metrics. Returns a
        line for each file whose rules went with it."""
        self._warnings = self._warnings if is_start else ()
        self.refused = tuple(refusal(file, self._known.get(file.source.key)) for file in loaded.refused)
        for refused in self.refused:
            log.error(
                "a team's file is refused",
                extra={"file": refused.file, "in_force": refused.in_force, "errors": list(refused.errors[:20])},
            )
        lost = list(gone(loaded, self._known))
        for line in lost:
            log.warning("a team's file is gone", extra={"what": line})
        return lost

    def degraded(self) -> list[str]:
        """What is not as the files say, in a person's words."""
        return [*map(str, self.refused), *self._warnings]
