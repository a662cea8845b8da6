"""The vocabulary of commands: names, how each is written, what it does. Help is made of it, and the parser looks words up in it."""

import difflib
from collections.abc import Iterable, Mapping

import msgspec

LATE = "That takes longer than Slack waits for. It may be done by now: please look before you give the command again."
NOT_TAKEN = "That was not done: it could not be written down. Please give the command again."


class Word(msgspec.Struct, frozen=True):
    """One command."""

    names: tuple[str, ...]
    """The first is the one that help shows; the others are what people type who come from elsewhere."""
    usage: str
    """What follows the name: [optional], CAPITALS stand for something."""
    says: str
    example: str = ""

    @property
    def name(self) -> str:
        return self.names[0]


WORDS: tuple[Word, ...] = (
    Word(
        ("new", "create", "trigger", "declare"),
        '"TITLE" [on SERVICE] [SEVERITY]',
        "declare an incident",
        'new "Checkout is down" on checkout critical',
    ),
    Word(("ack", "acknowledge"), "[N]", "acknowledge: nobody else is paged", "ack 12"),
    Word(("unack", "unacknowledge"), "[N]", "take the acknowledgement back: paging goes on", "unack 12"),
    Word(
        ("resolve", "close"),
        '[N] ["NOTE"]',
        "close, with a note for those who come after",
        'resolve 12 "restarted the pool"',
    ),
    Word(("reopen",), "[N]", "it is not over after all", "reopen 12"),
    Word(("note", "comment"), "[N] TEXT", "write into the timeline", "note 12 the disk of node-3 is full"),
    Word(("escalate", "page"), "[N] [@PERSON | @GROUP | POLICY]", "page the next step, or somebody", "escalate 12"),
    Word(("assign",), "[N] @PERSON", "make somebody responsible; me is you", "assign 12 @maria"),
    Word(
        ("add-responder", "add-responders", "add", "invite"),
        "[N] @PERSON …",
        "ask more people to help",
        "add-responder 12 @jonas",
    ),
    Word(("snooze",), "[N] DURATION", "no reminders for so long", "snooze 12 1h30m"),
    Word(("wake", "unsnooze"), "[N]", "end a snooze", "wake 12"),
    Word(("severity", "sev"), "[N] SEVERITY", "critical, high, medium, low or info", "severity 12 high"),
    Word(
        ("silence", "mute"),
        'MATCHERS DURATION ["WHY"]',
        "hold alerts back for a while",
        'silence team=payments alert.severity=~"low|info" 2h "migration"',
    ),
    Word(("unsilence", "unmute", "expire"), "ID", "end a silence", "unsilence 5e1b1a3c-7f0e-4c0b-9a55-0c1de2f3a4b5"),
    Word(
        ("extend",),
        "ID DURATION",
        "let a silence end later by so long",
        "extend 5e1b1a3c-7f0e-4c0b-9a55-0c1de2f3a4b5 1h",
    ),
    Word(("oncall", "on-call", "who"), "[SERVICE]", "who is on call, and who is next", "oncall checkout"),
    Word(
        ("take", "override"),
        '[SCHEDULE] [@PERSON] DURATION [from TIME] ["WHY"]',
        "be on call for so long instead of whose turn it is; with a name, they are",
        'take 2h payments from 22:00 "Jonas is at the dentist"',
    ),
    Word(
        ("untake", "give-back"),
        "[SCHEDULE] [@PERSON]",
        "end what you took, or made somebody take: the turns are as the rules say again",
        "untake payments",
    ),
    Word(("swap",), "@PERSON [SCHEDULE]", "change your turn, now or the next, for theirs", "swap @jonas payments"),
    Word(("list", "ls", "incidents"), "[FILTER]", "open incidents", "list team=payments"),
    Word(("show", "view", "info"), "[N]", "one incident", "show 12"),
    Word(("status",), "", "how the router itself is"),
    Word(("link", "login"), "[N]", "a personal link to its pages, which signs you in", "link 12"),
    Word(
        ("connect",),
        "[@PERSON NAME | @PERSON none]",
        "how you are known here; an admin says which person of the rules somebody is",
    ),
    Word(("help",), "[COMMAND]", "this, or more about one command", "help silence"),
)
BY_NAME: Mapping[str, Word] = {name: word for word in WORDS for name in word.names}


def nearest(typed: str, names: Iterable[str]) -> str:
    """The name that was meant, perhaps; "" where nothing is near."""
    found = difflib.get_close_matches(typed[:40].lower(), list(names), n=1, cutoff=0.6)
    return found[0] if found else ""


def help_text(topic: str = "", *, command: str = "/incident") -> str:
    """What `help` answers, in mrkdwn. `command`: how this workspace calls it."""
    word = BY_NAME.get(topic)
    if word is not None:
        lines = [f"`{_written(command, word)}`: {word.says}."]
        if word.example:
            lines.append(f"For example `{command} {word.example}`.")
        if len(word.names) > 1:
            lines.append(f"Also {', '.join(f'`{name}`' for name in word.names[1:])}.")
        return "\n".join(lines)
    lines = [f"`{_written(command, word)}`: {word.says}" for word in WORDS]
    lines.append(
        "N is an incident's number, 12 or #12; in an incident's thread it can be left out. Slack takes no slash command in a "
        "thread: mention me there instead, as in `@alert-router ack`. Durations are written 30m, 1h30m, 2d."
    )
    return "\n".join(lines)


def _written(command: str, word: Word) -> str:
    return f"{command} {word.name} {word.usage}".rstrip()
