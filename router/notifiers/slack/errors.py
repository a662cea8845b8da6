"""What an answer of Slack's means. Owns the table of its error codes; sorts, and decides nothing about when to call again.

Codes: https://docs.slack.dev/reference/methods/chat.postMessage#errors and chat.update#errors.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from math import ceil
from typing import Any, Final

import msgspec

from router.core.answer import Answer, Outcome


class Reply(msgspec.Struct, frozen=True):
    """What came back over the wire. `headers` have lower-case names; `body` is None when it was no JSON object."""

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, Any] | None


class CallFault(msgspec.Struct, frozen=True):
    """No answer came. `is_written` is False only when the request certainly never left this machine."""

    error: str
    """Says what happened, for a person; never a token, an address or a body."""
    is_written: bool


CODES: Final[Mapping[Outcome, frozenset[str]]] = {
    # Benign: the state that was asked for holds already.
    Outcome.DELIVERED: frozenset(
        {
            "already_archived",
            "already_in_channel",
            "already_pinned",
            "already_reacted",
            "cant_invite_self",
            "not_archived",
        }
    ),
    # Certainly not done. Migration and an operator's block last minutes to hours; none is the message's fault.
    Outcome.RETRY: frozenset(
        {
            "accesslimited",
            "message_limit_exceeded",
            "org_login_required",
            "rate_limited",
            "ratelimited",
            "service_unavailable",
            "team_added_to_org",
        }
    ),
    # "Possible some aspect of the operation succeeded." The duplicate_* codes speak of our client_msg_id, whose
    # treatment is undocumented: they are no proof that the first attempt stands, nor that it does not.
    Outcome.UNKNOWN: frozenset(
        {
            "duplicate_channel_not_found",
            "duplicate_message_not_found",
            "fatal_error",
            "internal_error",
            "request_timeout",
        }
    ),
    Outcome.MESSAGE_REFUSED: frozenset(
        {
            "attachment_payload_limit_exceeded",
            "duplicate_external_id",
            "exchanged_trigger_id",
            "expired_trigger_id",
            "hash_conflict",
            "invalid_arg_name",
            "invalid_arguments",
            "invalid_array_arg",
            "invalid_attachments",
            "invalid_blocks",
            "invalid_blocks_format",
            "invalid_charset",
            "invalid_form_data",
            "invalid_metadata_format",
            "invalid_metadata_schema",
            "invalid_post_type",
            "invalid_trigger_id",
            "metadata_too_large",
            "missing_post_type",
            "msg_blocks_too_long",
            "msg_too_long",
            "no_text",
            "push_limit_reached",
            "too_many_attachments",
            "trigger_exchanged",
            "trigger_expired",
            "view_too_large",
        }
    ),
    # People are channels of one: a page that cannot reach its person needs the same answer.
    Outcome.CHANNEL_REFUSED: frozenset(
        {
            "cannot_dm_bot",
            "cannot_reply_to_message",
            "cant_invite",
            "channel_not_found",
            "ekm_access_denied",
            "is_archived",
            "is_inactive",
            "messages_tab_disabled",
            "method_not_supported_for_channel_type",
            "not_in_channel",
            "paid_teams_only",
            "plan_upgrade_required",
            "restricted_action",
            "ura_max_channels",
            "user_disabled",
            "user_is_restricted",
            "user_not_found",
            "user_not_in_channel",
            "user_not_visible",
            "users_not_found",
        }
    ),
    Outcome.ANCHOR_LOST: frozenset(
        {
            "block_mismatch",
            "cant_update_message",
            "message_not_found",
            "thread_not_found",
            "update_failed",
        }
    ),
    Outcome.EDIT_CLOSED: frozenset({"edit_window_closed"}),
    Outcome.WORKSPACE_REFUSED: frozenset(
        {
            "access_denied",
            "account_inactive",
            "app_access_restricted",
            "invalid_auth",
            "missing_scope",
            "no_permission",
            "not_allowed_token_type",
            "not_authed",
            "team_access_not_granted",
            "token_expired",
            "token_revoked",
            "two_factor_setup_required",
        }
    ),
}
"""Every code we know, by what it comes to. `restricted_action_*` is a family of its own, see `outcome_of`."""

_OUTCOMES: Final[Mapping[str, Outcome]] = {code: outcome for outcome, codes in CODES.items() for code in codes}

_RATE_LIMITS: Final = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})

_WAITS: Final[Mapping[str, timedelta]] = {
    # Slack names no time for these; all of them last, and asking again in a second only adds to the noise.
    "accesslimited": timedelta(minutes=5),
    "message_limit_exceeded": timedelta(hours=1),
    "org_login_required": timedelta(minutes=5),
    "team_added_to_org": timedelta(minutes=5),
}

_DEFAULT_WAIT: Final = timedelta(seconds=30)
"""After a 429 whose Retry-After cannot be read: Slack's windows are a minute, half of one is the fair guess."""

_LONGEST_WAIT: Final = timedelta(hours=1)
"""A Retry-After beyond it is junk, or is asked about again then."""

_DETAIL_LIMIT: Final = 500


def outcome_of(code: str) -> Outcome:
    """What an `ok: false` with this code comes to.

    A code we do not know is Slack saying no to this very call, so nothing was done and the same call would be refused
    again: MESSAGE_REFUSED makes the next attempt a different, plainer one, and ends.
    """
    if code.startswith("restricted_action"):
        return Outcome.CHANNEL_REFUSED
    return _OUTCOMES.get(code, Outcome.MESSAGE_REFUSED)


def sort_answer(got: Reply | CallFault) -> Answer:
    """Slack's answer to one call, or its absence, as deliver needs it."""
    if isinstance(got, CallFault):
        return Answer(outcome=Outcome.UNKNOWN if got.is_written else Outcome.RETRY, error=got.error)
    server_time = _server_time(got.headers.get("date", ""))
    if got.status == 429:
        wait = _retry_after(got.headers.get("retry-after", "")) or _DEFAULT_WAIT
        return Answer(
            outcome=Outcome.RETRY,
            retry_after=wait,
            is_rate_limit=True,
            error="ratelimited",
            server_time=server_time,
        )
    body = got.body or {}
    is_ok, code = body.get("ok"), body.get("error")
    if got.status >= 500:
        # Behind a 5xx the body proves nothing: 503 is refused at the door, the others may have got through it.
        outcome = Outcome.RETRY if got.status == 503 else Outcome.UNKNOWN
        return Answer(outcome=outcome, error=f"http_{got.status}", server_time=server_time)
    if is_ok is True and got.status == 200:
        channel, ts = _place(body)
        return Answer(
            outcome=Outcome.DELIVERED,
            channel=channel,
            ts=ts,
            server_time=server_time,
            warning=_warning(body, "warnings"),
        )
    if is_ok is False and isinstance(code, str) and code:
        return _refusal(code, got, server_time)
    return Answer(
        outcome=_without_code(got.status), error=f"http_{got.status}_no_slack_answer", server_time=server_time
    )


def _refusal(code: str, got: Reply, server_time: datetime | None) -> Answer:
    body = got.body or {}
    outcome = outcome_of(code)
    wait = None
    if outcome is Outcome.RETRY:
        wait = _retry_after(got.headers.get("retry-after", "")) or _WAITS.get(code)
        if wait is None and code in _RATE_LIMITS:
            wait = _DEFAULT_WAIT
    detail = _warning(body, "messages")
    if needed := body.get("needed"):
        detail = f"needs {needed}"[:_DETAIL_LIMIT]
    channel, ts = _place(body)
    return Answer(
        outcome=outcome,
        channel=channel,
        ts=ts,
        retry_after=wait,
        is_rate_limit=code in _RATE_LIMITS,
        error=code,
        server_time=server_time,
        warning=detail,
    )


def _without_code(status: int) -> Outcome:
    """No Slack spoke: a proxy, a sign-in page, a wrong `slack.api_url`."""
    if status in {200, 408}:
        return Outcome.UNKNOWN  # somebody answered after the request was read; it may have been passed on
    if status in {400, 413, 414, 431}:
        return Outcome.MESSAGE_REFUSED
    return Outcome.WORKSPACE_REFUSED  # 3xx, 401, 403, 404, 407: every call would meet it; a person must look


def _place(body: Mapping[str, Any]) -> tuple[str, str]:
    """(conversation id, ts) where the answer names them; some methods give the conversation as an object."""
    channel, ts = body.get("channel"), body.get("ts")
    if isinstance(channel, dict):
        channel = channel.get("id")
    return channel if isinstance(channel, str) else "", ts if isinstance(ts, str) else ""


def _warning(body: Mapping[str, Any], key: str) -> str:
    """`warning` and the list under `response_metadata`: reasons with JSON pointers, never what we sent."""
    metadata = body.get("response_metadata")
    listed = metadata.get(key) if isinstance(metadata, dict) else None
    parts = [body.get("warning"), *(listed if isinstance(listed, list) else ())]
    return "; ".join(dict.fromkeys(part for part in parts if isinstance(part, str) and part))[:_DETAIL_LIMIT]


def _retry_after(header: str) -> timedelta | None:
    """Seconds; None for anything else, because proxies put dates, words and nothing there."""
    try:
        seconds = float(header)
    except ValueError:
        return None
    if not 0 <= seconds < float("inf"):
        return None
    return min(max(timedelta(seconds=1), timedelta(seconds=ceil(min(seconds, 1e9)))), _LONGEST_WAIT)


def _server_time(header: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
