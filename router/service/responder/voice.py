"""Words that one person sees, and the windows that are opened for them: after the answer to Slack, and after the commit."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec

from router.core.answer import Answer, Outcome
from router.core.render.blocks import Block
from router.core.render.form import notice_view
from router.notifiers.slack.views import Opened, opened
from router.notifiers.workspace import Responses, Workspace

log = logging.getLogger(__name__)

MOST_LATER: Final = 500
"""Words that are under way to people."""
FINISH_WITHIN: Final = timedelta(seconds=5)
_NOT_OPENED: Mapping[Opened, str] = {
    Opened.LATE: "Slack's time for opening a window was over before I could; please press again.",
    Opened.UNSURE: "Slack did not answer when I asked it to open a window; if there is none, please press again.",
    Opened.REFUSED: "Slack refused to open a window; the log says why.",
}


class Where(msgspec.Struct, frozen=True):
    """How one person is reached with a word that nobody else sees."""

    person: str
    """Their user id."""
    response_url: str = ""
    channel: str = ""
    thread_ts: str = ""
    view: str = ""
    """The window that they have before them: the word stands in its place."""
    trigger_id: str = ""
    """Opens a window for the word where there is no other way."""


class Voice:
    """Of one process."""

    def __init__(self, response_urls: Responses, slack: Callable[[], Workspace | None]) -> None:
        self._response_urls, self._slack = response_urls, slack
        self._later: set[asyncio.Task[None]] = set()

    async def finish(self) -> None:
        """Words that are under way are said before the process ends."""
        if self._later:
            await asyncio.wait(self._later, timeout=FINISH_WITHIN.total_seconds())

    def whisper(self, where: Where, text: str, blocks: Sequence[Block] = ()) -> None:
        self.begin(self.say(where, text, blocks))

    async def say(self, where: Where, text: str, blocks: Sequence[Block] = ()) -> None:
        """By the response_url, which reaches people in channels that we are not in; else as a message of ours. `blocks`: the
        same with buttons."""
        slack, error = self._slack(), "there is no way to say it"
        if where.response_url:
            answer = await self._response_urls.post(where.response_url, text, blocks, thread_ts=where.thread_ts)
            if answer.outcome in {Outcome.DELIVERED, Outcome.UNKNOWN}:
                return
            error = answer.error
        if slack is not None and (where.channel or where.view or where.trigger_id):
            answer = await _said(slack, where, text, blocks)
            if answer.outcome is Outcome.DELIVERED:
                return
            error = answer.error
        log.warning("a word to somebody who acted in Slack did not reach them", extra={"error": error})

    async def open(self, view: Mapping[str, Any], where: Where) -> Mapping[str, Any]:
        """A window for who acted; {} where there is none, and then they read why. Returns it as Slack names it."""
        slack = self._slack()
        if slack is None:
            return {}
        answer, found = await slack.open_view(where.trigger_id, view)
        how = opened(answer)
        if how is Opened.REFUSED:
            extra = {"error": answer.error, "detail": answer.warning}
            log.error("Slack refused to open a window for somebody", extra=extra)
        if how in _NOT_OPENED:
            await self.say(msgspec.structs.replace(where, trigger_id=""), _NOT_OPENED[how])
        return found

    async def renew(self, view_id: str, view: Mapping[str, Any], *, known: str) -> None:
        """Put another in the place of a window, unless it is not any more as it was `known`, by Slack's hash of it."""
        slack = self._slack()
        if slack is None:
            return
        answer = await slack.update_view(view_id, view, known=known)
        if answer.outcome is not Outcome.DELIVERED:
            log.info("a window was not renewed: it is closed, or another by now", extra={"error": answer.error})

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """After the answer to Slack: what Slack takes its time for keeps nobody waiting."""
        if len(self._later) >= MOST_LATER:
            work.close()
            log.warning("a word to somebody who acted in Slack was not said: too many are under way")
            return
        task = asyncio.get_running_loop().create_task(self._carefully(work))
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    @staticmethod
    async def _carefully(work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:  # the top of a task: what it was about is written down already
            log.exception("a word to somebody who acted in Slack stumbled")


async def _said(slack: Workspace, where: Where, text: str, blocks: Sequence[Block]) -> Answer:
    if where.channel:
        return await slack.whisper(where.channel, where.person, text, blocks, thread_ts=where.thread_ts)
    if where.view:
        return await slack.update_view(where.view, notice_view("alert-router", text))
    answer, _ = await slack.open_view(where.trigger_id, notice_view("alert-router", text))
    return answer
