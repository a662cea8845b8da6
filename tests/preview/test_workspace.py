"""What a person in the preview sees beside the messages, and that it is refused where Slack would refuse it."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from router.core.answer import Outcome
from router.core.render.blocks import actions, button, section
from router.core.render.form import Form, Text, form_view, notice_view
from router.notifiers.preview.members import ROUTER_ID, as_sent, members
from router.notifiers.preview.preview import conversation_id
from router.notifiers.preview.workspace import API_URL, MOST_KEPT, PreviewWorkspace, ViewRefusedError
from router.notifiers.slack.inbound.decode import is_slacks
from router.notifiers.slack.inbound.values import User
from router.notifiers.slack.views import Opened, opened
from router.service.responder.people import People
from router.service.simulate import VirtualClock
from rules.model.oncall import Person
from rules.model.route import Route, RouteSettings
from rules.model.ruleset import RuleSet

PEOPLE = {
    "maria": Person("maria", slack_id="U0MARIA"),
    "jonas": Person("jonas", email="Jonas@example.com"),
    "shop/jo": Person("shop/jo", email="jo@example.com", slack_id="U0JO"),
}
OPS, MARIAS = conversation_id("#ops"), conversation_id("U0MARIA")
VIEW = form_view(Form("Note on #1", "Write down", (Text("note", "Note"),)), callback_id="ar.note", metadata="{}")


class Stage:
    def __init__(self) -> None:
        numbers = count(1)
        self.clock = VirtualClock(datetime(2026, 3, 4, 12, tzinfo=UTC))
        self.workspace = PreviewWorkspace(lambda: PEOPLE, self.clock, lambda: f"{next(numbers):012}{0:020}")

    async def opens(self, trigger: str, view: Any = VIEW) -> Opened:
        return opened((await self.workspace.open_view(trigger, view))[0])

    def after(self, **span: float) -> None:
        self.clock.move_to(self.clock.now() + timedelta(**span))

    def title(self, person: str = "U0MARIA") -> str:
        view = self.workspace.view_of(person)
        return "" if view is None else str(view.view["title"]["text"])


async def test_a_modal_opens_once_and_within_three_seconds() -> None:
    stage = Stage()
    trigger = stage.workspace.trigger("U0MARIA")
    stage.after(seconds=3)
    assert await stage.opens(trigger) is Opened.OPEN
    assert (stage.title(), stage.title("U0JO")) == ("Note on #1", "")
    assert await stage.opens(trigger) is Opened.TWICE
    late = stage.workspace.trigger("U0MARIA")
    stage.after(seconds=3.1)
    assert await stage.opens(late) is Opened.LATE
    assert await stage.opens("nobody's") is Opened.REFUSED


async def test_a_view_that_slack_would_refuse_is_refused() -> None:
    stage = Stage()
    answer, found = await stage.workspace.open_view(stage.workspace.trigger("U0MARIA"), {**VIEW, "blocks": []})
    assert found == {}
    assert (answer.outcome, answer.error) == (Outcome.MESSAGE_REFUSED, "invalid_arguments")
    assert answer.warning == "blocks: 1 to 100 expected"
    assert stage.title() == ""


async def test_another_in_its_place_unless_it_is_another_by_then() -> None:
    stage = Stage()
    _, found = await stage.workspace.open_view(stage.workspace.trigger("U0MARIA"), VIEW)
    other = {**VIEW, "title": {"type": "plain_text", "text": "Another"}}
    assert (await stage.workspace.update_view(found["id"], other, known=found["hash"])).outcome is Outcome.DELIVERED
    assert stage.title() == "Another"
    assert (await stage.workspace.update_view(found["id"], VIEW, known=found["hash"])).error == "hash_conflict"
    assert (await stage.workspace.update_view(found["id"], {**VIEW, "blocks": []})).error == "invalid_arguments"
    assert (await stage.workspace.update_view("V0", VIEW)).error == "not_found"
    assert stage.title() == "Another"


async def test_what_is_answered_to_a_modal() -> None:
    stage = Stage()
    answered = stage.workspace.answered
    await stage.opens(stage.workspace.trigger("U0MARIA"))
    first = stage.workspace.view_of("U0MARIA")
    assert first is not None
    assert answered("U0MARIA", {"response_action": "errors", "errors": {"note": "It is empty."}}) == {
        "note": "It is empty."
    }
    assert stage.workspace.view_of("U0MARIA") == first
    for body in (
        {"response_action": "errors", "errors": {"other": "x"}},
        {"response_action": "errors", "errors": {}},
        {"response_action": "update", "view": {**VIEW, "blocks": []}},
    ):
        with pytest.raises(ViewRefusedError):
            answered("U0MARIA", body)
    assert stage.workspace.view_of("U0MARIA") == first
    answered("U0MARIA", {"response_action": "update", "view": notice_view("Nothing was done", "x")})
    updated = stage.workspace.view_of("U0MARIA")
    assert updated is not None
    assert (stage.title(), updated.id, updated.hash == first.hash) == ("Nothing was done", first.id, False)
    for number in (2, 3):
        answered("U0MARIA", {"response_action": "push", "view": notice_view(f"On top {number}", "x")})
        assert stage.title() == f"On top {number}"
    with pytest.raises(ViewRefusedError, match="push_limit_reached"):
        answered("U0MARIA", {"response_action": "push", "view": VIEW})
    top = stage.workspace.view_of("U0MARIA")
    assert top is not None
    assert top.root == first.id != top.id
    answered("U0MARIA", {})
    assert stage.title() == "On top 2"
    answered("U0MARIA", {"response_action": "clear"})
    assert stage.title() == ""
    answered("U0MARIA", {"response_action": "update", "view": VIEW})
    assert stage.title() == "", "it was closed meanwhile"


async def test_a_modal_is_put_in_the_place_of_one_that_is_open_and_as_it_was() -> None:
    stage = Stage()
    update = stage.workspace.update_view
    _, first = await stage.workspace.open_view(stage.workspace.trigger("U0MARIA"), VIEW)
    assert (await update(first["id"], notice_view("Looking", "…"), known=first["hash"])).outcome is Outcome.DELIVERED
    now = stage.workspace.view_of("U0MARIA")
    assert now is not None
    assert (stage.title(), now.id) == ("Looking", first["id"])
    assert (await update(first["id"], VIEW, known=first["hash"])).error == "hash_conflict"
    assert (await update(first["id"], {**VIEW, "blocks": []})).error == "invalid_arguments"
    assert (await update("V0", VIEW)).error == "not_found"
    assert stage.title() == "Looking"
    stage.workspace.answered("U0MARIA", {"response_action": "push", "view": notice_view("On top", "x")})
    assert (await update(first["id"], VIEW)).outcome is Outcome.DELIVERED
    assert stage.title() == "On top"
    stage.workspace.close("U0MARIA")
    assert stage.title() == "Note on #1"
    stage.workspace.close("U0MARIA")
    assert (await update(first["id"], VIEW)).error == "not_found"


async def test_a_word_has_buttons_as_slack_takes_them() -> None:
    stage = Stage()
    row = actions(button("Undo", "ar.undo", "x"))
    await stage.workspace.whisper(OPS, "U0MARIA", "done", [section("done"), row])
    [word] = stage.workspace.words_of("U0MARIA")
    assert word.blocks[1] == row
    assert stage.workspace.word_of("U0MARIA", word.ts) == word
    assert stage.workspace.word_of("U0JO", word.ts) is None
    assert (await stage.workspace.whisper(OPS, "U0MARIA", "x", [section("<!channel>")])).error == "invalid_blocks"


async def test_a_word_is_seen_by_one_person() -> None:
    stage = Stage()
    whisper = stage.workspace.whisper
    assert (await whisper(OPS, "U0MARIA", "for you", thread_ts="1.5")).outcome is Outcome.DELIVERED
    [word] = stage.workspace.words_of("U0MARIA")
    assert (word.channel, word.thread_ts, word.text) == (OPS, "1.5", "for you")
    assert stage.workspace.words_of("U0JO") == []
    assert (await whisper(MARIAS, "U0MARIA", "here too")).outcome is Outcome.DELIVERED
    assert (await whisper(MARIAS, "U0JO", "x")).error == "user_not_in_channel"
    assert (await whisper(OPS, "U0NOBODY", "x")).error == "user_not_in_channel"
    assert (await whisper("", "U0MARIA", "x")).error == "channel_not_found"
    assert (await whisper(OPS, "U0MARIA", " ")).error == "no_text"
    for number in range(MOST_KEPT + 5):
        await whisper(OPS, "U0JO", str(number))
    assert len(stage.workspace.words_of("U0JO")) == MOST_KEPT
    times = [float(one.ts) for one in stage.workspace.words_of("U0JO")]
    assert times == sorted(set(times))


async def test_a_response_url_is_good_for_five_words_within_half_an_hour() -> None:
    stage = Stage()
    post = stage.workspace.post
    url = stage.workspace.response_url("U0MARIA", OPS)
    assert is_slacks(url, API_URL)
    assert not is_slacks(url, "https://slack.com/api/")
    for _ in range(5):
        assert (await post(url, "x")).outcome is Outcome.DELIVERED
    assert (await post(url, "x")).error == "used_url"
    assert len(stage.workspace.words_of("U0MARIA")) == 5
    late = stage.workspace.response_url("U0MARIA", OPS)
    stage.after(minutes=30)
    assert (await post(late, "x")).outcome is Outcome.DELIVERED
    stage.after(seconds=1)
    assert (await post(late, "x")).error == "expired_url"
    assert (await post("https://preview.invalid/response/0", "x")).error == "expired_url"


async def unconnected(_: str, __: str) -> str:
    return ""


async def test_whom_the_rules_know_is_who_they_are() -> None:
    stage = Stage()
    root = Route("default", "default", (), RouteSettings(channels=("#a",)), {}, "rules.yaml", 1)
    rules = RuleSet(root, zone_name="UTC", people=PEOPLE)
    people = People(lambda: rules, lambda: stage.workspace, lambda: "TPREVIEW", unconnected)
    actors = [(await people.who(User(one.id, name=one.name))).as_actor for one in members(PEOPLE)]
    assert actors == ["maria", "jonas", "shop/jo", "via Slack (robin)"]
    assert [one.is_in_rules for one in members(PEOPLE)] == [True, True, True, False]
    assert members({"robin": Person("robin", email="r@example.com")})[-1].name == "robin2"
    assert [one.direct for one in members(PEOPLE)][:2] == [MARIAS, conversation_id("email:Jonas@example.com")]


def test_what_somebody_types_is_sent_as_slack_sends_it() -> None:
    those = members(PEOPLE)
    jonas = those[1].id
    assert as_sent("@alert-router note a < b & @Jonas, see @shop/jo", those) == (
        f"<@{ROUTER_ID}> note a &lt; b &amp; <@{jonas}>, see <@U0JO>"
    )
    assert as_sent("assign 1 @jonas", those, is_command=True) == f"assign 1 <@{jonas}|jonas>"
    assert as_sent("me@jonas @jonasson @nobody @@jonas", those) == "me@jonas @jonasson @nobody @@jonas"
