"""The client against strict receivers over real sockets: what an answer means, and that nothing secret is ever said."""

import asyncio
import gzip
import json
import logging
import socket
from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import aiohttp.abc
import pytest
import pytest_asyncio

from router.core.answer import Answer, Outcome
from router.notifiers.webhook import client as module
from router.notifiers.webhook.client import LARGEST_ANSWER, WebhookClient, open_session
from router.notifiers.webhook.endpoint import Endpoint, EndpointError, open_endpoint
from router.notifiers.webhook.payloads import Action, Request, request
from rules.model.configuration import EnvSecret, WebhookSettings
from rules.model.webhook import Format
from tests.core.incidents import OPEN, OVER, but
from tests.receivers import Mood, Receiver, Says
from tests.slack.conftest import START, HandClock
from tests.webhook.endpoints import SECRETS, endpoint, receiver, settings, tell, value_of

KEYS = {kind: "prod:1234" if kind is Format.OPSGENIE else "prod/1234" for kind in Format}
TOLD = Answer(Outcome.DELIVERED)


@pytest_asyncio.fixture
async def client() -> AsyncIterator[WebhookClient]:
    async with open_session(timeout=timedelta(seconds=0.5)) as session:
        yield WebhookClient(session, HandClock())


@pytest.fixture(params=list(Format))
def kind(request: pytest.FixtureRequest) -> Format:
    found: Format = request.param
    return found


async def told(client: WebhookClient, kind: Format, there: Receiver, *moods: Mood) -> Answer:
    there.moods[:] = moods
    return await tell(client, endpoint(kind, there.url), OPEN, Action.TRIGGER)


async def test_an_incident_from_its_beginning_to_its_end(client: WebhookClient, kind: Format) -> None:
    async with receiver(kind) as there:
        where = endpoint(kind, there.url)
        assert await tell(client, where, OPEN, Action.TRIGGER) == TOLD
        assert there.states == {KEYS[kind]: "triggered"}
        if kind is not Format.ALERTMANAGER:
            assert await tell(client, where, OPEN, Action.ACKNOWLEDGE) == TOLD
            assert there.states == {KEYS[kind]: "acknowledged"}
        assert await tell(client, where, OVER, Action.RESOLVE) == TOLD
        assert there.states == {KEYS[kind]: "resolved"}
        assert there.problems == []


async def test_what_is_sent_twice_is_doubled_only_by_its_key(client: WebhookClient, kind: Format) -> None:
    async with receiver(kind) as there:
        cut = await told(client, kind, there, Mood(Says.CUT))
        assert (cut.outcome, cut.error) == (Outcome.UNKNOWN, "connection lost (ClientOSError)")
        assert await told(client, kind, there) == TOLD
        [incident] = there.incidents.values()
        assert (incident.opened, incident.triggers) == (1, 2)


async def test_an_end_that_was_never_begun_there_is_told_and_dropped(client: WebhookClient, kind: Format) -> None:
    async with receiver(kind) as there:
        assert await tell(client, endpoint(kind, there.url), OVER, Action.RESOLVE) == TOLD
        assert (there.incidents, there.dropped) == ({}, [KEYS[kind]])


async def test_what_comes_back_after_its_end_is_another_incident_there(client: WebhookClient, kind: Format) -> None:
    async with receiver(kind) as there:
        where = endpoint(kind, there.url)
        for view, action in ((OPEN, Action.TRIGGER), (OVER, Action.RESOLVE), (OPEN, Action.TRIGGER)):
            assert await tell(client, where, view, action) == TOLD
        [incident] = there.incidents.values()
        assert (incident.state, incident.opened) == ("triggered", 2)


@pytest.mark.parametrize(
    ("retry_after", "waits"),
    [
        ("7", timedelta(seconds=7)),
        (None, timedelta(seconds=30)),
        ("soon", timedelta(seconds=30)),
        ("0", timedelta(seconds=30)),
        ("99999999999999", timedelta(hours=1)),
        ("Wed, 04 Mar 2026 12:01:30 GMT", timedelta(seconds=90)),
        ("Wed, 04 Mar 2026 11:00:00 GMT", timedelta(seconds=30)),
        ("Thu, 05 Mar 2026 12:00:00 GMT", timedelta(hours=1)),
    ],
)
async def test_too_many_waits_as_long_as_it_is_told(
    client: WebhookClient, kind: Format, retry_after: str | None, waits: timedelta
) -> None:
    assert START.isoformat() == "2026-03-04T12:00:00+00:00"
    async with receiver(kind) as there:
        found = await told(client, kind, there, Mood(Says.STATUS, does=False, status=429, retry_after=retry_after))
        assert (found.outcome, found.retry_after, found.is_rate_limit) == (Outcome.RETRY, waits, True)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (500, Outcome.RETRY),
        (502, Outcome.RETRY),
        (503, Outcome.RETRY),
        (408, Outcome.RETRY),
        (400, Outcome.MESSAGE_REFUSED),
        (413, Outcome.MESSAGE_REFUSED),
        (422, Outcome.MESSAGE_REFUSED),
        (401, Outcome.CHANNEL_REFUSED),
        (403, Outcome.CHANNEL_REFUSED),
        (404, Outcome.CHANNEL_REFUSED),
        (410, Outcome.CHANNEL_REFUSED),
        (418, Outcome.CHANNEL_REFUSED),
    ],
)
async def test_what_a_status_means(client: WebhookClient, kind: Format, status: int, outcome: Outcome) -> None:
    async with receiver(kind) as there:
        found = await told(client, kind, there, Mood(Says.STATUS, does=False, status=status))
        assert found == Answer(outcome, error=f"answered {status}")


async def test_a_busy_receiver_may_say_for_how_long(client: WebhookClient, kind: Format) -> None:
    async with receiver(kind) as there:
        found = await told(client, kind, there, Mood(Says.STATUS, does=False, status=503, retry_after="20"))
        assert (found.outcome, found.retry_after, found.is_rate_limit) == (Outcome.RETRY, timedelta(seconds=20), False)


@pytest.mark.parametrize("status", [200, 201, 204])
async def test_another_yes_than_the_vendors_comes_from_somebody_else(
    client: WebhookClient, kind: Format, status: int
) -> None:
    async with receiver(kind) as there:
        found = await told(client, kind, there, Mood(Says.STATUS, does=False, status=status, body=""))
    if kind in {Format.ALERTMANAGER, Format.JSON}:
        assert found == TOLD
    else:
        error = f"answered {status} where 202 means accepted: is that its address?"
        assert found == Answer(Outcome.CHANNEL_REFUSED, error=error)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(client: WebhookClient, kind: Format, status: int) -> None:
    async with receiver(kind) as there:
        found = await told(client, kind, there, Mood(Says.REDIRECT, does=False, status=status))
        error = f"answered {status}: it leads elsewhere, and redirects are not followed"
        assert found == Answer(Outcome.CHANNEL_REFUSED, error=error)
        assert len(there.calls) == 1


async def test_no_answer_in_time_may_have_been_taken(client: WebhookClient, kind: Format) -> None:
    async with receiver(kind) as there:
        found = await told(client, kind, there, Mood(Says.SILENCE))
        assert found == Answer(Outcome.UNKNOWN, error="no answer in time")
        assert list(there.incidents) == [KEYS[kind]]


async def test_of_a_long_answer_no_more_is_read_than_is_needed(
    client: WebhookClient, kind: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    detail = module._detail

    def watched(where: Endpoint, body: bytes) -> str:
        seen.append(len(body))
        return detail(where, body)

    monkeypatch.setattr(module, "_detail", watched)
    async with receiver(kind) as there:
        assert await told(client, kind, there, Mood(Says.FLOOD)) == TOLD
        assert seen == [LARGEST_ANSWER]
        assert await told(client, kind, there) == TOLD  # and what was left does not stand in the way


async def test_an_answer_cut_after_its_status_was_an_answer(client: WebhookClient, kind: Format) -> None:
    async with receiver(kind) as there:
        assert await told(client, kind, there, Mood(Says.CUT_IN_BODY)) == TOLD


async def test_nobody_there(client: WebhookClient, kind: Format) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: nobody else gets the port meanwhile
        where = endpoint(kind, f"http://127.0.0.1:{taken.getsockname()[1]}")
        found = await tell(client, where, OPEN, Action.TRIGGER)
    assert found == Answer(Outcome.RETRY, error="cannot connect (ClientConnectorError)")


class _Swallows(aiohttp.abc.AbstractResolver):
    """A network that says nothing."""

    async def resolve(self, *_: object, **__: object) -> list[aiohttp.abc.ResolveResult]:
        await asyncio.Event().wait()
        return []

    async def close(self) -> None:
        pass


async def test_a_network_that_swallows_is_certainly_nothing_told() -> None:
    async with open_session(timeout=timedelta(seconds=0.2), resolver=_Swallows()) as session:
        where = endpoint(Format.JSON, "http://tickets.example")
        found = await tell(WebhookClient(session, HandClock()), where, OPEN, Action.TRIGGER)
    assert found == Answer(Outcome.RETRY, error="cannot connect (ConnectionTimeoutError)")


async def test_a_wrong_key_is_the_receivers_fault_and_not_the_messages(client: WebhookClient) -> None:
    async with receiver(Format.PAGERDUTY) as pagerduty, receiver(Format.OPSGENIE) as opsgenie:
        short, other = (Endpoint("p", Format.PAGERDUTY, pagerduty.url, key) for key in ("R01", "f" * 32))
        no_form, unknown = (
            Endpoint("g", Format.OPSGENIE, opsgenie.url, key, {"Authorization": f"GenieKey {key}"})
            for key in ("short", "99999999-2222-3333-4444-555555555555")
        )
        found = [await tell(client, where, OPEN, Action.TRIGGER) for where in (short, other, no_form, unknown)]
    assert [(one.outcome, one.error) for one in found] == [
        (
            Outcome.CHANNEL_REFUSED,
            "answered 400: Event object is invalid; Length of 'routing_key' is incorrect (should be 32 characters)",
        ),
        (Outcome.CHANNEL_REFUSED, "answered 400: Event object is invalid; Invalid routing key"),
        (Outcome.CHANNEL_REFUSED, "answered 422: Key format is not valid!"),
        (Outcome.CHANNEL_REFUSED, "answered 401: Could not authenticate"),
    ]


async def test_a_refused_message_says_why(client: WebhookClient) -> None:
    async with receiver(Format.PAGERDUTY) as there:
        where = endpoint(Format.PAGERDUTY, there.url)
        broken = Request(f"{there.url}/v2/enqueue", {"Content-Type": "application/json"}, b"{}")
        found = await client.send(where, broken)
    assert found.outcome is Outcome.CHANNEL_REFUSED  # it misses the routing key, too
    async with receiver(Format.OPSGENIE) as there:
        where = endpoint(Format.OPSGENIE, there.url)
        empty = Request(
            f"{there.url}/v2/alerts", {**where.headers, "Content-Type": "application/json"}, b'{"alias":"a"}'
        )
        found = await client.send(where, empty)
    assert found == Answer(Outcome.MESSAGE_REFUSED, error="answered 422: message is missing")


@pytest.mark.parametrize(
    "body",
    [
        "[1]",
        "{",
        "null",
        '{"message": 5, "errors": 7}',
        '{"errors": [1, {"a": 2}], "message": null}',
        "[" * 50_000,
        "\udcff",
    ],
)
async def test_an_answer_may_be_anything(client: WebhookClient, body: str) -> None:
    async with receiver(Format.PAGERDUTY) as there:
        found = await told(
            client,
            Format.PAGERDUTY,
            there,
            Mood(Says.STATUS, does=False, status=400, body=body.encode("utf-8", "replace").decode()),
        )
    assert found == Answer(Outcome.MESSAGE_REFUSED, error="answered 400")


async def test_what_it_says_is_shown_in_one_short_harmless_line(client: WebhookClient) -> None:
    body = '{"message": "a\\u202e\\n\\nb", "errors": {"x": "%s", "y": ["no"]}}' % ("y" * 300)
    async with receiver(Format.OPSGENIE) as there:
        found = await told(client, Format.OPSGENIE, there, Mood(Says.STATUS, does=False, status=422, body=body))
    assert found.error == "answered 422: a b; " + "y" * 194 + "…"


async def test_what_a_receiver_of_ones_own_answers_is_nobodys_business(client: WebhookClient) -> None:
    for kind in (Format.ALERTMANAGER, Format.JSON):
        async with receiver(kind) as there:
            mood = Mood(Says.STATUS, does=False, status=400, body='{"message": "traceback"}')
            assert await told(client, kind, there, mood) == Answer(Outcome.MESSAGE_REFUSED, error="answered 400")


async def test_no_secret_is_said_by_an_error_a_log_or_a_repr(
    client: WebhookClient, kind: Format, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    async with receiver(kind) as there:
        hidden = WebhookSettings(
            "hidden", kind, url_secret=(EnvSecret("URL"),), key=settings(kind, "").key, bearer=settings(kind, "").bearer
        )
        secrets = {**SECRETS, "URL": f"{there.url}/s3cret-path?t=s3cret-query"}
        where = open_endpoint(hidden, lambda found: secrets[found[0].name] if isinstance(found[0], EnvSecret) else "")
        echo = json.dumps({"message": " ".join(secrets.values()), "errors": [secrets["URL"]]})
        for mood in (
            Mood(Says.STATUS, does=False, status=400, body=echo),
            Mood(Says.STATUS, does=False, status=500, body=echo),
            Mood(Says.REDIRECT, does=False, status=302),
            Mood(Says.CUT),
            Mood(Says.SILENCE),
        ):
            there.moods.append(mood)
            made = request(where, OPEN, Action.TRIGGER, instance="prod")
            assert made is not None
            found = await client.send(where, made)
            assert found.outcome is not Outcome.DELIVERED
            said += [found.error, repr(found), repr(made), repr(where)]
        nowhere = open_endpoint(hidden, lambda _: "http://127.0.0.1:1/s3cret-path")
        made = request(nowhere, OPEN, Action.TRIGGER, instance="prod")
        assert made is not None
        said.append((await client.send(nowhere, made)).error)
    said.append(caplog.text)
    mine = [value for name, value in secrets.items() if name != "X"] + ["s3cret"]
    used = [value for value in mine if value in "".join((where.key, *where.headers.values(), where.url))]
    assert used
    assert [(secret, line) for secret in used for line in said if secret in line] == []


async def test_nothing_is_unpacked(client: WebhookClient) -> None:
    packed = gzip.compress(b'{"message": "' + b"x" * 10_000_000 + b'"}')
    where = endpoint(Format.PAGERDUTY, "http://127.0.0.1:1")
    assert module._detail(where, packed) == ""
    async with receiver(Format.PAGERDUTY) as there:
        await told(client, Format.PAGERDUTY, there)
        assert there.calls[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    "url", ["ftp://x.example", "https://", "x.example", "https://x.example:99999", "https://x\n.example", "http://[::1"]
)
def test_an_address_in_a_secret_is_looked_at_too(url: str) -> None:
    hidden = WebhookSettings("hidden", Format.JSON, url_secret=(EnvSecret("URL"),))
    with pytest.raises(EndpointError, match=r"^the address of the webhook hidden is no http:// or https:// address$"):
        open_endpoint(hidden, lambda _: url)


@pytest.mark.parametrize("value", ["a\nb", "ä", "a\x7fb"])
def test_so_is_a_header(value: str) -> None:
    hidden = WebhookSettings("hidden", Format.JSON, "https://x.example", secret_headers={"X-Key": (EnvSecret("K"),)})
    with pytest.raises(
        EndpointError, match=r"^the header X-Key of the webhook hidden is not printable ASCII on one line$"
    ):
        open_endpoint(hidden, lambda _: value)


def test_blanks_around_a_secret_are_no_part_of_it() -> None:
    found = open_endpoint(settings(Format.OPSGENIE, "https://x.example"), lambda found: f" {value_of(found)}\n")
    assert found.headers == {"Authorization": f"GenieKey {SECRETS['GENIE']}"}


@pytest.mark.parametrize("url", ["http://", "ftp://x.example"])
async def test_an_address_that_is_none(client: WebhookClient, url: str) -> None:
    found = await client.send(Endpoint("x", Format.JSON, url), Request(url, {}, b"{}"))
    assert found == Answer(Outcome.CHANNEL_REFUSED, error="not an address that can be called")


async def test_a_header_that_would_be_two(client: WebhookClient) -> None:
    async with receiver(Format.JSON) as there:
        broken = Request(there.url, {"X-Key": "s3cret\r\nX-More: b"}, b"{}")
        found = await client.send(endpoint(Format.JSON, there.url), broken)
        assert found == Answer(Outcome.CHANNEL_REFUSED, error="its headers cannot be sent")
        assert there.calls == []


async def test_a_call_can_be_taken_back(client: WebhookClient) -> None:
    async with receiver(Format.JSON) as there:
        there.moods.append(Mood(Says.SILENCE))
        call = asyncio.create_task(tell(client, endpoint(Format.JSON, there.url), OPEN, Action.TRIGGER))
        await there.called.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_a_proxy_is_used_but_not_for_this_machine(monkeypatch: pytest.MonkeyPatch, client: WebhookClient) -> None:
    async with receiver(Format.JSON) as there:
        monkeypatch.setenv("http_proxy", there.url)
        monkeypatch.setenv("no_proxy", "near.example")
        assert module._proxy_of("http://127.0.0.1:80/") is None
        assert module._proxy_of("http://near.example/") is None
        assert module._proxy_of("https://far.example/") is None
        where = endpoint(Format.JSON, "http://far.example")
        assert await tell(client, where, but(OPEN, number=7), Action.TRIGGER) == TOLD
        assert list(there.incidents) == ["prod/7"]
