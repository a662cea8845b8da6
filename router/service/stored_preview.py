"""The preview's rows, kept in the store: what a notifier may not see and the store does not know."""

from functools import partial

import msgspec

from router.notifiers.preview.preview import Preview, PreviewMessage
from router.runtime.clock import Clock
from router.store.database import Database
from router.store.delivery import preview as stored

_decode = msgspec.json.Decoder(PreviewMessage).decode


class StoredRows:
    """PreviewRows over the database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def newest_ts(self) -> str:
        return await self._database.read(stored.last_ts)

    async def add(self, message: PreviewMessage) -> None:
        row = stored.Row(message.channel, message.ts, message.delivery_id, _encode(message))
        await self._database.write(partial(stored.add, row=row, now=self._clock.now()))

    async def replace(self, message: PreviewMessage) -> None:
        call = partial(
            stored.change, channel=message.channel, ts=message.ts, document=_encode(message), now=self._clock.now()
        )
        await self._database.write(call)

    async def get(self, channel: str, ts: str) -> PreviewMessage | None:
        document = await self._database.read(partial(stored.get, channel=channel, ts=ts))
        return None if document is None else _decode(document)

    async def find(self, channel: str, delivery_id: str) -> PreviewMessage | None:
        ts = await self._database.read(partial(stored.find, channel=channel, delivery_id=delivery_id))
        return None if ts is None else await self.get(channel, ts)


def stored_preview(database: Database, clock: Clock) -> Preview:
    """The preview over rows of the database."""
    return Preview(StoredRows(database, clock), clock.now)


def _encode(message: PreviewMessage) -> str:
    return msgspec.json.encode(message).decode()
