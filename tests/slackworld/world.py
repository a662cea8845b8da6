"""The fake Slack as both fronts call it. Knows no socket; asks a given clock.

`serve` logs the call, paces it, asks for its mood and says what the caller sees. Effects that come late are applied
by `settle`, which everything that looks or calls runs first.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime

from tests.slackworld.methods import WebApi
from tests.slackworld.moods import Does, Mood, Says, Script
from tests.slackworld.pace import Pace, Strictness
from tests.slackworld.state import Json, Sound
from tests.slackworld.views import ChannelView
from tests.slackworld.workspace import Refused

_WRITES = {"chat.postMessage", "chat.update", "conversations.join", "conversations.open"}


@dataclass(frozen=True)
class Served:
    """What the caller sees of one call."""

    says: Says
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    after: timedelta = timedelta(0)


@dataclass
class Call:
    """One line of the log."""

    at: datetime
    method: str
    form: dict[str, str]
    conversation: str = ""
    """Id, where the call names an existing one."""
    result: str = ""
    """"ok", Slack's error code, or what the mood made of it ("reset", "silence", "http_500", …)."""
    effect: str = ""
    """What became of it, whatever the caller saw: "ok", an error code, "later", "" for nothing."""


class SlackWorld(WebApi):
    """One workspace with our bot in it."""

    def __init__(self, now: Callable[[], datetime], *, strictness: Strictness | None = None, page: int = 10) -> None:
        super().__init__(page)
        self._now = now
        self.pace = Pace(strictness or Strictness())
        self.script = Script()
        self.calls: list[Call] = []
        self.refused_for_pace = 0
        """429s that a well-behaved caller would not have met. Scripted ones are not counted."""
        self._due: list[tuple[datetime, int, Call]] = []

    def mood(self, mood: Mood, *, method: str = "", channel: str = "", times: int | None = 1) -> None:
        """The next `times` calls (of this method, in this channel) meet this mood; None: until `clear_moods`."""
        conversation = self._named(channel).id if channel else ""
        self.script.lines.append((mood, method, conversation, times))

    def weather(self, draw: Callable[[], Mood] | None) -> None:
        """Moods for all calls that no script names (`moods.foul`)."""
        self.script.weather = draw

    def clear_moods(self) -> None:
        self.script = Script()

    def clear_mood(self, mood: Mood) -> None:
        """Wherever it was to come."""
        self.script.lines = [line for line in self.script.lines if line[0] is not mood]

    # What a test looks at.

    def channel(self, name: str) -> ChannelView:
        """By `#name` or id."""
        return ChannelView(self, self._named(name))

    def direct(self, name: str) -> ChannelView:
        """Our direct messages with a person; empty before the first."""
        return ChannelView(self, self._direct(self._person_named(name)))

    def sounds_of(self, name: str) -> list[Sound]:
        self.settle()
        return [sound for sound in self.sounds if sound.person == name]

    def duplicates(self) -> list[str]:
        """Delivery ids that stand in Slack more than once."""
        self.settle()
        seen: dict[str, int] = {}
        for conversation in self.conversations.values():
            for message in conversation.messages:
                seen[message.delivery_id] = seen.get(message.delivery_id, 0) + 1
        return sorted(delivery for delivery, count in seen.items() if delivery and count > 1)

    def calls_of(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method == method]

    def next_due(self) -> datetime | None:
        """When the next late effect comes."""
        return min((at for at, _, _ in self._due), default=None)

    def settle(self) -> None:
        """Apply the late effects whose time has come."""
        now = self._now()
        ready = sorted((entry for entry in self._due if entry[0] <= now), key=lambda entry: entry[:2])
        self._due = [entry for entry in self._due if entry[0] > now]
        for at, _, call in ready:
            try:
                self.apply(call.method, call.form, at)
                call.effect = "ok"
            except Refused as refused:
                call.effect = str(refused)

    # The front door.

    def serve(self, method: str, form: dict[str, str], *, token: str) -> Served:
        self.settle()
        now = self._now()
        call = Call(now, method, form)
        self.calls.append(call)
        target = self._find(form.get("channel", ""))
        call.conversation = target.id if target else ""
        in_flight = self.pace.is_being_told(method, now)
        wait = self.pace.wait_for(method, call.conversation, now)
        if wait is not None:
            self.refused_for_pace += not in_flight
            call.result = "ratelimited"
            return self._limited(str(wait), now)
        mood = self.script.next(method, call.conversation)
        body = self._do(call, mood, token, now)
        call.result = {Says.ANSWER: "ok" if body.get("ok") else str(body.get("error")), Says.REFUSAL: mood.error}.get(
            mood.says, f"http_{mood.status}" if mood.says is Says.STATUS else mood.says.value
        )
        headers = self._headers(now)
        match mood.says:
            case Says.ANSWER:
                return Served(mood.says, headers=headers, body=json.dumps(body), after=mood.after)
            case Says.REFUSAL:
                refusal = {"ok": False, "error": mood.error}
                return Served(Says.ANSWER, headers=headers, body=json.dumps(refusal))
            case Says.STATUS:
                if mood.retry_after is not None:
                    headers["Retry-After"] = mood.retry_after
                    if mood.retry_after.isdigit():
                        self.pace.block(method, now, timedelta(seconds=int(mood.retry_after)))
                headers["Content-Type"] = mood.content_type
                return Served(Says.ANSWER, mood.status, headers, mood.body)
            case _:
                return Served(mood.says)

    def _do(self, call: Call, mood: Mood, token: str, now: datetime) -> Json:
        """Let the call take effect as its mood says; what Slack would answer."""
        if mood.does is Does.NOTHING:
            return {}
        try:
            self.check_caller(call.method, call.form, token)
            if mood.does is Does.IT_LATER and call.method in _WRITES:
                self._due.append((now + mood.after, len(self.calls), call))
                call.effect = "later"
                return {}
            body = {"ok": True, **self.apply(call.method, call.form, now)}
        except Refused as refused:
            body = refused.body
        call.effect = "ok" if body["ok"] else str(body["error"])
        return body

    def _headers(self, now: datetime) -> dict[str, str]:
        return {
            "Date": format_datetime(now, usegmt=True),
            "Content-Type": "application/json; charset=utf-8",
            "X-OAuth-Scopes": ",".join(sorted(self.scopes)),
        }

    def _limited(self, retry_after: str, now: datetime) -> Served:
        headers = {**self._headers(now), "Retry-After": retry_after}
        return Served(Says.ANSWER, 429, headers, '{"ok":false,"error":"ratelimited"}')
