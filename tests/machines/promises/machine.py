"""Plays a script on the product and on the model, and holds the one against the other."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from tests.machines.promises.model import Model, Silenced
from tests.machines.promises.rulebook import BOOKS, CHANNELS, RANK
from tests.machines.promises.script import (
    CAST,
    SIBLINGS,
    Calm,
    DirectRefused,
    End,
    Fire,
    Flap,
    Foul,
    Kill,
    Label,
    Limited,
    Outage,
    Refused,
    Reload,
    Resend,
    Restart,
    Script,
    SetClock,
    Settle,
    Sibling,
    Silence,
    Step,
    Unknown,
    Unsilence,
    Wait,
)
from tests.machines.promises.seen import Reader, Standing
from tests.machines.promises.site import Condition, Site
from tests.slackworld import Sound, moods

FAIR = timedelta(minutes=4)
"""How long it takes in fair weather until all is told: group_wait, a thread line, pace."""
AFTER_FOUL = timedelta(minutes=16)
"""And after bad weather, or a restart in the middle of a call."""
PEOPLE = ("bob", "chris")
INSTANT = timedelta(milliseconds=1)
"""No two things happen at once."""


class Watch(Protocol):
    """Whoever holds what people see and hear against what is so."""

    def sounds(self, run: "Run") -> None:
        """After every step."""

    def standing(self, run: "Run") -> None:
        """When everything has settled."""


class Run:
    """One script being played."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.model = Model(BOOKS[script.book])
        self.site = Site(
            BOOKS[script.book].yaml(),
            channels={channel: ["maria"] for channel in CHANNELS},
            fallback="#fallback",
            has_ticks=False,  # nothing expires here, and most of the time would go into looking for it
        )
        self.reader = Reader(self.site.slack, [*CAST, *SIBLINGS])
        self.described: dict[str, Condition] = dict(CAST)
        self.books = {script.book}
        self.foul_until = self.now - timedelta(days=1)
        """Bad weather, a kill or a restart, the last time."""
        self.refused: set[str] = set()
        """Channels that refused us at some time."""
        self.settled_at = self.now
        self.new_sounds: list[Sound] = []
        self.calm_sounds: tuple[Step, list[Sound]] | None = None
        """Of the last calm moment: what happened in it, and what rang."""
        self._unread = 0
        self._planned: list[tuple[datetime, Callable[[], None]]] = []
        """What happens by itself later: a channel comes back, a clock that was set is noticed."""

    @property
    def now(self) -> datetime:
        return self.site.clock.right()

    @property
    def sounds(self) -> Sequence[Sound]:
        return self.site.slack.sounds

    def play(self, checks: "Watch") -> None:
        try:
            for step in self.script.steps:
                self.take(step, checks)
            self.take(Settle(), checks)
            for name, life in self.model.lives.items():
                for variant in list(life.firing):
                    self._end(name, variant)
            self.take(Settle(), checks)
        finally:
            self.site.close()

    def take(self, step: Step, checks: "Watch") -> None:
        if isinstance(step, Calm):
            self._calm(step.step, checks)
        else:
            self._do(step)
        self._note()
        checks.sounds(self)
        if isinstance(step, Settle):
            checks.standing(self)
            self.settled_at = self.now

    def _note(self) -> None:
        self.model.note(self.now, self.site.clock.now())
        self.new_sounds = list(self.site.slack.sounds[self._unread :])
        self._unread = len(self.site.slack.sounds)

    def _pass(self, span: timedelta) -> None:
        """Stop wherever a window begins or ends, so that the model sees it too."""
        end = self.now + span
        while True:
            self.model.note(self.now, self.site.clock.now())
            left = end - self.now
            edge = self.model.next_boundary(self.site.clock.now()) - self.site.clock.now()
            part = min(left, edge, *(at - self.now for at, _ in self._planned))
            if part > timedelta(0):
                self.site.wait(seconds=part.total_seconds())
            self._carry_out_what_is_due()
            if left <= timedelta(0):
                return

    def _carry_out_what_is_due(self) -> None:
        due = [do for at, do in self._planned if at <= self.now]
        self._planned = [(at, do) for at, do in self._planned if at > self.now]
        for do in due:
            do()

    def _later(self, seconds: int, do: Callable[[], None]) -> None:
        self._is_foul(timedelta(seconds=seconds))
        self._planned.append((self.now + timedelta(seconds=seconds), do))

    def _do(self, step: Step) -> None:  # one line for each step
        site = self.site
        match step:
            case Fire(who, severity):
                self._fire(who, "", self.described[who].but(severity=severity))
            case Label(who, label, value):
                self.described[who] = self.described[who].but(**{label: value})
                life = self.model.life(who)
                if life.firing:
                    self._fire(who, "", life.firing[""].but(**{label: value}))
            case End(who):
                self._end(who, "")
            case Sibling(who, severity, fires):
                if fires:
                    self._fire(who, severity, SIBLINGS[who].but(severity=severity))
                else:
                    self._end(who, severity)
            case Flap(who, seconds):
                for _ in range(int(240 // (seconds + 1))):
                    self._fire(who, "", self.described[who])
                    self._note()
                    self._pass(timedelta(seconds=seconds))
                    self._end(who, "")
                    self._note()
                    self._pass(timedelta(seconds=1))
            case Wait(seconds):
                self._pass(timedelta(seconds=seconds))
            case Settle():
                self._settle()
            case Reload(book):
                self.model.reload(BOOKS[book])
                self.books.add(book)
                site.reload(BOOKS[book].yaml())
            case Silence(name, label, value, minutes, begins_in):
                self._pass(INSTANT)
                begins = site.clock.now() + timedelta(minutes=begins_in)
                ends = begins + timedelta(minutes=minutes)
                self.model.silences[name] = Silenced(label, value, begins, ends)
                self._note()
                site.silence(name, f"{label} = {value}", begins, ends)
            case Unsilence(name):
                self._pass(INSTANT)
                self.model.unsilence(name, site.clock.now())
                self._note()
                site.unsilence(name)
            case Restart(away):
                self._is_foul(timedelta(seconds=away))
                site.restart(seconds=away)
            case Resend():
                for one in self.model.firing():
                    site.fire(one)
            case Kill(when):
                self._is_foul(timedelta(0))
                site.kill_in_next_call(when)
            case SetClock(seconds, noticed_after):
                site.set_clock(seconds=seconds)
                if abs(seconds) > 5:
                    self._later(noticed_after, site.notice_clock)
            case _:
                self._weather(step)

    def _weather(self, step: Step) -> None:
        slack = self.site.slack
        match step:
            case Limited(seconds):
                limit = moods.ratelimit(seconds)
                slack.mood(limit, method="chat.postMessage")
                self._later(seconds, partial(slack.clear_mood, limit))  # nobody posted meanwhile
                self._is_foul(timedelta(seconds=2 * seconds))
            case Unknown(times):
                self._is_foul(timedelta(0))
                slack.mood(moods.RESET_AFTER, method="chat.postMessage", times=times)
            case Outage(seconds):
                slack.mood(moods.UNREACHABLE, times=None)
                self._later(seconds, slack.clear_moods)
            case Foul(seed):
                slack.weather(moods.foul(seed))
                self._is_foul(timedelta(0))
            case Refused(channel, seconds):
                self.refused.add(channel)
                slack.archive(channel)
                self._later(seconds, partial(slack.unarchive, channel))
            case DirectRefused(who):
                self.refused.add(who)
                slack.mood(moods.refuse("channel_not_found"), method="chat.update", channel=slack.direct(who).id)
                self._is_foul(timedelta(0))
            case _:
                raise AssertionError(step)

    def _is_foul(self, span: timedelta) -> None:
        self.foul_until = max(self.foul_until, self.now + span)

    def _settle(self) -> None:
        self.site.kill_in_next_call("")
        while self._planned:
            self._pass(max(at for at, _ in self._planned) - self.now)
        self.site.slack.clear_moods()
        self._pass(AFTER_FOUL if self.foul_until >= self.settled_at else FAIR)

    def _fire(self, who: str, variant: str, one: Condition) -> None:
        self._pass(INSTANT)
        self.model.fire(who, variant, one)
        if not variant:
            self.described[who] = one
        self.model.note(self.now, self.site.clock.now())
        self.site.fire(one)

    def _end(self, who: str, variant: str) -> None:
        one = self.model.life(who).firing.get(variant)
        if one is not None:
            self._pass(INSTANT)
            self.model.end(who, variant)
            self.model.note(self.now, self.site.clock.now())
            self.site.end(one)

    def _calm(self, step: Step, checks: "Watch") -> None:
        self.take(Settle(), checks)
        is_news = self._is_news(step)
        begun = len(self.sounds)
        before = self.model.book
        edge = self.model.next_boundary(self.site.clock.now())
        lives = self.model.lives.values()
        was_held = any(life.at(self.now).held != {False} for life in lives)  # a reload may release it at this instant
        self._do(step)
        self._pass(timedelta(minutes=3))
        was_held |= any(moment.held != {False} for life in lives for moment in life.between(self.settled_at, self.now))
        repeats = {before.repeat, self.model.book.repeat} != {"none"}
        repeats |= before.escalates or self.model.book.escalates
        # A window that opens is news of its own; so is one that a clock passes which is set.
        is_same_time = not isinstance(step, SetClock) and self.site.clock.now() < edge
        has_hours = any(route.page_only or route.quiet for route in before.routes) or bool(before.maintenance)
        has_hours |= bool(self.model.silences)
        is_same_time |= isinstance(step, SetClock) and not has_hours
        if not is_news and not was_held and not repeats and is_same_time:
            self.calm_sounds = step, list(self.sounds[begun:])

    def _is_news(self, step: Step) -> bool:
        if isinstance(step, Fire):
            worst = self.model.life(step.who).worst
            # A copy that came with a reload joins with an alert's next change.
            copies = self.model.book.copy_of_team and len(self.books) > 1
            joins = copies and not self.open_with(step.who, ("#copy",))
            return worst is None or RANK[step.severity] > RANK[worst.severity] or bool(joins)
        return False

    def open_with(self, name: str, places: Collection[str] = CHANNELS) -> list[Standing]:
        """Open messages of these channels that name a condition."""
        return [
            one for place in places for one in self.reader.standing(place) if one.now.is_open and name in one.now.names
        ]


def play(script: Script, watch: Watch) -> None:
    """Raises what `watch` finds broken."""
    Run(script).play(watch)
