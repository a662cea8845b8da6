"""What is answered after the three seconds: a post to the response_url that came with a command or a click.

Slack takes five of them within thirty minutes. It needs no scope and no membership, so that it reaches people where a message
of ours would not: in channels we are not in, and under messages that only they see.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import msgspec

from router.core.answer import Answer, Outcome
from router.notifiers.slack.errors import CallFault, Reply, sort_answer
from router.notifiers.slack.wire import proxy_for

_CODE = re.compile(rb"[a-z]+(?:_[a-z]+){1,6}")


class ResponseUrls:
    """Over the session that makes all calls to Slack: it bounds time and size, and follows no redirect."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def post(
        self,
        url: str,
        text: str,
        blocks: Sequence[Mapping[str, Any]] = (),
        *,
        thread_ts: str = "",
    ) -> Answer:
        """One person sees it. `url`: as decoding let it through. `thread_ts`: else it stands outside the thread that was
        clicked in. Never raises; what is of unknown outcome may have been seen."""
        # Slack replaces the message that was clicked unless it is told not to.
        body: dict[str, Any] = {"text": text, "response_type": "ephemeral", "replace_original": False}
        if blocks:
            body["blocks"] = list(blocks)
        if thread_ts:
            body["thread_ts"] = thread_ts
        answer = sort_answer(await self._called(url, body))
        if answer.outcome is Outcome.WORKSPACE_REFUSED:
            # It is this address that is refused: nothing follows for our calls.
            return msgspec.structs.replace(answer, outcome=Outcome.MESSAGE_REFUSED)
        return answer

    async def _called(self, url: str, body: Mapping[str, Any]) -> Reply | CallFault:
        try:
            async with self._session.post(url, json=body, proxy=proxy_for(url)) as response:
                text = await response.read()
        except (
            aiohttp.ClientConnectorError,
            aiohttp.ConnectionTimeoutError,
            aiohttp.ClientHttpProxyError,
            ValueError,
        ) as error:
            return CallFault(error=f"cannot connect ({type(error).__name__})", is_written=False)
        except TimeoutError:
            return CallFault(error="no answer in time", is_written=True)
        except (aiohttp.ClientError, OSError) as error:
            return CallFault(error=f"connection lost ({type(error).__name__})", is_written=True)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(status=response.status, headers=headers, body=_read(text))


def _read(text: bytes) -> Mapping[str, Any] | None:
    """`ok` or an error's code as plain text, or JSON as of every other call."""
    if text.strip() == b"ok":
        return {"ok": True}
    if _CODE.fullmatch(text):
        return {"ok": False, "error": text.decode()}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
