"""Silences by Alertmanager's own API: its paths, fields, states and words, so that `amtool silence`, Grafana and karma work.

And what that API has not: what a silence would hold back now.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from aiohttp import web

from adapters.times import instant as read_instant
from router.core.acts.silence import MOST_MATCHERS, Silence, SilenceError, UnknownSilenceError, Wanted, id_of
from router.http.access import Access, Endpoint
from router.http.api import instant
from router.http.body import BodyBudget, BrokenOffError, NoRoomError, Share, TooLargeError, TooSlowError, hang_up
from router.http.body import read as body_of
from router.http.service import Service
from router.runtime.clock import EPOCH, from_ms, to_ms
from rules.model.matcher import Matcher, MatcherError, Op, compiled, parse

LARGEST_BODY = 256 * 1024
BODIES_BYTES = 16 * 1024 * 1024
"""Of these requests together."""
BODY_WITHIN = timedelta(seconds=20)
EXPIRED_LISTED = 1_000
"""Of those that are over, the last."""
MOST_FILTERS = 100
SPEAKS = "0.34.0"
"""The version of Alertmanager whose API this is: clients choose by it how they ask."""
_JSON = "application/json"
_encode = msgspec.json.Encoder().encode


class _Answer(Exception):  # noqa: N818  # what is answered, not a failure of ours
    def __init__(self, status: int, payload: object, *, closes: bool = False) -> None:
        super().__init__(status)
        self.response = _json(status, payload)
        if closes:
            self.response.force_close()  # what is left of the body is not waited for


class _HungUp(_Answer):
    """It is answered already."""

    def __init__(self, response: web.Response) -> None:
        super().__init__(response.status, None)
        self.response = response


def _closing(status: int, message: str) -> _Answer:
    return _Answer(status, {"code": status, "message": message}, closes=True)


def _bad(message: str) -> _Answer:
    """As Alertmanager's framework says that a body cannot be read."""
    return _Answer(400, {"code": 400, "message": message})


def _invalid(code: int, message: str) -> _Answer:
    """The same of one that can, and is not what it should be."""
    return _Answer(422, {"code": code, "message": message})


class SilenceRoutes:
    """Asks `Silences`, and says what came of it in Alertmanager's words."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._began = service.clock.now()
        self._budget = BodyBudget(BODIES_BYTES)

    def routes(self) -> list[Endpoint]:
        one = "/api/v2/silence/{silence}"
        return [
            Endpoint("GET", "/api/v2/silences", self._list, Access.READ),
            Endpoint("POST", "/api/v2/silences", self._post, Access.WRITE),
            Endpoint("GET", one, self._get, Access.READ),
            Endpoint("DELETE", one, self._delete, Access.WRITE),
            Endpoint("GET", "/api/v2/status", self._status, Access.READ),
            Endpoint("POST", "/api/silences/preview", self._preview, Access.READ),
        ]

    async def _body(self, request: web.Request) -> bytes:
        with Share(self._budget) as share:
            try:
                return await body_of(request, LARGEST_BODY, BODY_WITHIN, share)
            except TooLargeError:
                raise _closing(413, f"the body is larger than {LARGEST_BODY} bytes") from None
            except TooSlowError:
                words = f"the body did not come within {BODY_WITHIN.total_seconds():g} s"
                raise _HungUp(await hang_up(request, _json(408, {"code": 408, "message": words}))) from None
            except NoRoomError:
                raise _closing(503, "too many bodies come at once; try again") from None
            except BrokenOffError as error:
                raise _closing(400, str(error)) from None

    async def _list(self, request: web.Request) -> web.StreamResponse:
        try:
            filters = _filters(request.query.getall("filter", []))
        except _Answer as answer:
            return answer.response
        found = await self._service.engine.silences.listed(expired=EXPIRED_LISTED)
        now = self._service.clock.now()
        body = await asyncio.to_thread(_listed, found, filters, now)
        return web.Response(body=body, content_type=_JSON)

    async def _post(self, request: web.Request) -> web.StreamResponse:
        try:
            wanted = _wanted(_decoded(await self._body(request)), is_forced=request.query.get("force") == "true")
            made = await self._service.engine.silences.put(wanted)
        except _Answer as answer:
            return answer.response
        except SilenceError as error:
            return _json(400, f"Failed to create silence: {error}")
        except UnknownSilenceError:
            return _json(404, "silence not found")
        return _json(200, {"silenceID": made.id})

    async def _get(self, request: web.Request) -> web.StreamResponse:
        try:
            found = await self._service.engine.silences.get(_id(request.match_info["silence"]))
        except _Answer as answer:
            return answer.response
        except UnknownSilenceError:
            return web.Response(status=404)
        return _json(200, shown(found, self._service.clock.now()))

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        """Whoever asks for what is so already (it is over) has got it; Alertmanager calls that an error of its own."""
        try:
            await self._service.engine.silences.expire(_id(request.match_info["silence"]))
        except _Answer as answer:
            return answer.response
        except UnknownSilenceError:
            return web.Response(status=404)
        return web.Response()

    async def _status(self, _: web.Request) -> web.StreamResponse:
        """As far as Alertmanager's clients need it; the configuration is nobody's to read here."""
        version = {"version": SPEAKS, "revision": f"alert-router {self._service.version}"}
        body = {
            "cluster": {"name": "", "status": "disabled", "peers": []},
            "config": {"original": ""},
            "uptime": instant(self._began),
            "versionInfo": {**version, "branch": "", "buildDate": "", "buildUser": "", "goVersion": ""},
        }
        return _json(200, body)

    async def _preview(self, request: web.Request) -> web.StreamResponse:
        try:
            matchers = _matchers(_decoded(await self._body(request)))
        except _Answer as answer:
            return answer.response
        found = await self._service.engine.silences.preview(matchers)
        incidents = [{"number": number, "title": title} for number, title in found.incidents]
        return _json(
            200,
            {
                "alerts": found.alerts,
                "incidents": incidents,
                "examples": found.examples,
                "matches_everything": found.is_everything,
            },
        )


def shown(silence: Silence, now: datetime) -> dict[str, object]:
    """As Alertmanager shows it."""
    return {
        "id": silence.id,
        "status": {"state": silence.state(now).value},
        "updatedAt": instant(silence.updated_at),
        "comment": silence.comment,
        "createdBy": silence.created_by,
        "endsAt": instant(silence.ends_at),
        "matchers": [
            {
                "isEqual": one.op.is_equal,
                "isRegex": one.op.is_regex,
                "name": one.name,
                "value": one.value,
            }
            for one in silence.matchers
        ],
        "startsAt": instant(silence.starts_at),
    }


def _listed(found: Iterable[Silence], filters: Sequence[Matcher], now: datetime) -> bytes:
    return _encode([shown(one, now) for one in found if _passes(one, filters)])


def _passes(silence: Silence, filters: Sequence[Matcher]) -> bool:
    """As Alertmanager has it: a filter is held against what the silence asks of that label."""
    asked = {one.name: one.value for one in silence.matchers}
    for one in filters:
        is_there = one.name in asked
        if one.value == "" and is_there is not one.op.is_equal:
            continue
        if not one.matches(asked):
            return False
    return True


def _filters(texts: Sequence[str]) -> list[Matcher]:
    if len(texts) > MOST_FILTERS:
        raise _Answer(400, f"{len(texts)} filters; at most {MOST_FILTERS} are possible")
    try:
        return [matcher for text in texts for matcher in parse(text)]
    except MatcherError as error:
        raise _Answer(400, f"bad matcher format: {error.message}; expected {error.expected}") from None


def _id(text: str) -> str:
    if found := id_of(text):
        return found
    raise _invalid(601, f'silenceID in path must be of type uuid: "{text[:100]}"')


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:  # no JSON, or no UTF-8
        raise _bad(f"parsing body body from failed, because {error}") from None
    if not isinstance(found, dict):
        raise _bad("parsing body body from failed, because it is no object")
    return found


def _wanted(said: dict[str, Any], *, is_forced: bool) -> Wanted:
    for field in ("comment", "createdBy", "endsAt", "startsAt"):
        if said.get(field) is None:
            raise _invalid(602, f"{field} in body is required")
    number = said.get("id") or ""
    if not isinstance(number, str):
        raise _bad("parsing body body from failed, because id is no text")
    return Wanted(
        matchers=_matchers(said),
        starts_at=_instant("startsAt", said["startsAt"]),
        ends_at=_instant("endsAt", said["endsAt"]),
        created_by=_text("createdBy", said["createdBy"]),
        comment=_text("comment", said["comment"]),
        id=number,
        is_forced=is_forced,
    )


def _matchers(said: dict[str, Any]) -> tuple[Matcher, ...]:
    found = said.get("matchers")
    if found is None:
        raise _invalid(602, "matchers in body is required")
    if not isinstance(found, list):
        raise _bad("parsing body body from failed, because matchers is no list")
    if not found:
        raise _invalid(612, "matchers in body should have at least 1 items")
    if len(found) > MOST_MATCHERS:
        raise _Answer(400, f"Failed to create silence: {len(found)} matchers; at most {MOST_MATCHERS} are possible")
    return tuple(_matcher(index, one) for index, one in enumerate(found))


def _matcher(index: int, said: object) -> Matcher:
    if not isinstance(said, dict):
        raise _bad(f"parsing body body from failed, because matchers.{index} is no object")
    for field in ("isRegex", "name", "value"):
        if said.get(field) is None:
            raise _invalid(602, f"matchers.{index}.{field} in body is required")
    is_regex, is_equal = said["isRegex"], said.get("isEqual")
    if not isinstance(is_regex, bool) or not isinstance(is_equal, bool | None):
        raise _bad(
            f"parsing body body from failed, because matchers.{index}.isRegex or isEqual is neither true nor false"
        )
    name = _text(f"matchers.{index}.name", said["name"])
    value = _text(f"matchers.{index}.value", said["value"])
    if not name:
        raise _Answer(400, f'invalid silence: invalid label matcher {index}: invalid label name ""')
    if is_regex:
        try:
            compiled(value)
        except MatcherError as error:
            raise _Answer(400, f"invalid silence: invalid label matcher {index}: {error.message}") from None
    return Matcher(name, Op.of(is_regex=is_regex, is_equal=is_equal is not False), value)


def _text(field: str, value: object) -> str:
    """NUL and half characters are in no label, and in no database either."""
    if not isinstance(value, str):
        raise _bad(f"parsing body body from failed, because {field} is no text")
    return value.replace("\0", "�").encode("utf-8", "replace").decode()


def _instant(field: str, value: object) -> datetime:
    """To the millisecond. What lies before this product is as good as the beginning of time."""
    found = read_instant(value) if isinstance(value, str) else None
    if found is None and isinstance(value, str) and len(value) <= 64:
        with contextlib.suppress(ValueError):
            if datetime.fromisoformat(value).year < 1981:
                found = EPOCH
    if found is None or found.year > 9_000:
        raise _bad(f"parsing body body from failed, because {field} is no instant: {str(value)[:64]!r}")
    return from_ms(to_ms(found))


def _json(status: int, payload: object) -> web.Response:
    return web.Response(status=status, body=_encode(payload), content_type=_JSON)
