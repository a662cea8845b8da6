"""Who may do and see what: the roles, which of them an act asks for, and who sees the incidents of a private route."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec


class Role(StrEnum):
    """What somebody may do; the higher includes the lower."""

    OBSERVER = "observer"
    """Looks on."""
    RESPONDER = "responder"
    """Does whatever a route asks nothing higher for."""
    MANAGER = "manager"
    """More only where a route says so."""
    ADMIN = "admin"
    """Sees what is private, and says which person a Slack account is."""

    @property
    def rank(self) -> int:
        return list(Role).index(self)


ACTS = (
    *("acknowledge", "unacknowledge", "resolve", "reopen", "snooze", "wake", "escalate", "assign", "add_responder"),
    *("note", "severity", "silence", "unsilence", "declare", "take"),
)
"""Everything that people do, as `actions` calls it."""
UNDOES: Mapping[str, str] = {
    "unacknowledge": "acknowledge",
    "reopen": "resolve",
    "wake": "snooze",
    "unsilence": "silence",
}
"""Whoever may do something may take it back, unless the route says otherwise."""

Actions = tuple[tuple[str, Role], ...]
"""(act, the least role that may do it), sorted by act."""


def needed(actions: Actions, act: str) -> Role:
    """The least role that may do it. An act that nobody has spoken of is a responder's, whatever it is called."""
    said = dict(actions)
    return said.get(act) or said.get(UNDOES.get(act, "")) or Role.RESPONDER


class Audience(msgspec.Struct, frozen=True):
    """Who sees the incidents of a private route, beside admins and whoever is paged for one or made responsible."""

    people: tuple[str, ...] = ()
    """By name."""
    groups: tuple[str, ...] = ()
    """Slack user groups, as written."""
    roles: tuple[Role, ...] = ()
    """And whoever has one of these, or a higher one."""

    def __str__(self) -> str:
        return f"[{', '.join((*self.people, *self.groups, *(f'{{role: {role.value}}}' for role in self.roles)))}]"


class Roles(msgspec.Struct, frozen=True):
    """Which role somebody has."""

    groups: tuple[tuple[Role, tuple[str, ...]], ...] = ()
    """Of whoever is in one of these Slack user groups; of several the highest."""
    known: Role = Role.RESPONDER
    """Of a person of the rules of whom nothing else says it."""
    unmatched: Role = Role.RESPONDER
    """Of a Slack account that is nobody's in the rules, or is not in use."""
