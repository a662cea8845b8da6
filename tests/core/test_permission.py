"""Who may do what, and who sees what is private: every role against every act, and each way to see."""

from itertools import product

import pytest

from router.core.acts.button import Verb
from router.core.acts.permission import Actor, refusal, sees
from rules.model.permission import ACTS, UNDOES, Audience, Role, needed
from tests.rules.reading import rules


def nobody(_: Role) -> tuple[str, ...]:
    return ()


@pytest.mark.parametrize(("role", "act"), list(product(Role, ACTS)))
def test_what_nobody_spoke_of_is_a_responders(role: Role, act: str) -> None:
    """Row 18: an observer does nothing, whatever the act is."""
    assert (refusal(Actor(role), act, (), nobody) == "") is (role is not Role.OBSERVER)


def test_every_button_asks_for_a_right_that_a_route_can_name() -> None:
    assert {verb.value for verb in Verb} - {Verb.OPEN.value, Verb.TIMELINE.value} <= set(
        ACTS
    )  # who adds to a timeline writes a note
    assert {*UNDOES, *UNDOES.values()} <= set(ACTS)


def test_an_act_of_a_later_release_is_a_responders() -> None:
    assert refusal(Actor(Role.OBSERVER), "fly_to_the_moon", (), nobody)
    assert refusal(Actor(Role.RESPONDER), "fly_to_the_moon", (), nobody) == ""


@pytest.mark.parametrize(("act", "undone"), UNDOES.items())
def test_what_one_may_do_one_may_take_back(act: str, undone: str) -> None:
    assert needed(((undone, Role.MANAGER),), act) is Role.MANAGER
    assert needed(((undone, Role.OBSERVER),), act) is Role.OBSERVER
    assert needed(((act, Role.RESPONDER), (undone, Role.MANAGER)), act) is Role.RESPONDER
    assert needed(((act, Role.ADMIN),), undone) is Role.RESPONDER


def test_who_is_no_person_is_not_asked() -> None:
    assert refusal(None, "resolve", (("resolve", Role.ADMIN),), nobody) == ""
    assert sees(None, Audience())


RULES = rules(
    """routing: {channel: "#a", actions: {resolve: manager, note: observer}, routes: [{name: a, actions: none}, {name: b, actions: {anyone: snooze}}]}
people:
  cto: {slack: U0123ABCD, role: manager}
  root: {slack: U0123ABCE, role: admin}
  maria: {slack: U0123ABCF}
roles: {manager: ["@leads"], responder: ["@oncall"]}
silences: {who: manager}
"""
)


@pytest.mark.parametrize(
    ("actor", "act", "says"),
    [
        (Actor(Role.RESPONDER, "maria"), "resolve", "to resolve takes a manager here, and you are a responder: ask cto or root or @leads"),
        (Actor(Role.OBSERVER, "maria"), "add_responder", "to add responder takes a responder here, and you are an observer: ask cto or root or @oncall or @leads"),
        (Actor(Role.OBSERVER), "declare", 'to declare an incident takes a responder here, and you are an observer: ask cto or root or @oncall or @leads; say "connect" to see how you are known here'),
        (Actor(Role.OBSERVER), "note", ""),
        (Actor(Role.MANAGER, "cto"), "resolve", ""),
        (Actor(Role.ADMIN, "root"), "resolve", ""),
        (Actor(Role.RESPONDER, "maria"), "silence", "to silence takes a manager here, and you are a responder: ask cto or root or @leads"),
    ],
)  # fmt: skip
def test_a_refusal_says_why_and_whom_to_ask(actor: Actor, act: str, says: str) -> None:
    """Row 64: what was not done, what it takes, what one is, and who can."""
    assert refusal(actor, act, RULES.root.settings.actions, RULES.holders) == says


def test_where_nobody_is_named_it_says_which_role() -> None:
    said = refusal(Actor(Role.RESPONDER, "maria"), "resolve", (("resolve", Role.ADMIN),), nobody)
    assert said == "to resolve takes an admin here, and you are a responder: ask an admin"


def test_a_route_inherits_replaces_and_takes_away() -> None:
    """Row 18: as every setting; who may silence is said once for all routes that say nothing of it."""
    silence = ("silence", Role.MANAGER)
    assert RULES.root.settings.actions == (("note", Role.OBSERVER), ("resolve", Role.MANAGER), silence)
    assert RULES.routes["a"].settings.actions == (silence,)
    assert RULES.routes["b"].settings.actions == (silence, ("snooze", Role.OBSERVER))


@pytest.mark.parametrize(
    ("text", "unmatched"),
    [
        ("", Role.RESPONDER),
        ("people: {a: {slack: U0123ABCD}}\n", Role.RESPONDER),
        ("people: {a: {slack: U0123ABCD, role: observer}}\n", Role.OBSERVER),
        ("roles: {}\n", Role.OBSERVER),
        ("roles: {unmatched: responder}\n", Role.RESPONDER),
        ('routing: {channel: "#a", actions: {resolve: manager}}\n', Role.OBSERVER),
        ('routing: {channel: "#a", routes: [{name: x, actions: none}]}\n', Role.OBSERVER),
    ],
)
def test_while_nothing_is_said_of_roles_everybody_may_do_everything(text: str, unmatched: Role) -> None:
    """Row 83: an account that is nobody's acts as before; as soon as roles are spoken of it looks on."""
    assert rules(text).roles.unmatched is unmatched
    assert rules(text).roles.known is Role.RESPONDER


AUDIENCE = Audience(("maria",), ("@security",), (Role.MANAGER,))


@pytest.mark.parametrize(
    ("actor", "involved", "is_seen"),
    [
        (Actor(Role.ADMIN), (), True),
        (Actor(Role.MANAGER), (), True),
        (Actor(Role.OBSERVER, "maria"), (), True),
        (Actor(Role.OBSERVER, "", frozenset({"@security"})), (), True),
        (Actor(Role.RESPONDER, "jonas"), (), False),
        (Actor(Role.RESPONDER, "jonas"), ("jonas",), True),
        (Actor(Role.RESPONDER, "", frozenset({"@other"})), ("",), False),
        (Actor(Role.RESPONDER), ("",), False),
    ],
)
def test_who_sees_what_is_private(actor: Actor, involved: tuple[str, ...], *, is_seen: bool) -> None:
    """Row 28: the team, its groups and roles, admins, and whoever it concerns; nobody else."""
    assert sees(actor, AUDIENCE, involved) is is_seen
    assert sees(actor, None, involved)
