"""Who can act in the preview: the people of the rules, and somebody whom no rule names. Pure."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from router.core.mrkdwn import escape
from router.core.recipient import target_of
from router.notifiers.preview.preview import conversation_id
from rules.model.oncall import Person

TEAM: Final = "TPREVIEW"
APP: Final = "APREVIEW"
BOT: Final = "BPREVIEW"
ROUTER_ID: Final = "UPVROUTER"
ROUTER: Final = "alert-router"
"""What the router is called in the preview, and its user id there."""
_GUEST_ID: Final = "UPVGUEST"
_GUEST: Final = "robin"


class Member(msgspec.Struct, frozen=True):
    """An account."""

    id: str
    name: str
    email: str = ""
    direct: str = ""
    """The id of the conversation that pages them."""
    is_in_rules: bool = True


def members(people: Mapping[str, Person]) -> tuple[Member, ...]:
    """One for each person, by the Slack id that the rules give, else by one that lasts as long as their address; then the
    one whom no rule names."""
    found = {one.id: one for one in map(_member, people.values())}
    name = _GUEST
    while name in people:
        name += "2"
    return (*found.values(), Member(_GUEST_ID, name, direct=conversation_id(_GUEST_ID), is_in_rules=False))


def as_sent(text: str, those: Iterable[Member], *, is_command: bool = False) -> str:
    """What somebody typed as Slack sends it: three characters as entities, and who is mentioned by id."""
    ids = {one.name.casefold(): one.id for one in those} | {ROUTER: ROUTER_ID}
    names = "|".join(re.escape(escape(name)) for name in sorted(ids, key=len, reverse=True))
    return re.sub(
        rf"(?<![\w@])@({names})(?![\w-])", _written(ids, is_command=is_command), escape(text), flags=re.IGNORECASE
    )


def _written(ids: Mapping[str, str], *, is_command: bool) -> Callable[[re.Match[str]], str]:
    def written(found: re.Match[str]) -> str:
        name = found[1]
        user = ids[name.casefold()]
        return f"<@{user}|{name}>" if is_command else f"<@{user}>"

    return written


def _member(person: Person) -> Member:
    target = target_of(person)
    made = f"UPV{hashlib.blake2b(target.encode(), digest_size=6).hexdigest().upper()}"
    return Member(person.slack_id or made, person.name, person.email, conversation_id(target))
