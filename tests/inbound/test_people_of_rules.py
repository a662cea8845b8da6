"""Who somebody in Slack is by the rules, and what a command's names mean."""

from datetime import timedelta

import pytest

from router.core.acts.grammar.command import Target, TargetKind
from router.core.acts.permission import Actor
from router.notifiers.slack.client import SlackClient
from router.notifiers.slack.inbound.values import User
from router.service.responder.people import People, Somebody, Unknown
from rules.model.oncall import Person
from rules.model.permission import Role, Roles
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


def rules(people: dict[str, Person], roles: Roles | None = None) -> RuleSet:
    root = Route("default", "default", (), RouteSettings(channels=("#a",)), {}, "rules.yaml", 1)
    return RuleSet(root, zone_name="UTC", people=people, roles=roles)


class Stage:
    def __init__(
        self, people: dict[str, Person] = PEOPLE, *, workspace: str = "T000001", roles: Roles | None = None
    ) -> None:
        self.clock = HandClock()
        self.world = SlackWorld(self.clock.now)
        self.world.add_person("maria", slack_id="U0MARIA")
        self.world.add_person("jonas", slack_id="U0JONAS")
        self.world.add_person("jane", slack_id="U0JANE0")
        self.client: SlackClient | None = FakeTransport(self.world, self.clock).client
        self.people = People(lambda: rules(people, roles), lambda: self.client, lambda: workspace, self._connected)
        self.connected: dict[tuple[str, str], str] = {}

    async def _connected(self, workspace: str, account: str) -> str:
        return self.connected.get((workspace, account), "")

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


async def test_what_an_admin_said_goes_before_the_address_and_after_the_id() -> None:
    """Row 114: an address that names the wrong person is put right. Who is gone from the rules is nobody."""
    stage = Stage()
    stage.connected = {("T000001", "U0JONAS"): "kim", ("T000001", "U0MARIA"): "kim", ("T000001", "U0JANE0"): "gone"}
    assert (await stage.who("U0JONAS", "jonas")).as_actor == "kim"
    assert (await stage.who("U0MARIA")).as_actor == "maria"
    assert (await stage.who("U0JANE0", "jane")).as_actor == "via Slack (jane)"
    stage = Stage(workspace="")
    stage.connected = {("", "U0JONAS"): "kim", ("T000001", "U0JONAS"): "kim"}
    assert (await stage.who("U0JONAS", "jonas")).as_actor == "via Slack (jonas)"


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


async def test_until_we_know_our_workspace_no_address_proves_anything() -> None:
    """Row 114: neither a colleague's nor a stranger's; the id of an account that stands in the rules does."""
    stage = Stage(workspace="")
    assert (await stage.who("U0JONAS", "jonas")).as_actor == "via Slack (jonas)"
    stage.world.people["U0JONAS"].team = "T0ELSE0"
    assert (await stage.who("U0JONAS", "jonas")).as_actor == "via Slack (jonas)"
    assert (await stage.who("U0MARIA")).as_actor == "maria"


async def test_an_account_that_names_no_workspace_is_nobodys() -> None:
    stage = Stage()
    stage.world.people["U0JONAS"].team = ""
    assert (await stage.who("U0JONAS", "jonas")).as_actor == "via Slack (jonas)"


GROUPS = Roles(
    groups=((Role.RESPONDER, ("@oncall",)), (Role.MANAGER, ("@leads", "S0LEADS0")), (Role.ADMIN, ("@sre",))),
    known=Role.OBSERVER,
    unmatched=Role.OBSERVER,
)


async def test_a_role_is_ones_own_else_the_highest_of_ones_groups() -> None:
    """Row 18: what stands beside a name wins over the groups, these over what everybody has."""
    people = {**PEOPLE, "boss": Person("boss", slack_id="U0BOSS0", role=Role.MANAGER)}
    stage = Stage(people, roles=GROUPS)
    stage.world.add_person("boss", slack_id="U0BOSS0")
    stage.world.add_group("oncall", members=("maria", "jane", "boss"))
    stage.world.add_group("leads", members=("jane",))
    stage.world.add_group("sre", members=("boss",))
    assert [(await stage.who(one)).role for one in ("U0MARIA", "U0JANE0", "U0JONAS", "U0BOSS0", "U0NOBODY")] == [
        Role.RESPONDER,
        Role.MANAGER,
        Role.OBSERVER,
        Role.MANAGER,
        Role.OBSERVER,
    ]
    assert (await stage.who("U0JANE0")).actor == Actor(Role.MANAGER, "", frozenset({"@oncall", "@leads"}))
    asked = len(stage.world.calls_of("usergroups.users.list"))
    assert asked == 4  # the fourth is an id that no group has
    assert (await stage.who("U0JANE0")).role is Role.MANAGER
    assert len(stage.world.calls_of("usergroups.users.list")) == asked


@pytest.mark.parametrize("trouble", ["missing_scope", "silence", "no client"])
async def test_a_group_that_slack_does_not_speak_of_gives_nothing(trouble: str) -> None:
    stage = Stage(roles=GROUPS)
    stage.world.add_group("sre", members=("maria",))
    match trouble:
        case "missing_scope":
            stage.world.scopes.discard("usergroups:read")
        case "silence":
            stage.world.mood(moods.status(500), method="usergroups.users.list", times=None)
        case _:
            stage.client = None
    assert (await stage.who("U0MARIA")).role is Role.OBSERVER


async def test_what_slack_said_of_a_group_last_holds_for_an_hour() -> None:
    stage = Stage(roles=GROUPS)
    stage.world.add_group("sre", members=("maria",))
    assert (await stage.who("U0MARIA")).role is Role.ADMIN
    stage.world.mood(moods.status(500), method="usergroups.users.list", times=None)
    stage.clock.passed += timedelta(minutes=59)
    assert (await stage.who("U0MARIA")).role is Role.ADMIN
    stage.clock.passed += timedelta(minutes=2)
    assert (await stage.who("U0MARIA")).role is Role.OBSERVER
    stage.world.clear_moods()
    stage.clock.passed += timedelta(minutes=1)
    assert (await stage.who("U0MARIA")).role is Role.ADMIN
    next(iter(stage.world.groups.values())).members.clear()
    stage.clock.passed += timedelta(minutes=6)
    assert (await stage.who("U0MARIA")).role is Role.OBSERVER


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
