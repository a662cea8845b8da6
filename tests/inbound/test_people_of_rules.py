"""Who somebody in Slack is by the rules, and what a command's names mean."""

from datetime import timedelta

import pytest

from router.core.acts.grammar.command import Target, TargetKind
from router.notifiers.slack.client import SlackClient
from router.notifiers.slack.inbound.values import User
from router.service.responder.people import People, Somebody, Unknown
from rules.model.oncall import Person
from rules.model.route import Route, RouteSettings
from rules.model.ruleset import RuleSet
from tests.slack.conftest import HandClock
from tests.slackworld import FakeTransport, SlackWorld, moods

PEOPLE = {
    "maria": Person("maria", slack_id="U0MARIA"),
    "payments/jonas": Person("payments/jonas", email="Jonas@Example.com"),
    "search/jonas": Person("search/jonas", email="other@example.com"),
    "kim": Person("kim", email="kim@example.com"),
}


def rules(people: dict[str, Person]) -> RuleSet:
    root = Route("default", "default", (), RouteSettings(channels=("#a",)), {}, "rules.yaml", 1)
    return RuleSet(root, zone_name="UTC", people=people)


class Stage:
    def __init__(self, people: dict[str, Person] = PEOPLE, *, workspace: str = "T000001") -> None:
        self.clock = HandClock()
        self.world = SlackWorld(self.clock.now)
        self.world.add_person("maria", slack_id="U0MARIA")
        self.world.add_person("jonas", slack_id="U0JONAS")
        self.world.add_person("jane", slack_id="U0JANE0")
        self.client: SlackClient | None = FakeTransport(self.world, self.clock).client
        self.people = People(lambda: rules(people), lambda: self.client, lambda: workspace)

    async def who(self, user: str, name: str = "") -> Somebody:
        return await self.people.who(User(user, name=name))

    @property
    def asked(self) -> int:
        return len(self.world.calls_of("users.info"))


async def test_by_id_without_asking_slack() -> None:
    stage = Stage()
    assert (await stage.who("U0MARIA")).as_actor == "maria"
    assert stage.asked == 0


async def test_by_the_address_of_the_account_whatever_its_letters() -> None:
    """Row 82."""
    stage = Stage()
    assert (await stage.who("U0JONAS", "jonas")).as_actor == "payments/jonas"
    assert (await stage.who("U0JONAS", "jonas")).as_actor == "payments/jonas"
    assert stage.asked == 1


async def test_whom_no_rule_names_acts_via_slack() -> None:
    stage = Stage()
    assert (await stage.who("U0JANE0", "jane")).as_actor == "via Slack (jane)"
    assert (await stage.who("U0JANE0")).as_actor == "via Slack (jane)"  # a mention carries no name
    assert (await stage.who("U0NOBODY")).as_actor == "via Slack"


async def test_where_no_person_has_an_address_nobody_is_asked_for_one() -> None:
    stage = Stage({"maria": Person("maria", slack_id="U0MARIA")})
    assert (await stage.who("U0JANE0", "jane")).as_actor == "via Slack (jane)"
    assert stage.asked == 0
    assert (await stage.who("U0JANE0")).as_actor == "via Slack (jane)"
    assert stage.asked == 1


@pytest.mark.parametrize("why", ["deactivated", "bot", "another company's"])
async def test_an_address_proves_nothing_of_an_account_that_is_not_a_colleagues(why: str) -> None:
    """Row 84."""
    stage = Stage()
    person = stage.world.people["U0JONAS"]
    match why:
        case "deactivated":
            person.is_active = False
        case "bot":
            person.is_bot = True
        case _:
            person.team = "T0ELSE0"
    assert (await stage.who("U0JONAS", "jonas")).as_actor == "via Slack (jonas)"


async def test_until_we_know_our_workspace_an_address_is_enough() -> None:
    stage = Stage(workspace="")
    stage.world.people["U0JONAS"].team = "T0ELSE0"
    assert (await stage.who("U0JONAS", "jonas")).as_actor == "payments/jonas"


@pytest.mark.parametrize("trouble", ["missing_scope", "silence", "no client"])
async def test_what_slack_does_not_say_is_via_slack(trouble: str) -> None:
    stage = Stage()
    match trouble:
        case "missing_scope":
            stage.world.scopes.discard("users:read")
        case "silence":
            stage.world.mood(moods.status(500), method="users.info")
        case _:
            stage.client = None
    assert (await stage.who("U0JONAS", "jonas")).as_actor == "via Slack (jonas)"
    stage.world.scopes.add("users:read")
    stage.clock.passed += timedelta(minutes=1)
    if stage.client is not None:
        assert (await stage.who("U0JONAS", "jonas")).as_actor == "payments/jonas"


async def test_a_name_that_is_made_to_deceive_is_cleaned() -> None:
    stage = Stage({})
    found = await stage.who("U0JANE0", "maria\n\u202e*x* " + "y" * 500)
    assert len(found.as_actor) < 100
    assert not set("\n\u202e*") & set(found.as_actor)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Target(TargetKind.NAME, "maria"), "maria"),
        (Target(TargetKind.NAME, "Maria"), "maria"),
        (Target(TargetKind.NAME, "payments/jonas"), "payments/jonas"),
        (Target(TargetKind.USER, "jo", "U0JONAS"), "payments/jonas"),
        (Target(TargetKind.USER, "jane", "U0JANE0"), "jane"),
        (Target(TargetKind.USER, "", "U0NOBODY"), "U0NOBODY"),
        (Target(TargetKind.ME, "me"), "maria"),
    ],
)
async def test_whom_a_command_names(target: Target, expected: str) -> None:
    assert await Stage().people.named(target, User("U0MARIA")) == expected


@pytest.mark.parametrize(
    ("target", "says"),
    [
        (Target(TargetKind.NAME, "jonas"), "Several people are called jonas: payments/jonas, search/jonas."),
        (Target(TargetKind.NAME, "marai"), "Did you mean maria?"),
        (Target(TargetKind.GROUP, "dba", "S0DBA"), "A group cannot be made responsible; name a person."),
    ],
)
async def test_nobody_is_called_so(target: Target, says: str) -> None:
    found = await Stage().people.named(target, User("U0MARIA"))
    assert isinstance(found, Unknown)
    assert says in found.text
