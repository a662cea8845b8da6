"""The fake workspace's state: who is in it, what stands in it, who may see and write what, and what makes a sound."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tests.slackworld.state import (
    Conversation,
    Group,
    Json,
    Message,
    Modal,
    Person,
    Sound,
    Trigger,
    Whisper,
    mentioned,
    mentioned_groups,
)

TOKEN = "xoxb-fake-1"
APP_TOKEN = "xapp-1-A0ROUTER-1-fake"
WORKSPACE_URL = "https://fake.example/"

SCOPES = frozenset(
    {
        "chat:write", "chat:write.public", "channels:read", "channels:join", "groups:read", "im:write", "users:read",
        "users:read.email", "commands", "app_mentions:read", "channels:history", "groups:history", "im:history",
        "usergroups:read", "usergroups:write", "dnd:read", "reactions:read",
    }
)  # fmt: skip


class Refused(Exception):  # noqa: N818  (Slack's no is an answer, not an error of ours)
    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.body: Json = {"ok": False, "error": code, **more}


class Workspace:
    """People, conversations and messages."""

    def __init__(self) -> None:
        self.sounds: list[Sound] = []
        self.edit_window: timedelta | None = None
        self.scopes = set(SCOPES)
        self.tokens: dict[str, str] = {TOKEN: ""}
        """token → the error it is answered with; "" for a good one."""
        self.conversations: dict[str, Conversation] = {}
        self.people: dict[str, Person] = {}
        self.groups: dict[str, Group] = {}
        """id → user group."""
        self.is_paid = True
        """User groups are part of paid plans."""
        self.lets_apps_change_groups = True
        """As the workspace's settings say who may."""
        self.whispers: list[Whisper] = []
        """By chat.postEphemeral."""
        self.modals: list[Modal] = []
        """Every one that was opened, in order."""
        self.triggers: dict[str, Trigger] = {}
        self.changed: list[Callable[[], None]] = []
        """Called after every change, for those who wait for one."""
        self._last_ts = 0

    # What a test sets up and does, as a person or an administrator would.

    def add_person(
        self,
        name: str,
        *,
        email: str = "",
        slack_id: str = "",
        is_active: bool = True,
        takes_direct: bool = True,
        team: str = "T000001",
        is_bot: bool = False,
    ) -> str:
        """The person's Slack id."""
        person_id = slack_id or f"U{len(self.people) + 1:06d}"
        self.people[person_id] = Person(
            person_id, name, email or f"{name}@example.com", is_active, takes_direct, team=team, is_bot=is_bot
        )
        return person_id

    def pause(self, name: str, begins: datetime, ends: datetime) -> None:
        """A person's notifications are paused between two instants: what they are told meanwhile makes no sound."""
        self._person_named(name).paused = (int(begins.timestamp()), int(ends.timestamp()))

    def add_group(self, handle: str, *, members: tuple[str, ...] = ()) -> str:
        """The user group's id."""
        group_id = f"S{len(self.groups) + 1:08d}"
        self.groups[group_id] = Group(group_id, handle, [self._person_named(member) for member in members])
        return group_id

    def set_members(self, handle: str, *members: str) -> None:
        """Somebody changed a user group by hand."""
        for group in self.groups.values():
            if group.handle == handle:
                group.members = [self._person_named(member) for member in members]

    def add_channel(
        self,
        name: str,
        *,
        members: tuple[str, ...] = (),
        slack_id: str = "",
        is_private: bool = False,
        is_archived: bool = False,
        is_joined: bool = True,
    ) -> str:
        """The conversation's id. `members` are names of people."""
        channel_id = slack_id or f"C{len(self.conversations) + 1:06d}"
        joined = [self._person_named(member) for member in members]
        self.conversations[channel_id] = Conversation(
            channel_id, f"#{name.removeprefix('#')}", is_private, is_archived, is_joined, members=joined
        )
        return channel_id

    def archive(self, name: str) -> None:
        self._named(name).is_archived = True

    def unarchive(self, name: str) -> None:
        self._named(name).is_archived = False

    def kick(self, name: str) -> None:
        """Remove our bot from a channel."""
        self._named(name).is_joined = False

    def delete(self, ts: str) -> None:
        """A person deletes a message."""
        for conversation in self.conversations.values():
            if message := conversation.find(ts):
                message.is_deleted = True
        self._tell_changed()

    # Who and where.

    def _find(self, target: str) -> Conversation | None:
        """As chat.postMessage reads its `channel`: an id, a person's id, a name with or without #."""
        if target in self.people and self.people[target].is_active:
            return self._direct(self.people[target])
        return self.conversations.get(target) or next(
            (found for found in self.conversations.values() if found.name == f"#{target.removeprefix('#')}"), None
        )

    def _visible(self, channel_id: str) -> Conversation:
        conversation = self.conversations.get(channel_id)
        if conversation is None or (conversation.is_private and not conversation.is_joined):
            raise Refused("channel_not_found")
        return conversation

    def _writable(self, target: str) -> Conversation:
        conversation = self._find(target)
        if conversation is None or (conversation.is_private and not conversation.is_joined):
            raise Refused("channel_not_found")
        if conversation.is_archived:
            raise Refused("is_archived")
        if not conversation.is_joined and "chat:write.public" not in self.scopes:
            raise Refused("not_in_channel")
        if conversation.person is not None and not conversation.person.takes_direct:
            raise Refused("messages_tab_disabled")
        return conversation

    def _direct(self, person: Person) -> Conversation:
        for conversation in self.conversations.values():
            if conversation.person is person:
                return conversation
        opened = Conversation(f"D{person.id[1:]}", person.name, is_private=True, person=person, members=[person])
        self.conversations[opened.id] = opened
        return opened

    def _named(self, name: str) -> Conversation:
        conversation = self._find(name)
        if conversation is None:
            raise AssertionError(f"the test made no channel {name}")
        return conversation

    def _person_named(self, name: str) -> Person:
        for person in self.people.values():
            if name in {person.name, person.id}:
                return person
        raise AssertionError(f"the test made no person {name}")

    @staticmethod
    def _describe(conversation: Conversation) -> Json:
        return {
            "id": conversation.id,
            "name": conversation.name.removeprefix("#"),
            "is_private": conversation.is_private,
            "is_archived": conversation.is_archived,
            "is_member": conversation.is_joined,
        }

    # What follows from a message.

    def _new_ts(self, at: datetime) -> str:
        micros = max(round(at.timestamp() * 1_000_000), self._last_ts + 1)
        self._last_ts = micros
        return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"

    def _sound(self, conversation: Conversation, message: Message, at: datetime) -> None:
        people, everybody = mentioned(message.now.text, message.now.blocks)
        groups = [self.groups[one] for one in mentioned_groups(message.now.blocks) if one in self.groups]
        people |= {member.id for group in groups for member in group.members}
        is_loud = not message.thread_ts or message.is_broadcast
        for person in conversation.members:
            if conversation.person is not None:
                why = "direct" if is_loud else ""
            elif person.id in people or (everybody and is_loud):
                why = "mention"
            else:
                why = "broadcast" if message.is_broadcast else "post" if is_loud else ""
            begins, ends = person.paused
            if why and not begins <= at.timestamp() < ends:
                self.sounds.append(Sound(at, person.name, conversation.name, why, message.now.text))

    def _tell_changed(self) -> None:
        for wake in list(self.changed):
            wake()
