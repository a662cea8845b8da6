"""`connect` and `link` from Slack: how one is known, who says who somebody is, and a way to the pages that is one's own."""

import re
from pathlib import Path

import pytest

from tests.inbound.office import CONFIGURATION, Office, Via, office

BOTH = pytest.mark.parametrize("via", list(Via))
ROLES = CONFIGURATION.replace(
    "  jonas: {email: jonas@example.com}\n",
    "  jonas: {email: jonas@example.com}\n  root: {slack: U0ROOT00, role: admin}\n  eva: {email: eva@elsewhere.example}\n",
)
ROOT = "U0ROOT00"


def staff(at: Office) -> None:
    at.slack.add_person("root", slack_id=ROOT)


@BOTH
async def test_how_somebody_is_known(tmp_path: Path, via: Via) -> None:
    """Rows 82 and 83: by the id, by the address, or not at all, and then what to do."""
    async with office(tmp_path, via, configuration=ROLES) as at:
        staff(at)
        role = "Your role is responder."
        assert (
            await at.say("connect", by="maria") == f"You are maria: the configuration names your Slack account. {role}"
        )
        assert (
            await at.say("connect", by="jonas")
            == f"You are jonas: the configuration has the address of your Slack account. {role}"
        )
        assert await at.say("connect", by="eve") == (
            "Nobody in the configuration is you: you act as via Slack (eve). Your role is observer. To be known, have "
            "`{slack: U0EVE}` written beside your name under people, or ask an admin (root) to say `connect @you NAME`."
        )


@BOTH
async def test_an_admin_connects_an_account_and_nobody_else_does(tmp_path: Path, via: Via) -> None:
    """Rows 17 and 73: run again it repairs; it holds across a restart of what remembers, and can be taken back."""
    async with office(tmp_path, via, configuration=ROLES) as at:
        staff(at)
        await at.fire()
        for who in ("eve", "jonas", "maria"):
            said = await at.say("connect <@U0EVE|eve> eva", by=who)
            assert said.startswith("Nothing is changed: to connect takes an admin here, and you are a")
            assert "ask root" in said
        assert (await at.say("ack 1", by="eve")).startswith("#1: to acknowledge takes a responder")
        assert (
            await at.say("connect <@U0EVE|eve> eva", by="root")
            == "eve is eva from now on. `connect @eve none` takes it back."
        )
        said = await at.say("connect", by="eve")
        assert said == "You are eva: an admin connected your Slack account. Your role is responder."
        assert await at.say("ack 1", by="eve") == "#1: acknowledged."
        assert "acknowledged by Eva" in await at.say("show 1", by="eve")
        # Wrongly attributed by an address: jonas' account is eva's, and no other is any more.
        assert (await at.say("connect <@U0JONAS|jonas> eva", by="root")).startswith("jonas is eva from now on.")
        assert (await at.say("connect", by="jonas")).startswith("You are eva: an admin connected")
        assert (await at.say("connect", by="eve")).startswith("Nobody in the configuration is you")
        assert await at.say("connect <@U0JONAS|jonas> none", by="root") == "jonas is connected to nobody."
        assert (await at.say("connect", by="jonas")).startswith("You are jonas: the configuration has the address")


@BOTH
async def test_who_cannot_be_connected(tmp_path: Path, via: Via) -> None:
    """Rows 84 and 114: what the rules name, oneself, who is not a colleague in use, and persons that are nowhere."""
    async with office(tmp_path, via, configuration=ROLES) as at:
        staff(at)
        at.slack.add_person("gone", slack_id="U0GONE00", is_active=False)
        at.slack.add_person("guest", slack_id="U0GUEST0", team="T0ELSE0")
        at.slack.add_person("robot", slack_id="U0ROBOT1", is_bot=True)
        same = "Nothing is changed: "
        assert (
            await at.say("connect <@U0ROOT00|root> eva", by="root")
            == f"{same}nobody connects their own account; ask another admin."
        )
        assert (
            await at.say("connect <@U0MARIA|maria> eva", by="root")
            == f"{same}the configuration says that maria is maria."
        )
        assert (
            await at.say("connect <@U0EVE|eve> maria", by="root")
            == f"{same}the configuration names another Slack account of maria."
        )
        assert "Did you mean eva?" in await at.say("connect <@U0EVE|eve> evva", by="root")
        for account in ("<@U0GONE00|gone>", "<@U0GUEST0|guest>", "<@U0ROBOT1|robot>", "<@U0NOBODY|nobody>"):
            said = await at.say(f"connect {account} eva", by="root")
            assert said.startswith(f"{same}Slack does not say that"), said
        assert (await at.say("connect eve eva", by="root")).startswith("connect: whose account?")


@BOTH
async def test_a_link_signs_in_as_oneself(tmp_path: Path, via: Via) -> None:
    """Row 17: only who asked sees it; it leads to the incident, where they act as they would in Slack."""
    async with office(tmp_path, via, configuration=ROLES) as at:
        staff(at)
        message = await at.fire()
        await at.say("ack 1", by="maria")
        await message.expect_reply("acknowledged by Maria")
        assert await at.say("link 7", by="jonas") == "There is no incident #7."
        await at.mention("link", by="jonas", thread=message)
        [said] = await at.heard("jonas", "Sign in as jonas")
        found = re.search(r"<http://[^/]+(/link/[\w-]+)\|Sign in as jonas>", said)
        assert found is not None
        async with at.session.post(at.url + found[1], allow_redirects=False) as answer:
            assert answer.headers["Location"] == "/incidents/1"
            cookie = answer.cookies["alert_router_person"].value
        headers = {"Cookie": f"alert_router_person={cookie}"}
        async with at.session.get(f"{at.url}/incidents/1", headers=headers) as answer:
            page = await answer.text()
        assert "You are jonas, responder." in page
        fields = dict(
            re.findall(
                r'name="(verb|proof|once)" value="([^"]*)"',
                page.split("<button>Take the acknowledgement back")[0].split("<form")[-1],
            )
        )
        async with at.session.post(
            f"{at.url}/incidents/1/act", headers=headers, data=fields, allow_redirects=False
        ) as answer:
            assert answer.status == 303
        await message.expect_reply("acknowledgement taken back by Jonas")
        assert len(at.slack.heard_by("maria") + at.slack.heard_by("eve")) == 0


async def test_an_account_that_is_deactivated_is_signed_out(tmp_path: Path) -> None:
    """Row 84: as soon as Slack is asked again."""
    async with office(tmp_path, configuration=ROLES) as at:
        staff(at)
        said = await at.say("link", by="jonas")
        found = re.search(r"(/link/[\w-]+)", said)
        assert found is not None
        async with at.session.post(at.url + found[1], allow_redirects=False) as answer:
            assert answer.headers["Location"] == "/me"
            cookie = answer.cookies["alert_router_person"].value
        assert await at.app.visitors.find(cookie) is not None
        at.slack.people["U0JONAS"].is_active = False
        slack = at.app._way_out.slack
        assert slack is not None
        slack.users._kept.clear()  # a day later
        assert await at.app.visitors.find(cookie) is None
