"""The grammar of commands: a text → what is asked for, or a mistake in words. Total: it raises nothing, whatever is typed."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta

from adapters.alert import Severity
from adapters.severity import Scale, is_on_scale
from router.core.acts.grammar import command as ask
from router.core.acts.grammar.command import Command, Mistake, Target, TargetKind
from router.core.acts.grammar.text import DOUBLE, Reader, UnclosedError, Word
from router.core.acts.grammar.words import BY_NAME, nearest
from rules.language.times import Moment, duration, moment
from rules.model.matcher import Matcher, MatcherError
from rules.model.matcher import parse as parse_matchers

LONGEST = 4_000
"""Characters. Slack's own limit of what a person can send as one message."""
MOST_RESPONDERS = 20
LONGEST_TITLE = 300
LONGEST_NAME = 100
LONGEST_REASON = 300
LONGEST_SPAN = timedelta(days=366)

_NUMBER = re.compile(r"#?([0-9]{1,9})[.,:;]?", re.ASCII)
_DIGITS = re.compile(r"#?[0-9]+", re.ASCII)
_UNFIT = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")
_OPERATOR_ENDS = re.compile(r"(?:=~|!~|!=|=)$")
_OPERATOR_BEGINS = re.compile(r"^(?:=~|!~|!=|=)")
_SCALE = Scale({})
_N = "its number, such as 12 or #12; in an incident's thread it can be left out"
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_START = "a time such as 22:00, which is the next one, or 2026-12-24T18:00"
_WHO = "a person such as @maria, or me"
_SPAN = "a duration such as 30m, 1h30m or 2d"
_SEVERITIES = ", ".join(severity.value for severity in Severity)


class _WrongError(Exception):
    def __init__(self, message: str, expected: str, at: int, near: str = "") -> None:
        super().__init__(message)
        self.message, self.expected, self.at, self.near = message, expected, at, near


def parse(text: str, *, incident: int | None = None) -> Command | Mistake:
    """What follows `/incident`, as Slack sends it. `incident`: the one in whose thread it was written."""
    if len(text) > LONGEST:
        return Mistake(f"a text of {len(text):,} characters", f"at most {LONGEST:,}", LONGEST)
    if found := _UNFIT.search(text):
        return Mistake("a character that cannot be written", "plain text", found.start())
    reader, name = Reader(text), ""
    try:
        first = reader.peek()
        if first is None:
            return ask.Help()
        name = first.text.lower().removeprefix("/").rstrip(":,.!") or first.text
        word = BY_NAME.get("help" if name == "?" else name)
        if word is None or not first.is_bare:
            near = nearest(name, BY_NAME)
            message = f"{_shown(first.text)} is no command"
            return Mistake(message, f"one of {_FEW}, …; help shows all of them", first.start, near=near)
        name = word.name
        reader.take(first)
        return _COMMANDS[name](_Arguments(reader, incident))
    except _WrongError as wrong:
        return Mistake(wrong.message, wrong.expected, wrong.at, name, wrong.near)
    except UnclosedError as unclosed:
        word_ = name if name in _COMMANDS else ""
        return Mistake("a quote that is not closed", 'a second " where the text ends', unclosed.at, word_)


def parse_mention(text: str, *, bot: str = "", incident: int | None = None) -> Command | Mistake:
    """A message that mentions the router: what follows its name. `bot`: its user id; "": whoever is mentioned first."""
    mention = re.compile(rf"<@{re.escape(bot) or '[UW][A-Z0-9]+'}(?:\|[^<>]*)?>[\s,:]*")
    found = mention.search(text[: LONGEST * 10])
    return parse(text if found is None else text[found.end() :], incident=incident)


class _Arguments:
    """What follows a command's name, taken from the left."""

    def __init__(self, reader: Reader, incident: int | None) -> None:
        self.reader, self._thread = reader, incident

    @property
    def has_thread(self) -> bool:
        """Whether an incident's thread is where it was said."""
        return self._thread is not None

    def incident(self, *, before_text: bool = False) -> int:
        """The number, or the thread's. `before_text`: what follows is free text, which in a thread may begin with a number
        too: there it is the incident's where it is written #12, or where quotes or nothing follow."""
        word = self.reader.peek()
        number = None if word is None else _number(word)
        if word is None or number is None:
            if self._thread is not None:
                return self._thread
            raise _WrongError("which incident?", _N, self.end_at if word is None else word.start)
        if before_text and self._thread is not None and word.is_bare and not word.text.startswith("#"):
            before = self.reader.at
            self.reader.take(word)
            after = self.reader.peek()
            self.reader.at = before
            if after is not None and not after.is_quoted:
                return self._thread
        if number == 0:
            raise _WrongError(f"there is no incident {_shown(word.text)}", _N, word.start)
        self.reader.take(word)
        return number

    def skip(self, *fillers: str) -> bool:
        """Over a word that may stand there and says nothing, such as the "to" of "assign 12 to me"."""
        word = self.reader.peek()
        if word is None or not word.is_bare or word.text.lower() not in fillers:
            return False
        self.reader.take(word)
        return True

    def span(self) -> timedelta:
        self.skip("for", "by")
        word = self.reader.peek()
        if word is None:
            raise _WrongError("for how long?", _SPAN, self.end_at)
        self.reader.take(word)
        return _span(word)

    def start(self) -> int | Moment | None:
        """When it begins: a time of day in minutes since midnight, or an instant; None: now."""
        word = self.reader.peek()
        if word is None:
            raise _WrongError("from when?", _START, self.end_at)
        self.reader.take(word)
        text = word.text.rstrip(".,;")
        if text.lower() == "now":
            return None
        if time := _TIME.fullmatch(text):
            return int(time[1]) * 60 + int(time[2])
        found = moment(text)
        if found is None:
            raise _WrongError(f"{_shown(word.text)} is no time", _START, word.start)
        return found

    def severity(self) -> Severity:
        word = self.reader.peek()
        if word is None:
            raise _WrongError("which severity?", _SEVERITIES, self.end_at)
        self.reader.take(word)
        found = _severity(word)
        if found is None:
            near = nearest(word.text, [severity.value for severity in Severity])
            raise _WrongError(f"{_shown(word.text)} is no severity", _SEVERITIES, word.start, near)
        return found

    def target(self, expected: str) -> Target:
        found = self.maybe_target(expected)
        if found is None:
            raise _WrongError("who?", expected, self.end_at)
        return found

    def maybe_target(self, expected: str) -> Target | None:
        word = self.reader.peek()
        if word is None:
            return None
        self.reader.take(word)
        if word.target is not None:
            return word.target
        name = word.text if word.is_quoted else word.text.removeprefix("@").rstrip(",;")
        if word.channel or not name or len(name) > LONGEST_NAME:
            raise _WrongError(f"{_shown(word.text)} is nobody", expected, word.start)
        if name.lower() in {"me", "myself"} and not word.is_quoted:
            return Target(TargetKind.ME, "me")
        return Target(TargetKind.NAME, name)

    def name(self, expected: str, *, optional: bool = False) -> str:
        word = self.reader.peek()
        if word is None:
            if optional:
                return ""
            raise _WrongError("nothing follows", expected, self.end_at)
        self.reader.take(word)
        if not word.text or len(word.text) > LONGEST_NAME:
            raise _WrongError(f"{_shown(word.text)} is no name", expected, word.start)
        return word.text

    def text(self) -> str:
        """All that is left."""
        found = self.reader.rest()
        self.reader.at = len(self.reader.text)
        return found

    def end(self, after: str) -> None:
        if word := self.reader.peek():
            raise _WrongError(f"{_shown(word.text)} is one word too many", f"nothing after {after}", word.start)

    @property
    def end_at(self) -> int:
        return len(self.reader.text)


def _shown(text: str) -> str:
    return f"“{text if len(text) <= 40 else text[:39] + '…'}”"


def _number(word: Word) -> int | None:
    """Of an incident. Where a channel is called 12, Slack makes a mention of it out of #12."""
    if word.is_quoted or word.target is not None:
        return None
    found = _NUMBER.fullmatch(word.text)
    if found is None:
        if _DIGITS.fullmatch(word.text):
            raise _WrongError(f"there is no incident {_shown(word.text)}", _N, word.start)
        return None
    return int(found[1])


def _span(word: Word) -> timedelta:
    text = word.text.lower().rstrip(".,;")
    found = duration(text)
    if found is None:
        hint = f"{text}m" if text.isascii() and text.isdigit() and len(text) < 6 else ""
        raise _WrongError(f"{_shown(word.text)} is no duration", _SPAN, word.start, hint)
    if not timedelta(0) < found <= LONGEST_SPAN:
        raise _WrongError(f"{_shown(word.text)} is {'nothing' if not found else 'too long'}", _SPAN, word.start)
    return found


def _severity(word: Word) -> Severity | None:
    """Digits alone are none: for some 1 is the worst, for others 5."""
    if not word.is_bare or _DIGITS.fullmatch(word.text) or not is_on_scale(word.text):
        return None
    return _SCALE.severity(word.text)


def _new(given: _Arguments) -> Command:
    first = given.reader.peek()
    if first is None:
        raise _WrongError("what is it?", 'a title, as in new "Checkout is down" on checkout critical', given.end_at)
    start = first.start
    service, severity = "", None
    if first.is_quoted:
        given.reader.take(first)
        title = first.text
        if given.skip("on"):
            service = given.name("a service").removeprefix("#")
        if not given.reader.is_done:
            severity = given.severity()
        given.end("the severity")
    else:
        title = given.text()
    if not 0 < len(title) <= LONGEST_TITLE:
        wrong = "an empty title" if not title else f"a title of {len(title):,} characters"
        raise _WrongError(wrong, f"1 to {LONGEST_TITLE} characters", start)
    return ask.New(title, service, severity)


def _numbered(make: Callable[[int], Command]) -> Callable[[_Arguments], Command]:
    def read(given: _Arguments) -> Command:
        found = given.incident()
        given.end("the incident's number")
        return make(found)

    return read


def _alone(make: Callable[[], Command]) -> Callable[[_Arguments], Command]:
    def read(given: _Arguments) -> Command:
        given.end("it")
        return make()

    return read


def _resolve(given: _Arguments) -> Command:
    return ask.Resolve(given.incident(before_text=True), given.text())


def _note(given: _Arguments) -> Command:
    incident, at = given.incident(before_text=True), given.reader.at
    text = given.text()
    if not text:
        raise _WrongError("an empty note", "what to write down", at)
    return ask.Note(incident, text)


def _escalate(given: _Arguments) -> Command:
    incident = given.incident()
    given.skip("to")
    expected = "@somebody, a user group, or the name of a policy"
    to = given.maybe_target(expected)
    if to is not None and to.kind is TargetKind.NAME and to.name.lower() == "policy":
        to = given.maybe_target(expected) or to  # of one that is called so, nothing follows
    given.end("whom it is escalated to")
    return ask.Escalate(incident, to)


def _assign(given: _Arguments) -> Command:
    incident = given.incident()
    given.skip("to")
    to = given.target("@somebody, or me")
    given.end("whom it is assigned to")
    return ask.Assign(incident, to)


def _add_responders(given: _Arguments) -> Command:
    incident, expected = given.incident(), "@somebody, or several"
    who = [given.target(expected)]
    while not given.reader.is_done and len(who) < MOST_RESPONDERS:
        who.append(given.target(expected))
    given.end(f"{MOST_RESPONDERS} people")
    return ask.AddResponders(incident, tuple(who))


def _snooze(given: _Arguments) -> Command:
    incident = given.incident()
    span = given.span()
    given.end("the duration")
    return ask.Snooze(incident, span)


def _change_severity(given: _Arguments) -> Command:
    incident = given.incident()
    given.skip("to")
    severity = given.severity()
    given.end("the severity")
    return ask.ChangeSeverity(incident, severity)


def _silence(given: _Arguments) -> Command:
    """Matchers with or without blanks around their operator, then the first duration that is no matcher's value."""
    reader, start = given.reader, given.reader.begin()
    pieces: list[str] = []
    span: timedelta | None = None
    while span is None and (word := _matcher_word(reader)) is not None:
        reader.take(word)
        is_value = bool(pieces) and _OPERATOR_ENDS.search(pieces[-1]) is not None
        if pieces and (is_value or _OPERATOR_BEGINS.match(word.text)):
            pieces[-1] += word.text
        elif pieces and duration(word.text.lower()) is not None:
            span = _span(word)
        elif not (pieces and word.text.lower() == "for"):
            pieces.append(word.text)
    matchers = _matchers(pieces, start)
    if span is None:
        raise _WrongError("for how long?", f"{_SPAN} after the matchers", len(reader.text))
    return ask.Silence(matchers, span, given.text())


def _matcher_word(reader: Reader) -> Word | None:
    """As `Reader.peek`, but neither quotes nor braces end a word in which they stand: alertname="Disk full" is one."""
    start, text = reader.begin(), reader.text
    at, depth, is_quoted = start, 0, False
    while at < len(text) and (is_quoted or depth > 0 or not text[at].isspace()):
        if is_quoted and text[at] == "\\":
            at += 1  # whatever it escapes ends nothing
        elif text[at] in _QUOTES:
            is_quoted = not is_quoted
        elif not is_quoted:
            depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    if is_quoted:
        raise UnclosedError(start)
    at = min(at, len(text))
    return None if at == start else Word(text[start:at].translate(_STRAIGHT), start, at)


_QUOTES = frozenset(DOUBLE)
_STRAIGHT = str.maketrans(dict.fromkeys(DOUBLE, '"'))


def _matchers(pieces: list[str], at: int) -> tuple[Matcher, ...]:
    found: list[Matcher] = []
    try:
        for piece in pieces:
            if bare := piece.strip(","):
                found += parse_matchers(bare)
    except MatcherError as error:
        raise _WrongError(error.message, error.expected, at) from None
    if not found:
        raise _WrongError("which alerts?", 'matchers such as team=payments alert.severity=~"low|info"', at)
    return tuple(found)


def _unsilence(given: _Arguments) -> Command:
    found = given.name("the silence's id, as the message about it says")
    given.end("the silence's id")
    return ask.Unsilence(found.removeprefix("#"))


def _extend(given: _Arguments) -> Command:
    found = given.name("the silence's id, as the message about it says")
    span = given.span()
    given.end("the duration")
    return ask.Extend(found.removeprefix("#"), span)


def _on_call(given: _Arguments) -> Command:
    service = given.name("a service, a schedule, or nothing", optional=True)
    given.end("the service")
    return ask.OnCall(service)


def _take(given: _Arguments) -> Command:
    """In whatever order it is said: how long, the schedule, who, from when; in quotes why."""
    span: timedelta | None = None
    schedule, who, begins, why = "", Target(TargetKind.ME, "me"), None, ""
    while (word := given.reader.peek()) is not None:
        if given.skip("for", "by", "on", "of", "to", "because"):
            continue
        if given.skip("from"):
            begins = given.start()
        elif _is_person(word):
            who = given.target(_WHO)
        elif word.is_quoted:
            given.reader.take(word)
            why = word.text[:LONGEST_REASON]
        elif span is None and word.text[:1].isdigit():
            span = given.span()
        elif not schedule:
            schedule = given.name("a schedule")
        else:
            given.end("the schedule")
    if span is None:
        raise _WrongError("for how long?", _SPAN, given.end_at)
    return ask.Take(span, schedule, who, begins, why)


def _untake(given: _Arguments) -> Command:
    schedule, who = "", Target(TargetKind.ME, "me")
    while (word := given.reader.peek()) is not None:
        if given.skip("of", "for"):
            continue
        if _is_person(word):
            who = given.target(_WHO)
        elif not schedule:
            schedule = given.name("a schedule")
        else:
            given.end("the schedule")
    return ask.Untake(schedule, who)


def _swap(given: _Arguments) -> Command:
    given.skip("with")
    who = given.target(_WHO)
    given.skip("on", "of", "in")
    schedule = given.name("a schedule", optional=True)
    given.end("the schedule")
    return ask.Swap(who, schedule)


def _is_person(word: Word) -> bool:
    """Of words where a bare one is a schedule: a person has an @ before the name, or is who says it."""
    is_me = word.is_bare and word.text.lower() in {"me", "myself"}
    return word.target is not None or is_me or (word.is_bare and len(word.text) > 1 and word.text[0] == "@")


def _link(given: _Arguments) -> Command:
    """In a thread, to the thread's incident; elsewhere a number is no must."""
    number = None if given.reader.is_done and not given.has_thread else given.incident()
    given.end("the incident's number")
    return ask.Link(number)


def _connect(given: _Arguments) -> Command:
    who = given.maybe_target("@somebody, and who of the rules they are")
    if who is None:
        return ask.Connect()
    if who.kind is not TargetKind.USER:
        raise _WrongError("whose account?", "@somebody whom Slack knows", given.end_at)
    given.skip("is", "as", "to")
    person = given.name("the name of a person of the rules, or none")
    given.end("the person's name")
    return ask.Connect(who, "" if person.lower() == "none" else person.removeprefix("@"))


def _list(given: _Arguments) -> Command:
    return ask.List(given.text())


def _help(given: _Arguments) -> Command:
    word = given.reader.peek()
    if word is None:
        return ask.Help()
    known = BY_NAME.get(word.text.lower().removeprefix("/"))
    if known is None:
        near = nearest(word.text, BY_NAME)
        raise _WrongError(f"{_shown(word.text)} is no command", f"one of {_FEW}, …", word.start, near)
    return ask.Help(known.name)


_FEW = "ack, resolve, note, escalate, silence, oncall, list"
_COMMANDS: Mapping[str, Callable[[_Arguments], Command]] = {
    "new": _new,
    "ack": _numbered(ask.Acknowledge),
    "unack": _numbered(ask.Unacknowledge),
    "resolve": _resolve,
    "reopen": _numbered(ask.Reopen),
    "note": _note,
    "escalate": _escalate,
    "assign": _assign,
    "add-responder": _add_responders,
    "snooze": _snooze,
    "wake": _numbered(ask.Wake),
    "severity": _change_severity,
    "silence": _silence,
    "unsilence": _unsilence,
    "extend": _extend,
    "oncall": _on_call,
    "take": _take,
    "untake": _untake,
    "swap": _swap,
    "list": _list,
    "show": _numbered(ask.Show),
    "status": _alone(ask.Status),
    "link": _link,
    "connect": _connect,
    "help": _help,
}
