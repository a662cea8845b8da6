"""The promises, each as one check with the sentence that it holds, and a name by which it is switched off.

What rings is held against what is so after every step; what stands when everything has settled.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from tests.machines.promises.machine import PEOPLE, Run
from tests.machines.promises.model import Life, Moment
from tests.machines.promises.rulebook import BOOKS, CHANNELS, NEXT, NEXT_AFTER, RANK
from tests.machines.promises.script import SIBLINGS, Kill
from tests.machines.promises.seen import JUST_NOW, Standing, number_in, says_severity
from tests.machines.promises.site import Broken
from tests.slackworld import Sound

MINUTE = timedelta(minutes=1)
A_WHILE = timedelta(seconds=150)
"""What pace, retries and thread lines may take in fair weather."""
NEWS_SOON = timedelta(seconds=80)
"""The longest group_wait of the rule files, and the time to carry it out."""
NEXT_SOON = NEWS_SOON + timedelta(seconds=NEXT_AFTER) + MINUTE
"""Until the second step of a policy was taken."""
LINES = timedelta(minutes=12)
"""In a crowd thread lines come every ten minutes."""

UNSEEN = timedelta(seconds=1)
"""A group is evaluated no sooner after it was: what ends and comes back meanwhile goes on."""

Broke = Callable[[Run], Iterator[str]]


@dataclass(frozen=True)
class Check:
    name: str
    sentence: str
    find: Broke
    """What is broken, in words; nothing when it holds."""

    def broken(self, run: Run) -> list[str]:
        return list(self.find(run))


SOUNDS: list[Check] = []
STANDING: list[Check] = []


def after_every_step(find: Broke) -> Broke:
    SOUNDS.append(Check(find.__name__, (find.__doc__ or "").strip(), find))
    return find


def when_settled(find: Broke) -> Broke:
    STANDING.append(Check(find.__name__, (find.__doc__ or "").strip(), find))
    return find


# What rings.


@after_every_step
def a_calm_moment_is_silent(run: Run) -> Iterator[str]:
    """A fall, a reload, a restart, a clock that is set, a word that is sent again: nobody hears of it."""
    if run.calm_sounds is not None:
        step, sounds = run.calm_sounds
        run.calm_sounds = None
        yield from (f"{step}: {_line(sound)}" for sound in sounds)


@after_every_step
def held_is_silent(run: Run) -> Iterator[str]:
    """What a window, a maintenance, a silence or an inhibition holds back makes no sound and pages nobody. What was news before
    that and is late, because of the weather, does; and that a channel refuses what it shows is said all the same."""
    for sound in run.new_sounds:
        if _is_end(sound) or not number_in(sound.text) or _was_refused(run, sound):
            continue
        lives = [life for life in _about(run, number_in(sound.text), sound) if life.at(sound.at).fires]
        since = min(sound.at - A_WHILE, run.settled_at if run.foul_until >= run.settled_at else sound.at)
        if lives and all(life.is_held_throughout(since, sound.at) for life in lives):
            yield f"{_line(sound)}: {_names(lives)} held"


@after_every_step
def an_end_rings_after_the_end(run: Run) -> Iterator[str]:
    """No sound says Resolved while what it speaks of still fires, as the same alert or as a worse sibling."""
    for sound in run.new_sounds:
        if not _is_end(sound) or not number_in(sound.text):
            continue
        number = number_in(sound.text)
        for life in _about(run, number, sound):
            if not life.fires_throughout(sound.at - MINUTE, sound.at):
                continue
            goes_on = (
                _goes_on(run, life, number)
                if life.name not in SIBLINGS
                else life.at(sound.at).rank < _rank(run, number)
            )
            if not goes_on:
                yield f"{_line(sound)}: {life.name} fires"


@after_every_step
def a_rise_is_said_once(run: Run) -> Iterator[str]:
    """Nobody hears "worse" of what stood as bad as that already."""
    for sound in run.new_sounds:
        found = re.search(r"worse: now (\w+)|^Worse: (\w+)", sound.text)
        if found is None or sound.at - run.foul_until < 5 * MINUTE:
            continue
        severity = (found[1] or found[2]).lower()
        for message in _of(run, number_in(sound.text), sound.conversation):
            if not _is_kept_true(message):
                continue
            said = message.at(sound.at - A_WHILE)
            later = [one for one in message.versions if sound.at - A_WHILE < one.at < sound.at]
            stood = said is not None and all(one.rank >= RANK[severity] for one in [said, *later])
            lives = [run.model.lives[name] for name in (said.names if said else ())]
            was_held = any(
                moment.held != {False} for life in lives for moment in life.between(run.foul_until, sound.at)
            )
            if stood and not was_held and message.view.text and _knew(run, message, sound):
                yield f"{_line(sound)}: it stood as {said.text if said else ''}"


def _is_kept_true(message: Standing) -> bool:
    """What follows a page tells a person of a change, and is a word of its moment."""
    return message.place in CHANNELS or message.versions[0].text.startswith("You are paged")


def _knew(run: Run, message: Standing, sound: Sound) -> bool:
    """It was open before, so that this is no first word."""
    return message.versions[0].at < sound.at - A_WHILE


@after_every_step
def nobody_is_woken_after_the_end(run: Run) -> Iterator[str]:
    """Neither a page nor a further step of one rings for what has ended."""
    for sound in run.new_sounds:
        if not sound.text.startswith(("You are paged", "Not acknowledged")) and "escalated to" not in sound.text:
            continue
        lives = _about(run, number_in(sound.text), sound)
        ended = [life for life in lives if not any(one.fires for one in life.between(sound.at - A_WHILE, sound.at))]
        if lives and len(ended) == len(lives):
            yield f"{_line(sound)}: {_names(lives)} ended"


# What stands.


@when_settled
def what_fires_is_shown(run: Run) -> Iterator[str]:
    """What fires and is not held back stands in a channel it may belong to, or in the fallback where that refused."""
    for life, now in _firing(run):
        begun = life.begun_at(run.now)
        places = _places(run, life, begun)
        if (
            life.is_free_throughout(begun, run.now)
            and begun + NEWS_SOON < run.now
            and not run.open_with(life.name, places)
        ):
            yield f"{life.name} ({now.severity}, for {run.now - begun}) is in none of {sorted(places)}"


@when_settled
def what_was_shown_stays_shown(run: Run) -> Iterator[str]:
    """What was told and fires still stands somewhere, whatever holds it back."""
    for life, _ in _firing(run):
        begun = life.begun_at(run.now)
        told = [
            message
            for place in CHANNELS
            for message in run.reader.standing(place)
            if any(said.is_open and life.name in said.names and said.at > begun for said in message.versions)
        ]
        if told and not run.open_with(life.name):
            yield f"{life.name} was told in {told[-1]} and stands nowhere"


@when_settled
def it_is_where_it_belongs(run: Run) -> Iterator[str]:
    """What fires and is not held back stands in every channel of its owner."""
    for life, now in _firing(run):
        if now.owner is None or not _is_settled_home(run, life, now):
            continue
        for channel in (*now.owner.channels, *_copied(run, life)):
            if not run.open_with(life.name, (channel,)):
                yield f"{life.name} ({now.severity}) belongs to {now.owner.name} and is not in {channel}"


@when_settled
def it_is_nowhere_else(run: Run) -> Iterator[str]:
    """What went elsewhere does not stand where it was."""
    for life, now in _firing(run):
        if now.owner is None or not _is_settled_home(run, life, now):
            continue
        if len({run.model.book.group(one) for one in life.firing.values()}) > 1:
            continue
        allowed = {*now.owner.channels, "#copy"} | ({"#fallback"} if run.refused else set())
        yield from (
            f"{life.name} ({now.severity}) belongs to {now.owner.name} and stands in {message}"
            for message in run.open_with(life.name)
            if message.place not in allowed
        )


@when_settled
def it_stands_once(run: Run) -> Iterator[str]:
    """No channel shows one alert in two open messages."""
    for life, now in _firing(run):
        if now.is_sibling:
            continue
        for channel in CHANNELS:
            found = run.open_with(life.name, (channel,))
            if len(found) > 1:
                yield f"{life.name} stands {len(found)} times in {channel}: {_texts(found)}"


@when_settled
def an_incident_is_one_message(run: Run) -> Iterator[str]:
    """One incident has one message in a channel."""
    for channel in CHANNELS:
        seen: dict[int, Standing] = {}
        for message in run.reader.standing(channel):
            before = seen.get(message.number) if message.number else None
            begun = message.versions[0].at
            stood = [] if before is None else [before.at(begun - JUST_NOW), before.at(begun + JUST_NOW)]
            if stood and stood[0] is not None and not any(said is not None and said.is_moved for said in stood):
                yield f"#{message.number} twice in {channel}: {seen[message.number]} and {message}"
            seen[message.number] = message


@when_settled
def what_is_open_fires(run: Run) -> Iterator[str]:
    """Everything told firing is told its end: no open message names what has ended."""
    for channel in CHANNELS:
        for message in run.reader.standing(channel):
            if not message.now.is_open:
                continue
            ended = [name for name in message.now.names if not run.model.life(name).firing]
            if ended:
                yield f"{message}: {ended} ended"


@when_settled
def a_direct_message_that_is_open_fires(run: Run) -> Iterator[str]:
    """A direct message that says You are paged speaks of what fires."""
    for person in PEOPLE:
        for message in run.reader.standing(person):
            lives = _lives_of(run, message.number)
            if _is_kept_true(message) and message.now.is_open and not any(life.firing for life in lives):
                yield f"{message}: {_names(lives)} ended"


@when_settled
def resolved_is_over(run: Run) -> Iterator[str]:
    """Nobody reads Resolved as the last word while an alert of it, or a sibling, fires."""
    for place in (*CHANNELS, *PEOPLE):
        for message in run.reader.standing(place):
            last = message.last_open()
            if not message.now.is_resolved or last is None:
                continue
            lives = [run.model.life(name) for name in last.names] or _lives_of(run, message.number)
            for life in lives:
                if not life.fires_throughout(message.now.at - MINUTE, run.now):
                    continue
                is_sibling = life.name in SIBLINGS and life.at(message.now.at).rank >= last.rank
                if is_sibling or not _goes_on(run, life, message.number):
                    yield f"{message}: {life.name} fires"


@when_settled
def the_paged_know_where_it_goes_on(run: Run) -> Iterator[str]:
    """Who was paged for what fires still has an open direct message about it, or reads where it went."""
    for person in PEOPLE:
        messages = run.reader.standing(person)
        said = "\n".join(message.view.said for message in messages)
        for number in dict.fromkeys(message.number for message in messages if message.number):
            mine = [message for message in messages if message.number == number]
            if any(message.now.is_open for message in mine):
                continue
            begun_at = min(message.versions[0].at for message in mine)
            for life, named_at in _ever_of(run, number, begun_at):
                if not life.fires_throughout(named_at, run.now):
                    continue
                numbers = {message.number for message in run.open_with(life.name)}
                if numbers and not any(re.search(rf"#{found}\b", said) for found in numbers):
                    yield f"{person} was paged of {life.name} with #{number}, which is over; it goes on as {numbers}"


@when_settled
def it_says_how_bad_it_is(run: Run) -> Iterator[str]:
    """A message says the severity of the worst alert that it stands for."""
    if any(route.sets for book in run.books for route in BOOKS[book].routes):
        return
    for channel in CHANNELS:
        for message in run.reader.standing(channel):
            lives = [run.model.life(name) for name in message.now.names]
            moments = [life.at(run.now) for life in lives]
            if not message.now.is_open or any(moment.is_sibling or not moment.fires for moment in moments):
                continue
            if any(
                life.name in SIBLINGS and moment.held != {False} for life, moment in zip(lives, moments, strict=True)
            ):
                continue  # the worse one may be news, which is held
            if moments and message.now.rank != (worst := max(moment.rank for moment in moments)):
                yield f"{message}: {_names(lives)}, of which the worst is {next(w for w, r in RANK.items() if r == worst)}"


@when_settled
def a_rise_is_heard(run: Run) -> Iterator[str]:
    """What begins, or gets worse than what stands, is heard where it belongs."""
    for life, moment in _rises(run):
        places = _places(run, life, moment.at)
        heard = [sound for sound in run.sounds if sound.conversation in places and sound.at >= moment.at]
        if not any(says_severity(sound.text, moment.severity) for sound in heard):
            yield f"{life.name} became {moment.severity} at {moment.at:%H:%M:%S}, and nobody in {sorted(places)} heard of it"


@when_settled
def a_rise_pages(run: Run) -> Iterator[str]:
    """What begins, or gets worse than what stands, pages whoever its route pages: the one that it belongs to, which after a
    reload may be another than the rules name."""
    for life, moment in _rises(run):
        owner = moment.owner
        if owner is None or not owner.page or not moment.is_exact:
            continue
        if any(not one.pages or one.owner != owner for one in life.between(moment.at, moment.at + NEWS_SOON)):
            continue
        heard = [sound for sound in run.sounds if sound.conversation == owner.page and sound.at >= moment.at]
        if not any(says_severity(sound.text, moment.severity) for sound in heard):
            yield f"{life.name} became {moment.severity} at {moment.at:%H:%M:%S}, and {owner.page} was not paged"


@when_settled
def who_is_next_is_paged(run: Run) -> Iterator[str]:
    """What goes on, held back by nothing and acknowledged by nobody, reaches the second step of its policy."""
    if not run.model.book.escalates or len(run.books) > 1 or NEXT in run.refused:
        return
    for life, now in _firing(run):
        begun, owner = life.begun_at(run.now), now.owner
        if owner is None or run.now - max(begun, run.foul_until) < NEXT_SOON:
            continue
        moments = life.between(begun, run.now)
        if not life.is_free_throughout(begun, run.now) or any(not one.pages or one.owner != owner for one in moments):
            continue
        numbers = {message.number for message in run.open_with(life.name)}
        heard = {number_in(sound.text) for sound in run.sounds if sound.conversation == NEXT}
        if numbers and not numbers & heard:
            yield f"{life.name} fires since {begun:%H:%M:%S} as {numbers}, and {NEXT} was not paged"


@when_settled
def whatever_is_shown_was_said(run: Run) -> Iterator[str]:
    """What stands in a message was named by its first word or by a line: nobody has to find it in an edit."""
    for life, _ in _firing(run):
        begun = life.begun_at(run.now, gaps=A_WHILE)
        if run.now - begun < LINES or not life.is_free_throughout(begun, run.now):
            continue
        firsts, lines = set[str](), set[str]()
        for channel in CHANNELS:
            for message in run.reader.standing(channel):
                if message.versions[0].at >= begun:
                    firsts |= message.versions[0].names
                for reply in message.view.replies:
                    if reply.versions[0].at >= begun:
                        lines |= run.reader.named(reply.said)
        if run.open_with(life.name) and life.name not in firsts | lines:
            yield f"{life.name} is in {_texts(run.open_with(life.name))}, and no word ever named it"


@when_settled
def what_was_always_held_is_not_told(run: Run) -> Iterator[str]:
    """What was held back ever since it fires is told nobody."""
    for life, _ in _firing(run):
        begun = life.begun_at(run.now, gaps=UNSEEN)
        if life.is_held_throughout(begun, run.now) and (found := run.open_with(life.name)):
            yield f"{life.name} is held since it began, at {begun:%H:%M:%S}, and stands in {_texts(found)}"


@when_settled
def a_group_that_always_fires_is_told(run: Run) -> Iterator[str]:
    """Something of it fires all the time, nothing for long: it is told all the same."""
    begun = max(run.settled_at, run.foul_until)  # what is over before anything can be posted is not posted
    for life in run.model.lives.values():
        fired = sum(
            (after.at - before.at).total_seconds()
            for before, after in pairwise(life.between(begun, run.now))
            if before.fires and before.held == {False}
        )
        starts = sum(not before.fires and after.fires for before, after in pairwise(life.between(begun, run.now)))
        if (
            starts > 5
            and fired > 120
            and not any(
                life.name in said.names and said.at >= begun
                for channel in CHANNELS
                for message in run.reader.standing(channel)
                for said in message.versions
            )
        ):
            yield f"{life.name} fired {starts} times for {fired:.0f} s in all, and nobody was told"


@when_settled
def ends_and_returns_take_turns(run: Run) -> Iterator[str]:
    """An end is told once; what ends again has come back in between."""
    for channel in CHANNELS:
        for message in run.reader.standing(channel):
            turns = [
                turn
                for reply in message.view.replies
                for turn in re.findall(r"(?<!\d )resolved after|reopened: firing", reply.text)
            ]
            if any(before[:8] == after[:8] for before, after in pairwise(turns)):
                yield f"{message}: {turns}"


@when_settled
def nothing_is_posted_twice(run: Run) -> Iterator[str]:
    """No post stands twice, and no call is refused for pace."""
    yield from run.site.slack.duplicates()
    is_killed = any(
        isinstance(step, Kill) for step in run.script.steps
    )  # what Slack had said of its pace is lost with it
    if run.site.slack.refused_for_pace and not is_killed:
        yield f"{run.site.slack.refused_for_pace} calls were refused for pace"


# What they ask.


def _firing(run: Run) -> list[tuple[Life, Moment]]:
    return [(life, life.at(run.now)) for life in run.model.lives.values() if life.firing]


def _places(run: Run, life: Life, since: datetime) -> set[str]:
    """Channels where it may have been told since then."""
    moments = life.between(since, run.now)
    places = {channel for moment in moments for route in moment.homes for channel in route.channels}
    return places | ({"#fallback"} if places & run.refused else set())


def _copied(run: Run, life: Life) -> tuple[str, ...]:
    team = run.model.book.copy_of_team
    is_old = len(run.books) > 1
    return ("#copy",) if team and not is_old and all(one.labels["team"] == team for one in life.firing.values()) else ()


def _is_settled_home(run: Run, life: Life, now: Moment) -> bool:
    begun = life.begun_at(run.now)
    for moment in life.moments:
        if begun <= moment.at and moment.homes == now.homes:
            begun = moment.at
            break
    return (
        now.is_exact
        and not now.is_sibling
        and life.is_free_throughout(max(begun, run.now - 3 * MINUTE), run.now)
        and begun + NEWS_SOON < run.now
    )


def _about(run: Run, number: int, sound: Sound) -> list[Life]:
    """The conditions that incident speaks of when it rings."""
    names: set[str] = set()
    for channel in CHANNELS:
        for message in run.reader.standing(channel):
            if message.number == number:
                open_before = [said for said in message.versions if said.is_open and said.at <= sound.at + JUST_NOW]
                names |= open_before[-1].names if open_before else frozenset()
    if run.refused:  # what stands in a channel that refuses does not name yet what joined meanwhile
        book = run.model.book
        groups = {book.group(one) for name in names for one in run.model.life(name).firing.values()}
        lives = run.model.lives.items()
        names |= {name for name, life in lives if groups & {book.group(one) for one in life.firing.values()}}
    return [run.model.life(name) for name in sorted(names)]


def _was_refused(run: Run, sound: Sound) -> bool:
    """It is told in the fallback channel what stands for long in one that refuses."""
    if sound.why != "post" or sound.conversation != "#fallback":
        return False
    stands = [message for place in run.refused & {*CHANNELS} for message in _of(run, number_in(sound.text), place)]
    return any(message.versions[0].at < sound.at - A_WHILE for message in stands)


def _lives_of(run: Run, number: int) -> list[Life]:
    """The conditions that incident spoke of last, while it was open."""
    names: set[str] = set()
    for channel in CHANNELS:
        for message in run.reader.standing(channel):
            last = message.last_open()
            if message.number == number and last is not None:
                names |= last.names
    return [run.model.life(name) for name in sorted(names)]


def _ever_of(run: Run, number: int, since: datetime) -> list[tuple[Life, datetime]]:
    """The conditions that incident spoke of at any time since then, and when it did last."""
    named = {
        name: said.at
        for channel in CHANNELS
        for message in run.reader.standing(channel)
        if message.number == number
        for said in message.versions
        if said.is_open and said.at >= since - MINUTE
        for name in said.names
    }
    return [(run.model.life(name), at) for name, at in sorted(named.items())]


def _of(run: Run, number: int, conversation: str) -> list[Standing]:
    return [message for message in run.reader.standing(conversation) if message.number == number and message.now.text]


def _goes_on(run: Run, life: Life, number: int) -> bool:
    """It stands open with another number."""
    return any(message.number != number for message in run.open_with(life.name))


def _rises(run: Run) -> Iterator[tuple[Life, Moment]]:
    """Beginnings and rises since it last settled that somebody has to hear of."""
    for life in run.model.lives.values():
        for before, moment in pairwise(life.between(run.settled_at, run.now)):
            if moment.rank <= before.rank:
                continue
            until = max(moment.at, run.foul_until) + NEWS_SOON  # what is over before it can be told is not
            following = life.between(moment.at, until)
            if until > run.now or any(one.rank < moment.rank or one.held != {False} for one in following):
                continue
            if not life.is_free_throughout(moment.at - A_WHILE, moment.at) and before.fires:
                continue
            if not _stood_as_bad(run, life, moment):
                yield life, moment


def _stood_as_bad(run: Run, life: Life, moment: Moment) -> bool:
    """The incident that came to name it said before, somewhere, that it is as bad; or may have, in bad weather."""
    if any(route.sets for book in run.books for route in BOOKS[book].routes):
        return True
    standing = [message for place in (*CHANNELS, *PEOPLE) for message in run.reader.standing(place)]
    numbers = {
        message.number
        for message in standing
        if any(life.name in said.names and said.at >= moment.at for said in message.versions)
    }
    for message in standing:
        if message.number not in numbers:
            continue
        before = [said for said in message.versions if said.at < moment.at]
        if before and before[-1].rank >= moment.rank:
            return True
        if run.foul_until >= run.settled_at and any(said.rank >= moment.rank for said in before):
            return True
    return False


def _rank(run: Run, number: int) -> int:
    """How bad that incident was said to be, at last."""
    standing = [message for channel in CHANNELS for message in run.reader.standing(channel)]
    lasts = [message.last_open() for message in standing if message.number == number]
    return max((said.rank for said in lasts if said is not None), default=-1)


def _is_end(sound: Sound) -> bool:
    """Its last word is that it is over."""
    if "reopened" in sound.text:
        return False
    return sound.text.startswith(("Resolved", "Over")) or bool(
        re.search(r"#\d+ .*: .*(resolved after|over)", sound.text)
    )


def _line(sound: Sound) -> str:
    return f"{sound.at:%H:%M:%S} {sound.conversation} {sound.why}: {sound.text}"


def _names(lives: Sequence[Life]) -> list[str]:
    return [f"{life.name} ({worst.severity if (worst := life.worst) else 'ended'})" for life in lives]


def _texts(messages: Sequence[Standing]) -> list[str]:
    return [f"{message.place} {message.now.text}" for message in messages]


class Checks:
    """Those that are switched on. Raises at the first that is broken; each is an error of its own kind."""

    def __init__(self, *, without: Collection[str] = (), only: Collection[str] = ()) -> None:
        self._sounds, self._standing = (
            [check for check in checks if check.name not in without and (not only or check.name in only)]
            for checks in (SOUNDS, STANDING)
        )

    def sounds(self, run: Run) -> None:
        _look(self._sounds, run)

    def standing(self, run: Run) -> None:
        _look(self._standing, run)


def _look(checks: Sequence[Check], run: Run) -> None:
    for check in checks:
        if broken := check.broken(run):
            raise _kind(check.name)(f"{check.name}: {check.sentence}\n  " + "\n  ".join(broken))


_KINDS: dict[str, type[Broken]] = {}


def _kind(name: str) -> type[Broken]:
    """An error of its own for each promise, so that a search for failures tells them apart."""
    return _KINDS.setdefault(name, type(f"Broken_{name}", (Broken,), {}))
