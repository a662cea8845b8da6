"""What a person does on the page of the preview, done by a program: it asks for the same data and posts to the same address."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

import aiohttp
import msgspec

from router.runtime.clock import Clock

LOOK_EVERY: Final = timedelta(milliseconds=100)
LOOKS: Final = 300
"""Then what is looked for will not come."""


class Deed(msgspec.Struct, frozen=True):
    """A button that somebody presses, or an entry of a menu; and what they write into the window that opens."""

    by: str
    channel: str
    """As the page calls it: `#ops`, `maria@example.com`."""
    about: str
    """What stands in the message."""
    label: str
    given: Mapping[str, str] = {}
    """block_id → what is written there; empty: no window opens."""


class NotThereError(RuntimeError):
    """A message, a button or a window that did not come."""


class Player:
    """Of one router. Whatever is looked for is waited for."""

    def __init__(self, session: aiohttp.ClientSession, address: str, clock: Clock) -> None:
        self._session, self._address, self._clock = session, address, clock

    async def do(self, deed: Deed) -> None:
        """Raises NotThereError."""
        person = _named(await self._seen(""), deed.by)
        for _ in range(LOOKS):
            seen = await self._seen(person)
            if (found := _element(seen, deed)) is not None:
                break
            await self._clock.sleep(LOOK_EVERY)
        else:
            raise NotThereError(f"no button {deed.label} under {deed.about} in {deed.channel}")
        message, element = found
        await self._act(
            {"type": "press", "channel": message["channel"], "ts": message["ts"], "element": element}, person
        )
        if deed.given:
            view = await self._view(person, deed)
            inputs = {block["block_id"]: block["element"]["action_id"] for block in view["view"]["blocks"]}
            given = {block: {inputs[block]: text} for block, text in deed.given.items()}
            await self._act({"type": "submit", "view": view["id"], "given": given}, person)

    async def _view(self, person: str, deed: Deed) -> Mapping[str, Any]:
        for _ in range(LOOKS):
            if (found := (await self._seen(person))["view"]) is not None:
                view: Mapping[str, Any] = found
                return view
            await self._clock.sleep(LOOK_EVERY)
        raise NotThereError(f"no window opened for {deed.label}")

    async def _seen(self, person: str) -> Mapping[str, Any]:
        async with self._session.get(f"{self._address}/preview/data.json", params={"as": person}) as answer:
            answer.raise_for_status()
            found: Mapping[str, Any] = await answer.json()
            return found

    async def _act(self, gesture: Mapping[str, object], person: str) -> None:
        async with self._session.post(f"{self._address}/preview/act", json={**gesture, "by": person}) as answer:
            answer.raise_for_status()
            said = await answer.json()
        if wrong := said.get("trouble") or said.get("errors"):
            raise NotThereError(str(wrong))


def _named(seen: Mapping[str, Any], name: str) -> str:
    found = next((one["id"] for one in seen["people"] if one["name"] == name), None)
    if found is None:
        raise NotThereError(f"nobody is called {name}")
    return str(found)


def _element(seen: Mapping[str, Any], deed: Deed) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    """The message, and the element as it is sent when it is used."""
    channels = {channel["id"] for channel in seen["channels"] if channel["name"] == deed.channel}
    for message in reversed(seen["messages"]):
        if message["channel"] in channels and deed.about in message["text"]:
            for element in _elements(message):
                if (used := _used(element, deed.label)) is not None:
                    return message, used
    return None


def _elements(message: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for block in message["blocks"]:
        if block["type"] == "actions":
            yield from block["elements"]


def _used(element: Mapping[str, Any], label: str) -> Mapping[str, Any] | None:
    named = {"type": element["type"], "action_id": element["action_id"]}
    if element["type"] == "button":
        return {**named, "value": element.get("value", "")} if element["text"]["text"] == label else None
    chosen = next((option for option in element["options"] if option["text"]["text"] == label), None)
    return None if chosen is None else {**named, "selected_option": chosen}
