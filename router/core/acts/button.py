"""What a button under a message carries, so that whoever presses it years later is understood, or told why not. Pure.

`action_id` is `ar.<verb>`, with a suffix where several of a verb stand in one block; `value` is a small JSON. In a menu the
verb is each option's own, and stands in the value: Slack allows 150 characters there.
"""

import hashlib
from enum import StrEnum
from typing import Final

import msgspec

PREFIX: Final = "ar"
VERSION: Final = 1
MENU: Final = "ar.menu"
"""The action_id of a menu: the verb stands in the chosen option's value."""
LONGEST_VALUE: Final = 2_000
LONGEST_OPTION: Final = 150
LONGEST_METADATA: Final = 3_000
_LONGEST_NAME: Final = 32


class Verb(StrEnum):
    """What pressing it asks for. A word that stood here once stays: messages of years ago carry it."""

    ACKNOWLEDGE = "acknowledge"
    UNACKNOWLEDGE = "unacknowledge"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    SNOOZE = "snooze"
    WAKE = "wake"
    SILENCE = "silence"
    ESCALATE = "escalate"
    ASSIGN = "assign"
    ADD_RESPONDER = "add_responder"
    NOTE = "note"
    SEVERITY = "severity"
    DECLARE = "declare"
    TIMELINE = "timeline"
    """What somebody else wrote goes into an incident's timeline."""
    UNSILENCE = "unsilence"
    OPEN = "open"
    """A link: Slack tells us of it, and there is nothing to do."""


class Button(msgspec.Struct, frozen=True):
    """One that was made, or pressed."""

    verb: Verb
    incident: int
    detail: str = ""
    """What the verb needs beside the incident: `15m` to snooze for, the id of a silence."""


class NotOurs(StrEnum):
    """Why one that was pressed says nothing to us."""

    FOREIGN = "foreign"
    """Not an `ar.` action: another program's, of the same app."""
    UNKNOWN_VERB = "unknown_verb"
    """Of another release, most likely a later one."""
    UNKNOWN_VERSION = "unknown_version"
    OTHER_INSTANCE = "other_instance"
    """Another router with the same app posted it."""
    UNREADABLE = "unreadable"


class _Carried(msgspec.Struct, omit_defaults=True):
    v: int
    i: str
    n: int
    d: str = ""
    b: str = ""


class _Versioned(msgspec.Struct):
    v: int


_encode = msgspec.json.Encoder().encode


def instance_mark(name: str) -> str:
    """The instance as buttons name it: its name where that is short and plain, else the beginning of it and a digest."""
    if len(name) <= _LONGEST_NAME and name.isascii() and name.isprintable() and not {'"', "\\"} & set(name):
        return name
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    return f"~{digest}"


def action_id(verb: Verb, *, suffix: str = "") -> str:
    """`suffix`: sets several of a verb in one block apart, without dots."""
    return f"{PREFIX}.{verb.value}.{suffix}" if suffix else f"{PREFIX}.{verb.value}"


def value(button: Button, *, instance: str) -> str:
    """Of a button. Raises ValueError where `detail` makes it too long for Slack."""
    return _written(button, instance, "", LONGEST_VALUE)


def option_value(button: Button, *, instance: str) -> str:
    """Of an option of a menu: it has the verb too. Raises ValueError where `detail` makes it too long for Slack."""
    return _written(button, instance, button.verb.value, LONGEST_OPTION)


def metadata(button: Button, *, instance: str) -> str:
    """The same for the `private_metadata` of a modal. Raises ValueError where `detail` makes it too long for Slack."""
    return _written(button, instance, button.verb.value, LONGEST_METADATA)


def decode(pressed: str, carried: str, *, instance: str) -> Button | NotOurs:
    """`pressed`: the action_id, or the callback_id of a modal; `carried`: the value, the option's, the private_metadata."""
    prefix, _, rest = pressed.partition(".")
    if prefix != PREFIX or not rest:
        return NotOurs.FOREIGN
    if not carried and rest.partition(".")[0] == Verb.OPEN:
        return Button(Verb.OPEN, 0)  # a link carries its address alone
    try:
        found = msgspec.json.decode(carried, type=_Versioned)
        if found.v != VERSION:
            return NotOurs.UNKNOWN_VERSION
        what = msgspec.json.decode(carried, type=_Carried)
    except (ValueError, RecursionError):
        return NotOurs.UNREADABLE
    if what.i != instance_mark(instance):
        return NotOurs.OTHER_INSTANCE
    if not 0 <= what.n < 2**63:
        return NotOurs.UNREADABLE
    try:
        verb = Verb(what.b or rest.partition(".")[0])
    except ValueError:
        return NotOurs.UNKNOWN_VERB
    return Button(verb, what.n, what.d)


def _written(button: Button, instance: str, verb: str, most: int) -> str:
    text = _encode(_Carried(VERSION, instance_mark(instance), button.incident, button.detail, verb)).decode()
    if len(text) > most:
        raise ValueError(f"a button of {len(text)} characters, where Slack takes {most}")
    return text
