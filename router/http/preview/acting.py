"""What a person does on the page becomes a request of Slack's, signed, and goes the way of all of them. Decides nothing.

What comes back is for the page: `errors` beside the fields of a modal, or `trouble`, the words that Slack would show.
"""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import msgspec
from aiohttp import web

from router.http.body import BodyBudget, BrokenOffError, NoRoomError, Share, TooLargeError, TooSlowError, hang_up, read
from router.http.preview import gestures
from router.http.preview.gestures import Close, Gesture, Moment, Press, PressInView, Shortcut, Submit, Write
from router.http.problem import problem
from router.http.service import PreviewParts
from router.notifiers.preview.members import ROUTER, ROUTER_ID, Member, as_sent
from router.notifiers.preview.workspace import ViewRefusedError
from router.notifiers.slack.inbound.decode import Door
from router.notifiers.slack.inbound.door import Served
from router.notifiers.slack.inbound.signature import digest_of
from router.runtime.clock import Clock, to_ms
from rules.model.configuration import SLASH_COMMAND

log = logging.getLogger(__name__)

LARGEST_BODY: Final = 128 * 1024
BODY_WITHIN: Final = timedelta(seconds=10)
BODIES_BYTES: Final = 4 * 1024 * 1024
"""Of all gestures together."""
_NOT_TAKEN: Final = "The router did not take it in time. Please try again."
_decode = msgspec.json.Decoder(Gesture).decode


class Acting:
    """Of one process."""

    def __init__(self, parts: PreviewParts, clock: Clock) -> None:
        self._parts, self._clock = parts, clock
        self._workspace = parts.workspace
        self._budget = BodyBudget(BODIES_BYTES)

    async def act(self, request: web.Request) -> web.StreamResponse:
        """JSON: a gesture of the page."""
        if request.content_type != "application/json":
            # What a form of another page cannot send without asking first.
            return problem(415, "this is not what the page sends", expected="application/json")
        with Share(self._budget) as share:
            try:
                body = await read(request, LARGEST_BODY, BODY_WITHIN, share)
            except TooSlowError:
                return await hang_up(request, problem(408, "the body did not come in time", expected="all of it"))
            except (TooLargeError, NoRoomError, BrokenOffError) as error:
                return _closing(error)
            return await self._read(body)

    async def _read(self, body: bytes) -> web.StreamResponse:
        try:
            gesture = _decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return problem(400, f"a gesture that cannot be read: {str(error)[:200]}", expected="what the page sends")
        by = next((one for one in self._workspace.members if one.id == gesture.by), None)
        if by is None:
            return problem(400, "nobody has this id", where="by", expected="one of `people` in /preview/data.json")
        return web.json_response(await self._carried_out(gesture, by))

    async def _carried_out(self, gesture: Gesture, by: Member) -> Mapping[str, object]:
        match gesture:
            case Press():
                return await self._press(gesture, by)
            case PressInView():
                return await self._press_in_view(gesture, by)
            case Submit():
                return await self._submit(gesture, by)
            case Close():
                return await self._close(gesture, by)
            case Write():
                return await self._write(gesture, by)
            case Shortcut():
                return await self._shortcut(gesture, by)

    async def _press(self, gesture: Press, by: Member) -> Mapping[str, object]:
        element, moment = gesture.element, self._moment(by, self._workspace.response_url(by.id, gesture.channel))
        word = self._workspace.word_of(by.id, gesture.ts)
        if word is not None:
            return _taken(await self._send(Door.ACTIONS, gestures.pressed_alone(element, word, moment)))
        message = await self._parts.messages.get(gesture.channel, gesture.ts)
        if message is None:
            return _trouble("This message is gone.")
        if not self._sees(by, gesture.channel):
            return _trouble(f"{by.name} does not see this direct message. Act as whom it was sent to.")
        return _taken(await self._send(Door.ACTIONS, gestures.pressed(element, message, moment)))

    async def _press_in_view(self, gesture: PressInView, by: Member) -> Mapping[str, object]:
        view = self._workspace.view_of(by.id)
        if view is None or view.id != gesture.view:
            return _trouble("This window is no longer open.")
        body = gestures.pressed_in_view(gesture.element, view, gesture.given, self._moment(by))
        return _taken(await self._send(Door.ACTIONS, body))

    async def _submit(self, gesture: Submit, by: Member) -> Mapping[str, object]:
        view = self._workspace.view_of(by.id)
        if view is None or view.id != gesture.view:
            return _trouble("This window is no longer open.")
        if wrong := gestures.wrong(view, gesture.given):
            return {"errors": wrong}
        served = await self._send(Door.ACTIONS, gestures.submitted(view, gesture.given, self._moment(by)))
        if served.status != 200:
            return _trouble(_NOT_TAKEN)
        try:
            return {"errors": self._workspace.answered(by.id, _answer(served))}
        except ViewRefusedError as refused:
            log.error("Slack would refuse what stands in place of a modal", extra={"error": str(refused)})  # noqa: TRY400  the text says it all
            return _trouble(f"Slack would refuse what follows: {refused}")

    async def _close(self, gesture: Close, by: Member) -> Mapping[str, object]:
        view = self._workspace.view_of(by.id)
        if view is None or view.id != gesture.view:
            return {}
        self._workspace.close(by.id)
        if not view.view.get("notify_on_close"):
            return {}
        return _taken(await self._send(Door.ACTIONS, gestures.closed(view, self._moment(by))))

    async def _write(self, gesture: Write, by: Member) -> Mapping[str, object]:
        text = gesture.text.strip()
        if not text:
            return {}
        if not self._sees(by, gesture.channel):
            return _trouble(f"{by.name} cannot write there: it is somebody else's.")
        if text.startswith("/"):
            return await self._command(gesture, text, by)
        sent = as_sent(text, self._workspace.members)
        ts = await self._parts.messages.say(gesture.channel, by.id, sent, thread_ts=gesture.thread_ts)
        if ts is None:
            return _trouble("There is no such conversation.")
        if f"<@{ROUTER_ID}>" not in sent:
            return {}
        moment = msgspec.structs.replace(self._moment(by), ts=ts)
        event = gestures.mentioned(sent, gesture.channel, gesture.thread_ts, moment, f"Ev{moment.trigger_id}")
        return _taken(await self._send(Door.EVENTS, event))

    async def _shortcut(self, gesture: Shortcut, by: Member) -> Mapping[str, object]:
        if not gesture.ts:
            return _taken(await self._send(Door.ACTIONS, gestures.begun(gesture.callback_id, self._moment(by))))
        message = await self._parts.messages.get(gesture.channel, gesture.ts)
        if message is None or not self._sees(by, gesture.channel):
            return _trouble("This message is gone.")
        moment = self._moment(by, self._workspace.response_url(by.id, gesture.channel))
        return _taken(await self._send(Door.ACTIONS, gestures.picked(gesture.callback_id, message, moment)))

    async def _command(self, gesture: Write, text: str, by: Member) -> Mapping[str, object]:
        command, _, rest = text.partition(" ")
        if gesture.thread_ts:
            return _trouble(f"Slack takes no slash command in a thread. Write @{ROUTER} there, and then the command.")
        if command != SLASH_COMMAND:
            return _trouble(f"{command[:40]} is no command here: it is {SLASH_COMMAND}.")
        sent = as_sent(rest.strip(), self._workspace.members, is_command=True)
        moment = self._moment(by, self._workspace.response_url(by.id, gesture.channel))
        served = await self._send(Door.COMMANDS, gestures.commanded(command, sent, gesture.channel, moment))
        match _answer(served):
            case {"response_type": "in_channel", "text": str(answer)}:
                await self._parts.messages.say(gesture.channel, "", answer)
            case {"text": str(answer), **more}:
                blocks = more.get("blocks")
                await self._workspace.whisper(
                    gesture.channel, by.id, answer, blocks if isinstance(blocks, list) else ()
                )
        return _taken(served)

    async def _send(self, door: Door, body: bytes) -> Served:
        """As Slack: signed, by the secret that this process alone knows."""
        timestamp = str(to_ms(self._clock.now()) // 1000)
        signature = f"v0={digest_of(self._parts.secret, timestamp, body).hex()}"
        return await self._parts.entrance.receive(door, [timestamp], [signature], body)

    def _moment(self, by: Member, response_url: str = "") -> Moment:
        workspace = self._workspace
        return Moment(by, self._clock.now(), workspace.ts(), workspace.trigger(by.id), response_url)

    @staticmethod
    def _sees(by: Member, channel: str) -> bool:
        return not channel.startswith("D") or channel == by.direct


def _trouble(text: str) -> Mapping[str, object]:
    return {"trouble": text}


def _taken(served: Served) -> Mapping[str, object]:
    return {} if served.status == 200 else _trouble(_NOT_TAKEN)


def _answer(served: Served) -> Mapping[str, object]:
    found = msgspec.json.decode(served.body) if served.body else {}
    return found if isinstance(found, dict) else {}


def _closing(error: TooLargeError | NoRoomError | BrokenOffError) -> web.Response:
    """What is left of the body is not waited for."""
    match error:
        case TooLargeError():
            response = problem(413, "a gesture that is larger than any", expected=f"at most {LARGEST_BODY} bytes")
        case NoRoomError():
            response = problem(503, "too many gestures come at once", expected="the same, a moment later")
        case _:
            response = problem(400, str(error), expected="what the page sends")
    response.force_close()
    return response
