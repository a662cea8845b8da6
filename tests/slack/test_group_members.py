"""User groups whose members follow schedules, on a virtual clock before the strict Slack: only what differs is changed, nothing
is emptied, and what Slack refuses is said."""

from datetime import datetime, timedelta

import pytest

from router.service.group_members import AFTER_REFUSAL, LOOK_AGAIN, TURN, GroupMembers
from router.service.simulate import VirtualClock
from rules.model.oncall import Override
from rules.model.ruleset import RuleSet
from tests.rules.reading import at, rules
from tests.slackworld import FakeTransport, SlackWorld, moods

RULES = rules("""
timezone: UTC
people: {maria: {email: maria@example.com}, jonas: {slack: U0JONAS}, lena: {email: lena@example.com}}
oncall:
  first: {rotation: {people: [maria, jonas], every: 1d, handoff: 09:00, starts: 2026-11-02}, group: "@db-oncall"}
  second: {rotation: {people: [lena], every: 1d, handoff: 09:00, starts: 2026-11-03, until: 2026-11-05}, group: "@db-oncall"}
  third: {rotation: {people: [jonas], every: 1d, handoff: 09:00, starts: 2026-11-09}, group: S00000002}
""")
NOON = at("2026-11-02T12:00+00:00")
HANDOVER = at("2026-11-03T09:00+00:00")


class Place:
    def __init__(self, begins: datetime = NOON) -> None:
        self.clock = VirtualClock(begins)
        self.world = SlackWorld(self.clock.now)
        for name in ("maria", "jonas", "lena", "old"):
            self.world.add_person(name, slack_id=f"U0{name.upper()}")
        self.world.add_group("db-oncall", members=("old",))
        self.world.add_group("web", members=("old",))
        self.rules: RuleSet = RULES
        self.client = FakeTransport(self.world, self.clock).client
        self.groups = GroupMembers(lambda: self.rules, lambda: self.client, self.clock)

    async def look(self, turns: int = 3) -> None:
        for _ in range(turns):
            await self.groups.turn()

    def members(self, handle: str = "db-oncall") -> set[str]:
        return {one.name for group in self.world.groups.values() if group.handle == handle for one in group.members}

    def updates(self) -> int:
        return len(self.world.calls_of("usergroups.users.update"))


async def test_members_follow_whoever_is_on_call() -> None:
    """Row 208: user-group sync, through a hand-over, a second schedule and an override, with no call that changes nothing."""
    place = Place()
    await place.look()
    assert place.members() == {"maria"}
    assert place.updates() == 1
    await place.look(20)
    assert place.updates() == len(place.world.calls_of("usergroups.users.list")) == 1
    place.clock.move_to(HANDOVER)
    await place.look()
    assert place.members() == {"jonas", "lena"}
    place.rules = RULES.with_overrides({"first": (Override("maria", HANDOVER, HANDOVER + timedelta(hours=1)),)})
    await place.look()
    assert place.members() == {"maria", "lena"}
    place.clock.move_to(HANDOVER + timedelta(hours=1))
    await place.look()
    assert place.members() == {"jonas", "lena"}
    assert place.updates() == 4
    assert place.groups.trouble == []


async def test_what_slack_has_already_is_not_sent_and_what_somebody_changed_is_within_the_hour() -> None:
    place = Place()
    place.world.set_members("db-oncall", "maria")
    await place.look()
    assert place.updates() == 0
    place.world.set_members("db-oncall", "old")
    place.clock.move_to(NOON + LOOK_AGAIN + TURN)
    await place.look()
    assert place.members() == {"maria"}


async def test_a_group_is_never_emptied() -> None:
    place = Place(at("2026-11-05T12:00+00:00"))
    await place.look()
    assert place.members("web") == {"old"}, "nobody is on call yet"
    assert all(call.form["usergroup"] != "S00000002" for call in place.world.calls_of("usergroups.users.update"))
    place.clock.move_to(at("2026-11-09T10:00+00:00"))
    await place.look()
    assert place.members("web") == {"jonas"}


async def test_who_cannot_be_a_member_is_left_out_and_said() -> None:
    """Of a list with a deactivated account in it Slack may empty the group."""
    place = Place(HANDOVER)
    place.world.people["U0JONAS"].is_active = False
    await place.look()
    assert place.members() == {"lena"}
    said = "the user group @db-oncall does not follow its schedule: jonas's account is deactivated, or a bot's"
    assert place.groups.trouble == [said]
    place.world.people["U0LENA"].is_active = False
    place.rules = RULES.with_overrides({"second": (Override("jonas", HANDOVER, HANDOVER + timedelta(days=1)),)})
    await place.look()
    assert place.members() == {"lena"}, "of those on call nobody can be a member: it stays as it is"
    assert all(call.form["users"] == "U0LENA" for call in place.world.calls_of("usergroups.users.update"))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("scope", "Slack says missing_scope (needs usergroups:write)"),
        ("permission", "Slack says permission_denied"),
        ("plan", "Slack says paid_teams_only"),
        ("group", "Slack says no_such_group"),
    ],
)
async def test_what_slack_refuses_is_said_and_tried_again(wrong: str, said: str) -> None:
    place = Place()
    match wrong:
        case "scope":
            place.world.scopes -= {"usergroups:write"}
        case "permission":
            place.world.lets_apps_change_groups = False
        case "plan":
            place.world.is_paid = False
        case _:
            place.world.groups["S00000001"].handle = "other"
    await place.look()
    assert place.members("other" if wrong == "group" else "db-oncall") == {"old"}
    assert place.groups.trouble == [f"the user group @db-oncall does not follow its schedule: {said}"]
    calls = len(place.world.calls)
    await place.look(10)
    assert len(place.world.calls) == calls, "it is not asked again and again"
    place.world.scopes |= {"usergroups:write"}
    place.world.is_paid = place.world.lets_apps_change_groups = True
    place.world.groups["S00000001"].handle = "db-oncall"
    place.clock.move_to(place.clock.now() + AFTER_REFUSAL)
    await place.look()
    assert place.members() == {"maria"}
    assert place.groups.trouble == []


@pytest.mark.parametrize("mood", [moods.UNREACHABLE, moods.status(500), moods.ratelimit(30)])
async def test_slacks_weather_is_waited_out(mood: moods.Mood) -> None:
    place = Place()
    place.world.mood(mood, method="usergroups.users.update")
    await place.look()
    assert place.groups.trouble == []
    place.clock.move_to(place.clock.now() + timedelta(minutes=1))
    await place.look()
    assert place.members() == {"maria"}


async def test_without_slack_nothing_is_asked_and_a_group_that_the_rules_drop_is_no_trouble() -> None:
    place = Place()
    place.world.is_paid = False
    await place.look()
    assert place.groups.trouble
    place.rules = rules("people: {maria: {email: maria@example.com}}\n")
    await place.look()
    assert place.groups.trouble == []
    quiet = GroupMembers(lambda: RULES, lambda: None, place.clock)
    calls = len(place.world.calls)
    await quiet.turn()
    assert len(place.world.calls) == calls
