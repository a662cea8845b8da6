"""Who may do what, seen from Slack: what somebody may not do is done nowhere, and they are told why and whom to ask."""

from pathlib import Path

import pytest

from router.core.acts.button import Verb
from router.notifiers.slack.inbound.values import User
from tests.inbound.office import CONFIGURATION, SECRETS, Office, Via, office

BOTH = pytest.mark.parametrize("via", list(Via))
ROLES = CONFIGURATION.replace(
    "  jonas: {email: jonas@example.com}\n",
    "  jonas: {email: jonas@example.com, role: observer}\n  kim: {slack: U0KIM000}\n",
).replace(
    "routing: {channel",
    'roles: {manager: ["@leads"], admin: ["@sre"]}\nrouting: {actions: {resolve: manager, silence: manager, anyone: note}, channel',
)
NEEDS_RESPONDER = "takes a responder here, and you are an observer: ask @leads or @sre"
NEEDS_MANAGER = "takes a manager here, and you are a responder: ask @leads or @sre"


def people_of(at: Office) -> None:
    at.slack.add_person("kim", slack_id="U0KIM000")
    at.slack.add_group("leads", members=("kim",))
    at.slack.add_group("sre")


@BOTH
async def test_an_observer_looks_on(tmp_path: Path, via: Via) -> None:
    """Row 18: by button, menu, command and mention; and whoever is nobody's in the rules is one. Row 118: it says why."""
    async with office(tmp_path, via, configuration=ROLES) as at:
        people_of(at)
        message = await at.fire()
        await at.press(message, Verb.ACKNOWLEDGE, by="jonas")
        assert await at.heard("jonas", "acknowledge") == [f"#1: to acknowledge {NEEDS_RESPONDER}."]
        assert await at.say("escalate 1", by="jonas") == f"#1: to escalate {NEEDS_RESPONDER}."
        assert (
            await at.say("ack 1", by="eve")
            == f'#1: to acknowledge {NEEDS_RESPONDER}; say "connect" to see how you are known here.'
        )
        await at.mention("snooze 1h", by="eve", thread=message)
        await at.heard("eve", "to snooze takes a responder")
        assert await at.say("note 1 the disk", by="eve") == "#1: written into the timeline."
        assert "#1" in await at.say("list", by="eve")
        shown = await at.say("show 1", by="jonas")
        assert "note via Slack (eve): the disk" in shown
        assert "acknowledged" not in shown
        assert [one.text for one in message.replies] == []
        await at.press(message, Verb.ACKNOWLEDGE, by="maria")
        await message.expect_reply("acknowledged by Maria")


@BOTH
async def test_no_window_is_opened_for_who_may_not_do_what_it_asks(tmp_path: Path, via: Via) -> None:
    """Row 64: beside the window, if the right is lost while it stands."""
    async with office(tmp_path, via, configuration=ROLES) as at:
        people_of(at)
        message = await at.fire()
        await at.press(message, Verb.RESOLVE, by="maria")
        assert await at.heard("maria", "resolve") == [f"#1: to resolve {NEEDS_MANAGER}."]
        assert at.slack.modals == []
        await at.press(message, Verb.RESOLVE, by="kim")
        modal = await at.modal("Resolve #1")
        modal.person = "U0MARIA"  # hers by the time it is sent
        answer = await at.do(at.people.send(modal, note="it was me"))
        assert answer is not None
        assert answer["errors"] == {"note": f"to resolve {NEEDS_MANAGER}"}
        modal.person = "U0KIM000"
        assert await at.do(at.people.send(modal, note="rotated")) is None
        await message.expect_reply("Resolution: rotated")
        assert await at.say("reopen 1", by="maria") == f"#1: to reopen {NEEDS_MANAGER}."


@BOTH
async def test_a_silence_asks_the_root(tmp_path: Path, via: Via) -> None:
    async with office(tmp_path, via, configuration=ROLES) as at:
        people_of(at)
        await at.fire()
        assert (
            await at.say("silence alertname=Disk 2h", by="maria") == f"Nothing is changed: to silence {NEEDS_MANAGER}."
        )
        made = await at.say("silence alertname=Disk 2h", by="kim")
        assert made.startswith("Silenced until")
        number = made.split("`unsilence ")[1].split("`")[0]
        assert await at.say(f"unsilence {number}", by="maria") == f"Nothing is changed: to unsilence {NEEDS_MANAGER}."
        assert await at.say(f"unsilence {number}", by="kim") == f"The silence {number} is over."


PRIVATE = CONFIGURATION.replace("page: maria}", 'page: maria, private: ["@security"]}').replace(
    "routing: {", 'roles: {admin: ["@sre"], unmatched: responder}\nrouting: {'
)


@BOTH
async def test_what_is_private_is_not_there_for_others(tmp_path: Path, via: Via) -> None:
    """Row 28: neither listed, nor shown, nor acted upon, and answered as what does not exist; who is paged for it, who is
    made responsible, the group and admins do as always."""
    async with office(tmp_path, via, configuration=PRIVATE) as at:
        for name in ("kim", "root"):
            at.slack.add_person(name)
        at.slack.add_group("security", members=("kim",))
        at.slack.add_group("sre", members=("root",))
        message = await at.fire()
        await at.slack.direct("maria").expect_message("You are paged")
        for who in ("jonas", "eve"):
            for said in ("show {}", "ack {}", "resolve {} done", "escalate {}", "note {} x", "assign {} me"):
                made_up = await at.say(said.format(7), by=who)
                assert await at.say(said.format(1), by=who) == made_up.replace("#7", "#1")
            assert "#1" not in await at.say("list", by=who)
        await at.press(message, Verb.ACKNOWLEDGE, by="eve")
        await at.press(message, Verb.RESOLVE, by="eve")  # opens no window
        assert await at.heard("eve", "no incident", times=2) == ["There is no incident #1."] * 2
        assert at.slack.modals == []
        silenced = await at.say('silence alert.name="Disk is full" 2h', by="eve")
        assert "1 alert that fires now" in silenced
        assert "CRITICAL" not in silenced
        assert message.replies == []
        for who in ("maria", "kim", "root"):
            assert "#1" in await at.say("list", by=who)
            assert "#1" in await at.say("show 1", by=who)
        assert await at.say("ack 1", by="maria") == "#1: acknowledged."
        assert await at.say("assign 1 <@U0JONAS>", by="kim") == "#1: assigned."
        assert await at.say("unack 1", by="jonas") == "#1: the acknowledgement is taken back."
        assert await at.say("unack 1", by="eve") == "There is no incident #1."


async def person(at: Office, user: str) -> str | None:
    return (await at.app._responder._people.who(User(user))).person or None


async def test_a_reload_that_points_at_another_workspace_forgets_who_we_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 114: whoever is known by the address of their account is so in the workspace of the token in force alone."""
    async with office(tmp_path) as at:
        assert await person(at, "U0JONAS") == "jonas"
        monkeypatch.setitem(SECRETS, "OTHER", "xoxb-other")
        file = tmp_path / "router.yaml"
        file.write_text(file.read_text().replace("SLACK_BOT_TOKEN", "OTHER"))
        assert (await at.app.reload()).is_accepted
        assert at.app._way_out.who.workspace == ""
        assert await person(at, "U0JONAS") is None
        assert await person(at, "U0MARIA") == "maria"
        at.slack.tokens["xoxb-other"] = ""
        await at.app._way_out.identify()
        assert await person(at, "U0JONAS") == "jonas"
