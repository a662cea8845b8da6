"""The silence button: a window with the group's matchers, what it would hold back, what became of it, and its undoing."""

import re
from pathlib import Path
from typing import Any

import pytest

from router.incidents.silences import Preview
from router.service.responder import silencing
from tests.inbound.office import Office, Via, office
from tests.inbound.test_acting_badly import decoded
from tests.slackworld.state import Modal

BOTH = pytest.mark.parametrize("via", list(Via))


async def acknowledged(at: Office, **more: Any) -> Any:
    message = await at.fire(**more)
    await at.tap(message, "Acknowledge", by="maria")
    await message.expect_update("acknowledged by Maria")
    return message


async def window(at: Office, message: Any, text: str = "Now it would hold back") -> Modal:
    await at.tap(message, "Silence …", by="maria")
    return await at.modal(text)


async def silences(at: Office) -> list[dict[str, Any]]:
    async with at.session.get(f"{at.url}/api/v2/silences") as answer:
        found: list[dict[str, Any]] = await answer.json()
    return found


@BOTH
async def test_a_silence_by_button_from_the_window_to_its_undoing(tmp_path: Path, via: Via) -> None:
    """Row 215: what was silenced is unsilenced by one button; row 216: what it would hold back is said before."""
    async with office(tmp_path, via) as at:
        message = await acknowledged(at)
        modal = await window(at, message)
        assert "1 alert that fires now (CRITICAL Disk is full)" in modal.said
        assert "in #1 Disk is full" in modal.said
        fields = {block["block_id"]: block for block in modal.view["blocks"] if block["type"] == "input"}
        assert fields["matchers"]["element"]["initial_value"] == 'alert.name="Disk is full"'
        answer = await at.do(at.people.send(modal, until="2h", comment="a new one is on its way"))
        assert answer is not None
        assert answer["response_action"] == "update"
        assert "Silenced until" in str(answer)
        await message.expect_update("silenced until")
        [made] = await silences(at)
        assert (made["createdBy"], made["comment"]) == ("maria", "a new one is on its way")
        assert made["matchers"] == [{"isEqual": True, "isRegex": False, "name": "alert.name", "value": "Disk is full"}]
        told = Modal(modal.person, modal.opened_at, {**modal.view, **answer["view"]})
        assert await at.push(told, "End silence") is None
        await at.modal("is over")
        [over] = await silences(at)
        assert over["status"]["state"] == "expired"
        assert at.slack.heard_by("maria") == []


async def test_the_window_says_anew_what_it_would_hold_back(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        message = await acknowledged(at)
        modal = await window(at, message)
        look = "What would it hold back?"
        for typed, expected in (
            ("alertname=Other", "0 alerts that fire now"),
            ('alertname =~ "(unclosed"', "Not yet: "),
            ("  \n ", "Not yet: no matcher"),
            ('alertname =~ ".+"', "whatever alert there may be"),
            ('alert.name = "Disk is full"\n\nalert.severity = critical', "1 alert that fires now"),
        ):
            assert await at.push(modal, look, matchers=typed, until="2h") is None
            modal = await at.modal(expected)
        assert await silences(at) == []


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({"until": "soon"}, {"until": "Expected a duration such as 90m or 2d, or a time such as 09:00."}),
        ({"until": "2h", "matchers": "alertname"}, {"matchers": None}),
        ({"until": "2h", "matchers": 'alertname=~"(x"'}, {"matchers": None}),
        ({"until": "", "matchers": "="}, {"matchers": None, "until": None}),
        ({"until": "2h", "matchers": 'alertname=~".*"'}, {"matchers": None}),
        ({"until": "9d"}, {"matchers": "it would last 1w2d; silences.max allows 1w"}),
    ],
)
async def test_what_cannot_be_silenced_says_why_beside_its_field(
    tmp_path: Path, given: dict[str, str], errors: dict[str, str | None]
) -> None:
    from tests.inbound.office import CONFIGURATION

    async with office(tmp_path, configuration=CONFIGURATION + "silences: {max: 7d}\n") as at:
        modal = await window(at, await acknowledged(at))
        sent = at.people.submit(
            modal.view,
            by="maria",
            values={
                name: {"given": {"type": "plain_text_input", "value": text}}
                for name, text in {"matchers": "alertname=Disk", **given}.items()
            },
        )
        answer = await at.do(sent)
        assert answer is not None
        assert answer["response_action"] == "errors"
        assert set(answer["errors"]) == set(errors)
        for name, text in errors.items():
            assert text is None or answer["errors"][name] == text
        assert await silences(at) == []


async def test_what_slack_sends_again_makes_no_second_silence(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        modal = await window(at, await acknowledged(at))
        sent = at.people.send(modal, until="2h")
        first = await at.do(sent)
        again = await at.app._responder(decoded(at, sent))  # past everything that remembers in memory
        said = at.people.command("silence team=x 2h why", by="jonas", channel="#ops")
        await at.do(said)
        await at.app._responder(decoded(at, said))
        assert len(await silences(at)) == 2
        number = r"[0-9a-f]{8}-[0-9a-f-]{27}"
        assert re.findall(number, str(first))[0] == re.findall(number, str(again))[0]


@pytest.mark.parametrize("fault", ["stumbles", "lasts"])
async def test_what_cannot_be_counted_is_silenced_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    async with office(tmp_path) as at:
        await at.fire()
        if fault == "stumbles":

            async def preview(_: object) -> Preview:
                raise MemoryError("an expression that nobody foresaw")

            monkeypatch.setattr(at.app.engine.silences, "preview", preview)
        else:
            monkeypatch.setattr(silencing, "COUNT_WITHIN", silencing.COUNT_WITHIN * 0)
        answer = await at.say('silence alertname=~"(a|b|.*)+full" 2h', by="maria")
        assert answer.startswith("Silenced until")
        assert "could not be counted in time" in answer
        [made] = await silences(at)
        assert made["id"] in answer


async def test_a_command_is_answered_with_its_undoing(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        answer = await at.do(at.people.command("silence team=x 2h", by="maria", channel="#ops"))
        assert answer is not None
        [button] = answer["blocks"][-1]["elements"]
        gesture = at.people.click(
            "1.1", button["action_id"], by="jonas", channel="#ops", value=button["value"], is_ephemeral=True
        )
        await at.do(gesture)
        assert await at.heard("jonas", "is over")
        assert [one["status"]["state"] for one in await silences(at)] == ["expired"]
        await at.do(
            at.people.click(
                "1.1", button["action_id"], by="eve", channel="#ops", value=button["value"], is_ephemeral=True
            )
        )
        assert await at.heard("eve", "is over")  # again: it stays so


async def test_matchers_too_long_to_show_are_to_be_typed(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        message = await acknowledged(at, title="Disk is full", labels={"alertname": "x" * 3_500})
        modal = await window(at, message, "Not yet: no matcher")
        fields = {block["block_id"]: block for block in modal.view["blocks"] if block["type"] == "input"}
        assert "initial_value" not in fields["matchers"]["element"]
