"""Who may do what, and who sees what is private: the one answer for buttons, modals, commands, mentions and pages. Pure."""

from collections.abc import Callable, Collection, Mapping
from typing import Final

import msgspec

from rules.model.permission import Actions, Audience, Role, needed

MOST_NAMED: Final = 4
_ARTICLES: Mapping[Role, str] = {Role.OBSERVER: "an", Role.ADMIN: "an"}
Holders = Callable[[Role], Collection[str]]
"""Who has a role, or a higher one, by name."""


class Actor(msgspec.Struct, frozen=True):
    """Whoever asks, as far as it matters to what they may do."""

    role: Role = Role.RESPONDER
    person: str = ""
    """In the rules; "": nobody there."""
    groups: frozenset[str] = frozenset()
    """The Slack user groups that they are in, of those that the rules give something, as written there."""


def refusal(actor: Actor | None, act: str, actions: Actions, holders: Holders) -> str:
    """Why somebody may not do it, and what to do instead; "": they may. None is no person: a timer, a rule, a source."""
    least = needed(actions, act)
    if actor is None or actor.role.rank >= least.rank:
        return ""
    named = list(holders(least))
    others = f"ask {' or '.join(named[:MOST_NAMED])}" if named else f"ask {_a(least)}"
    if not actor.person:
        others += '; say "connect" to see how you are known here'
    what = act.replace("_", " ")
    return f"to {'declare an incident' if act == 'declare' else what} takes {_a(least)} here, and you are {_a(actor.role)}: {others}"


def sees(actor: Actor | None, audience: Audience | None, involved: Collection[str] = ()) -> bool:
    """Whether somebody sees an incident. `involved`: whoever is paged for it, or was made responsible, by name."""
    if actor is None or audience is None or actor.role is Role.ADMIN:
        return True
    if actor.person and (actor.person in audience.people or actor.person in involved):
        return True
    if not actor.groups.isdisjoint(audience.groups):
        return True
    return any(actor.role.rank >= role.rank for role in audience.roles)


def _a(role: Role) -> str:
    return f"{_ARTICLES.get(role, 'a')} {role.value}"
