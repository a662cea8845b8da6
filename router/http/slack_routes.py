"""Where Slack sends what people do: the raw bytes are read here, bounded in size and time, and given on with their signature."""

from datetime import timedelta
from functools import partial

from aiohttp import web

from router.http.access import Access, Endpoint
from router.http.body import BodyBudget, BrokenOffError, NoRoomError, Share, TooLargeError, TooSlowError, hang_up
from router.http.body import read as body_of
from router.http.service import Service
from router.notifiers.slack.inbound.decode import LARGEST_BODY, Door
from router.notifiers.slack.inbound.dispatch import ANSWER_WITHIN
from router.notifiers.slack.inbound.signature import SIGNATURE, TIMESTAMP

BODIES_BYTES = 16 * 1024 * 1024
"""Of the bodies of all these requests together: whoever sends them is not known before they are whole."""
BODY_WITHIN = timedelta(seconds=1.5)
"""From a request's head to the end of its body: what is left of Slack's three seconds is for the answer."""
PATHS = {
    "/api/slack/actions": Door.ACTIONS,
    "/api/slack/commands": Door.COMMANDS,
    "/api/integrations/slack/commands": Door.COMMANDS,
    "/api/slack/events": Door.EVENTS,
}


class SlackRoutes:
    """POST only."""

    def __init__(self, service: Service, *, body_within: timedelta = BODY_WITHIN) -> None:
        self._service = service
        self._body_within = body_within
        self.budget = BodyBudget(BODIES_BYTES)

    def routes(self) -> list[Endpoint]:
        return [Endpoint("POST", path, partial(self._receive, door), Access.SLACK) for path, door in PATHS.items()]

    async def _receive(self, door: Door, request: web.Request) -> web.StreamResponse:
        entrance, clock = self._service.slack_entrance, self._service.clock
        began = clock.monotonic()
        with Share(self.budget) as share:
            try:
                body = await body_of(request, LARGEST_BODY, self._body_within, share)
            except TooLargeError:
                entrance.refused("too_large")
                return _closing(413)
            except TooSlowError:
                entrance.refused("too_slow")
                return await hang_up(request, web.Response(status=408))
            except NoRoomError:
                entrance.refused("no_room")
                return _closing(503)
            except BrokenOffError:
                entrance.refused("broken")
                return _closing(400)
            headers = request.headers
            served = await entrance.receive(
                door,
                headers.getall(TIMESTAMP, ()),
                headers.getall(SIGNATURE, ()),
                body,
                within=ANSWER_WITHIN - timedelta(seconds=clock.monotonic() - began),
            )
        response = web.Response(status=served.status, body=served.body or None)
        if served.body:
            response.content_type = "application/json"
        if served.ends_retries:
            response.headers["X-Slack-No-Retry"] = "1"
        return response


def _closing(status: int) -> web.Response:
    """What is left of the body is not waited for."""
    response = web.Response(status=status)
    response.force_close()
    return response
