"""Looking at the fake Slack as a person does: channels, what stands in them, waiting for it to stand there."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from tests.slackworld.state import Content, Conversation, Json, Message, strings_of

if TYPE_CHECKING:
    from tests.slackworld.world import SlackWorld


T = TypeVar("T")


class MessageView:
    """A message as it stands now; it stays live."""

    def __init__(self, channel: "ChannelView", message: Message) -> None:
        self._channel = channel
        self._message = message

    def __repr__(self) -> str:
        return f"<{self.ts} {self.text!r} edits={self.edits} replies={len(self.replies)}>"

    @property
    def ts(self) -> str:
        return self._message.ts

    @property
    def text(self) -> str:
        """The push text."""
        return self._message.now.text

    @property
    def blocks(self) -> list[Json]:
        return self._message.now.blocks

    @property
    def attachments(self) -> list[Json]:
        return self._message.now.attachments

    @property
    def color(self) -> str:
        """Of the first attachment; "" without one."""
        return str(self.attachments[0].get("color", "")) if self.attachments else ""

    @property
    def metadata(self) -> Json:
        payload: Json = self._message.now.metadata.get("event_payload", {})
        return payload

    @property
    def said(self) -> str:
        """All that is to be read: text, blocks and attachments, a line each."""
        return "\n".join([self.text, *strings_of(self.blocks), *strings_of(self.attachments)])

    @property
    def buttons(self) -> list[str]:
        return [
            str(element["text"]["text"])
            for block in self.blocks
            for element in [*block.get("elements", []), block.get("accessory", {})]
            if element.get("type") == "button"
        ]

    @property
    def replies(self) -> "list[MessageView]":
        return self._channel.replies_to(self.ts)

    @property
    def is_broadcast(self) -> bool:
        return self._message.is_broadcast

    @property
    def versions(self) -> list[Content]:
        """All it ever said, oldest first."""
        return list(self._message.versions)

    @property
    def edits(self) -> int:
        return len(self._message.versions) - 1

    async def expect_update(self, text: str, *, timeout: float = 5) -> None:  # noqa: ASYNC109
        """Wait until `text` is to be read in it."""
        await self._channel.wait_until(lambda: text in self.said or None, f"{text!r} in {self.ts}", timeout)

    async def expect_reply(self, text: str, *, timeout: float = 5) -> "MessageView":  # noqa: ASYNC109
        return await self._channel.wait_until(
            lambda: next((reply for reply in self.replies if text in reply.said), None),
            f"a reply with {text!r} to {self.ts}",
            timeout,
        )


class ChannelView:
    """A channel, or our direct messages with a person."""

    def __init__(self, world: "SlackWorld", conversation: Conversation) -> None:
        self._world = world
        self._conversation = conversation

    @property
    def id(self) -> str:
        return self._conversation.id

    @property
    def is_joined(self) -> bool:
        return self._conversation.is_joined

    @property
    def messages(self) -> list[MessageView]:
        """Top-level messages, oldest first, without what was deleted."""
        return [view for view, message in self._standing() if not message.thread_ts]

    @property
    def broadcasts(self) -> list[MessageView]:
        """Thread replies that are shown in the channel too."""
        return [view for view, message in self._standing() if message.thread_ts and message.is_broadcast]

    def replies_to(self, ts: str) -> list[MessageView]:
        return [view for view, message in self._standing() if message.thread_ts == ts]

    def message(self, text: str) -> MessageView:
        """The one message in which `text` is to be read."""
        found = [view for view in self.messages if text in view.said]
        if len(found) != 1:
            raise AssertionError(f"{len(found)} messages with {text!r} in {self._describe()}")
        return found[0]

    async def expect_message(self, text: str, *, timeout: float = 5) -> MessageView:  # noqa: ASYNC109
        """Wait (real seconds) until `text` is to be read in a top-level message."""
        return await self.wait_until(
            lambda: next((view for view in self.messages if text in view.said), None), f"{text!r}", timeout
        )

    async def wait_until(self, look: Callable[[], T | None], what: str, timeout: float) -> T:  # noqa: ASYNC109
        bell = asyncio.Event()
        self._world.changed.append(bell.set)
        try:
            async with asyncio.timeout(timeout):
                while (found := look()) is None:
                    bell.clear()
                    await bell.wait()
        except TimeoutError:
            raise AssertionError(f"no {what} within {timeout} s in {self._describe()}") from None
        finally:
            self._world.changed.remove(bell.set)
        return found

    def _standing(self) -> list[tuple[MessageView, Message]]:
        self._world.settle()
        return [
            (MessageView(self, message), message) for message in self._conversation.messages if not message.is_deleted
        ]

    def _describe(self) -> str:
        return f"{self._conversation.name}: {self.messages}"

    def first_said_at(self, text: str) -> datetime:
        """When `text` could first be read in a top-level message here."""
        return min(
            version.at
            for view in self.messages
            for version in view.versions
            if text in "\n".join([version.text, *strings_of(version.blocks), *strings_of(version.attachments)])
        )
