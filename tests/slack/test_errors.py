"""Every answer is sorted, and sorted safely: nothing that may have happened is called undone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.answer import Outcome
from router.notifiers.slack.errors import CODES, CallFault, Reply, outcome_of, sort_answer

CODES_BY_OUTCOME = {
    Outcome.DELIVERED: "already_in_channel already_pinned already_reacted already_archived not_archived cant_invite_self",
    Outcome.RETRY: "ratelimited rate_limited message_limit_exceeded service_unavailable team_added_to_org "
    "org_login_required accesslimited",
    Outcome.UNKNOWN: "internal_error fatal_error request_timeout duplicate_message_not_found "
    "duplicate_channel_not_found",
    Outcome.MESSAGE_REFUSED: "invalid_blocks invalid_blocks_format msg_blocks_too_long msg_too_long "
    "invalid_attachments too_many_attachments attachment_payload_limit_exceeded metadata_too_large "
    "invalid_metadata_format no_text a_code_from_next_year",
    Outcome.CHANNEL_REFUSED: "channel_not_found not_in_channel is_archived is_inactive restricted_action "
    "restricted_action_read_only_channel restricted_action_thread_only_channel "
    "restricted_action_non_threadable_channel restricted_action_thread_locked messages_tab_disabled "
    "cannot_reply_to_message method_not_supported_for_channel_type ekm_access_denied users_not_found user_not_found "
    "user_is_restricted user_disabled cant_invite ura_max_channels cannot_dm_bot plan_upgrade_required "
    "paid_teams_only",
    Outcome.ANCHOR_LOST: "message_not_found cant_update_message update_failed block_mismatch thread_not_found",
    Outcome.EDIT_CLOSED: "edit_window_closed",
    Outcome.WORKSPACE_REFUSED: "invalid_auth not_authed token_revoked token_expired account_inactive missing_scope "
    "not_allowed_token_type no_permission app_access_restricted two_factor_setup_required",
}


def reply(body: Any = None, status: int = 200, **headers: str) -> Reply:
    return Reply(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}, body=body)


@pytest.mark.parametrize(
    ("code", "outcome"), [(code, outcome) for outcome, codes in CODES_BY_OUTCOME.items() for code in codes.split()]
)
def test_each_code_comes_to_its_outcome(code: str, outcome: Outcome) -> None:
    answer = sort_answer(reply({"ok": False, "error": code}))
    assert answer.outcome is outcome
    assert answer.error == code


def test_no_code_is_in_two_rows() -> None:
    assert sum(len(codes) for codes in CODES.values()) == len(frozenset().union(*CODES.values()))


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.UNKNOWN),
        (301, Outcome.WORKSPACE_REFUSED),
        (400, Outcome.MESSAGE_REFUSED),
        (401, Outcome.WORKSPACE_REFUSED),
        (403, Outcome.WORKSPACE_REFUSED),
        (404, Outcome.WORKSPACE_REFUSED),
        (407, Outcome.WORKSPACE_REFUSED),
        (408, Outcome.UNKNOWN),
        (413, Outcome.MESSAGE_REFUSED),
        (429, Outcome.RETRY),
        (500, Outcome.UNKNOWN),
        (502, Outcome.UNKNOWN),
        (503, Outcome.RETRY),
        (504, Outcome.UNKNOWN),
    ],
)
def test_a_page_where_json_should_be_is_judged_by_its_status(status: int, outcome: Outcome) -> None:
    assert sort_answer(reply(None, status)).outcome is outcome


@pytest.mark.parametrize("body", [{}, {"ok": None}, {"ok": "true"}, {"ok": False}, {"ok": False, "error": 7}])
def test_json_that_says_neither_yes_nor_no_is_unknown(body: dict[str, Any]) -> None:
    assert sort_answer(reply(body)).outcome is Outcome.UNKNOWN


def test_ok_behind_a_5xx_is_not_believed() -> None:
    assert sort_answer(reply({"ok": True, "ts": "1.2"}, 502)).outcome is Outcome.UNKNOWN


def test_a_fault_is_unknown_exactly_when_something_was_written() -> None:
    assert sort_answer(CallFault(error="cannot connect", is_written=False)).outcome is Outcome.RETRY
    assert sort_answer(CallFault(error="connection lost", is_written=True)).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30),
        ("0", 1),
        ("1.2", 2),
        ("86400", 3600),
        ("1e300", 3600),
        ("-5", 30),
        ("", 30),
        ("soon", 30),
        ("nan", 30),
        ("inf", 30),
        ("Wed, 04 Mar 2026 12:00:00 GMT", 30),
    ],
)
def test_retry_after_is_read_defensively(header: str, seconds: int) -> None:
    answer = sort_answer(reply(None, 429, retry_after=header))
    assert answer.retry_after == timedelta(seconds=seconds)
    assert answer.is_rate_limit


def test_a_rate_limit_inside_a_200_waits_too() -> None:
    for code, seconds in (("ratelimited", 30), ("rate_limited", 30), ("message_limit_exceeded", 3600)):
        answer = sort_answer(reply({"ok": False, "error": code}))
        assert (answer.retry_after, answer.is_rate_limit) == (timedelta(seconds=seconds), True)
    assert sort_answer(reply({"ok": False, "error": "ratelimited"}, retry_after="7")).retry_after == timedelta(
        seconds=7
    )


def test_an_operators_block_waits_minutes_and_a_door_that_is_shut_is_left_to_backoff() -> None:
    blocked = sort_answer(reply({"ok": False, "error": "accesslimited"}))
    assert (blocked.retry_after, blocked.is_rate_limit) == (timedelta(minutes=5), False)
    assert sort_answer(reply({"ok": False, "error": "service_unavailable"})).retry_after is None


def test_success_names_the_place_and_slacks_time_and_warnings() -> None:
    answer = sort_answer(
        reply(
            {
                "ok": True,
                "channel": "C0DB000",
                "ts": "1772625600.000100",
                "warning": "message_truncated",
                "response_metadata": {"warnings": ["message_truncated", "missing_charset"]},
            },
            date="Wed, 04 Mar 2026 12:00:00 GMT",
        )
    )
    assert (answer.channel, answer.ts) == ("C0DB000", "1772625600.000100")
    assert answer.server_time == datetime(2026, 3, 4, 12, tzinfo=UTC)
    assert answer.warning == "message_truncated; missing_charset"


def test_a_conversation_given_as_an_object_is_named_by_its_id() -> None:
    assert sort_answer(reply({"ok": True, "channel": {"id": "D0MARIA"}})).channel == "D0MARIA"


@pytest.mark.parametrize("date", ["", "yesterday", "99 Foo 2026", "Wed, 04 Mar 2026 12:00:00 -0000"])
def test_a_date_that_cannot_be_read_is_no_time_or_a_zoned_one(date: str) -> None:
    at = sort_answer(reply({"ok": True}, date=date)).server_time
    assert at is None or at == datetime(2026, 3, 4, 12, tzinfo=UTC)


def test_reasons_of_a_refusal_are_shown_and_bounded() -> None:
    complaint = "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    body = {"ok": False, "error": "invalid_blocks", "response_metadata": {"messages": [complaint, 7, complaint]}}
    assert sort_answer(reply(body)).warning == complaint
    body["response_metadata"] = {"messages": ["x" * 10_000]}
    assert len(sort_answer(reply(body)).warning) == 500
    scope = {"ok": False, "error": "missing_scope", "needed": "chat:write", "provided": "im:write"}
    assert sort_answer(reply(scope)).warning == "needs chat:write"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)


@given(
    body=st.none()
    | st.fixed_dictionaries(
        {},
        optional={
            "ok": JSON,
            "error": JSON,
            "channel": JSON,
            "ts": JSON,
            "warning": JSON,
            "needed": JSON,
            "response_metadata": JSON | st.fixed_dictionaries({"messages": JSON, "warnings": JSON}),
        },
    ),
    status=st.sampled_from([200, 302, 400, 404, 429, 500, 503]),
    headers=st.fixed_dictionaries({}, optional={"retry-after": st.text(max_size=20), "date": st.text(max_size=40)}),
)
def test_nothing_that_comes_back_breaks_the_sorting_or_is_taken_for_success(
    body: dict[str, Any] | None, status: int, headers: dict[str, str]
) -> None:
    answer = sort_answer(Reply(status=status, headers=headers, body=body))
    said = body or {}
    benign = said.get("ok") is False and said.get("error") in list(CODES[Outcome.DELIVERED])
    assert (answer.outcome is Outcome.DELIVERED) == (
        (status == 200 and said.get("ok") is True) or (benign and status not in {429, 500, 503})
    )
    assert isinstance(answer.channel, str)
    assert isinstance(answer.ts, str)


@given(st.text(max_size=60))
def test_a_date_header_never_raises(date: str) -> None:
    at = sort_answer(reply({"ok": True}, date=date)).server_time
    assert at is None or at.tzinfo is not None


@given(st.text(max_size=40))
def test_unknown_codes_degrade_the_message(code: str) -> None:
    known = frozenset().union(*CODES.values())
    if code not in known and not code.startswith("restricted_action"):
        assert outcome_of(code) is Outcome.MESSAGE_REFUSED
