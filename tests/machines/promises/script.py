"""What can happen, as values that print as they are written: a failure's script is pasted into a story as it stands."""

from collections.abc import Collection
from dataclasses import dataclass
from random import Random  # noqa: TID251  (a script is drawn from a seed that is printed)

from tests.machines.promises.rulebook import BOOKS
from tests.machines.promises.site import Condition, event, prometheus

CAST: dict[str, Condition] = {
    "alfa": event("Disk", "alfa", "low", kind="disk", team="a", cluster="eu"),
    "bravo": event("Disk", "bravo", "low", kind="disk", team="b", cluster="eu"),
    "delta": event("Disk", "delta", "low", kind="disk", team="a", cluster="us"),
    "kilo": event("Net", "kilo", "low", kind="net", team="b", cluster="eu"),
    "lima": event("Net", "lima", "low", kind="net", team="c", cluster="us"),
    "oscar": event("Down", "oscar", "low", kind="down", team="c", cluster="eu"),
}
"""Of a sender that names them by a key: they may change while they fire. A name stands in every message about it."""
SIBLINGS: dict[str, Condition] = {
    "tango": prometheus("Latency", "tango", "low", kind="latency", team="a", cluster="eu"),
    "victor": prometheus("Latency", "victor", "low", kind="latency", team="b", cluster="us"),
}
"""Of Prometheus rules of one name and several severities: each severity is an alert."""
SEVERITIES = ("low", "high", "critical")


class Step:
    """One of the below."""

    """What has to be switched on for it."""


@dataclass(frozen=True)
class Fire(Step):
    """It begins, or goes on with this severity."""

    who: str
    severity: str


@dataclass(frozen=True)
class Label(Step):
    """A label of it changes; if it fires, its sender says so."""

    who: str
    label: str
    value: str


@dataclass(frozen=True)
class End(Step):
    who: str


@dataclass(frozen=True)
class Sibling(Step):
    """The rule of this severity begins to fire, or ends."""

    who: str
    severity: str
    fires: bool


@dataclass(frozen=True)
class Flap(Step):
    """It fires for so many seconds at a time, nearly without a pause, for four minutes."""

    who: str
    seconds: int


@dataclass(frozen=True)
class Wait(Step):
    seconds: int


@dataclass(frozen=True)
class Settle(Step):
    """Slack is well, nothing happens, for as long as it takes; then everything has to be true."""


@dataclass(frozen=True)
class Reload(Step):
    book: str


@dataclass(frozen=True)
class Silence(Step):
    """Somebody silences what has this label, for so many minutes from then on; one of this name becomes this."""

    name: str
    label: str
    value: str
    minutes: int
    begins_in: int
    """Minutes."""


@dataclass(frozen=True)
class Unsilence(Step):
    """It ends now, if there is one."""

    name: str


@dataclass(frozen=True)
class Restart(Step):
    away: int
    """Seconds."""


@dataclass(frozen=True)
class Calm(Step):
    """Everything settles; then comes something that is no news to anybody: nobody hears of it."""

    step: "Step"


@dataclass(frozen=True)
class Resend(Step):
    """Every sender says again what fires."""


@dataclass(frozen=True)
class Kill(Step):
    """The process is killed in its next call, before or after that reached Slack."""

    when: str


@dataclass(frozen=True)
class SetClock(Step):
    """Seconds; more than five are noticed, up to ten seconds later."""

    seconds: int
    noticed_after: int


@dataclass(frozen=True)
class Limited(Step):
    """Posts are refused for pace, for so many seconds."""

    seconds: int


@dataclass(frozen=True)
class Unknown(Step):
    """The next so many posts happen, and nobody learns of it."""

    times: int


@dataclass(frozen=True)
class Outage(Step):
    """Slack cannot be reached for so many seconds."""

    seconds: int


@dataclass(frozen=True)
class Foul(Step):
    """Bad weather until it settles."""

    seed: int


@dataclass(frozen=True)
class Refused(Step):
    """A channel refuses us for so many seconds."""

    channel: str
    seconds: int


@dataclass(frozen=True)
class DirectRefused(Step):
    """One edit of a direct message is refused."""

    who: str


FEATURES = (
    "labels", "siblings", "flaps", "silences", "reloads", "restarts", "clock", "kills", "limits", "unknown", "outages",
    "foul", "refusals",
)  # fmt: skip
"""What may happen beside beginnings, rises, falls and ends; each can be switched off."""
_OF_A_CAST = {"labels", "siblings", "flaps"}


@dataclass(frozen=True)
class Script:
    """A rules file to begin with, and what happens then."""

    book: str
    steps: tuple[Step, ...]


def script(
    seed: str, *, without: Collection[str] = (), always: Collection[str] = (), books: Collection[str] = tuple(BOOKS)
) -> Script:
    """The same one for the same seed: a few conditions, a few kinds of trouble, much that changes."""
    if unknown := {*without, *always} - set(FEATURES):
        raise ValueError(f"{unknown} can not be switched off")
    random = Random(seed)  # noqa: S311  (no secret)
    return _Author(random, set(without), set(always), sorted(books)).script()


class _Author:
    """Knows what fires, so that what it writes means something."""

    def __init__(self, random: Random, without: set[str], always: set[str], books: list[str]) -> None:
        self._random = random
        self._book = random.choice(books)
        self._books = books
        self._cast = random.sample(sorted(CAST), random.randint(1, 4))
        trouble = sorted(set(FEATURES) - without - _OF_A_CAST)
        self._trouble = sorted(
            {*random.sample(trouble, min(len(trouble), random.randint(0, 2))), *(always & set(trouble))}
        )
        self._labels = "labels" not in without
        self._siblings = ("siblings" in always or random.random() < 0.4) and "siblings" not in without
        self._flaps = ("flaps" in always or random.random() < 0.1) and "flaps" not in without
        self._firing: dict[str, str] = {}
        self._steps: list[Step] = []

    def script(self) -> Script:
        random = self._random
        for _ in range(random.randint(3, 12)):
            turn = random.random()
            if turn < 0.25 and self._trouble:
                self._say(self._some_trouble(random.choice(self._trouble)))
                if random.random() < 0.7:
                    self._change()
            elif turn < 0.4:
                self._say(Calm(self._no_news()))
            else:
                self._change()
            if random.random() < 0.8:
                self._say(self._pause())
        return Script(self._book, tuple(self._steps))

    def _say(self, step: Step) -> None:
        self._steps.append(step)

    def _pause(self) -> Step:
        waits = (1, 4, 11, 25, 65, 65, 65, 400, 400, 1_300)
        return Settle() if self._random.random() < 0.3 else Wait(self._random.choice(waits))

    def _change(self) -> None:
        random = self._random
        if self._siblings and random.random() < 0.5:
            self._say(
                Sibling(random.choice(sorted(SIBLINGS)), random.choice(SEVERITIES[1:]), fires=random.random() < 0.6)
            )
            return
        who = random.choice(self._cast)
        before = self._firing.get(who)
        turn = random.random()
        if before is None:
            if self._flaps and turn < 0.5:
                self._say(Flap(who, random.choice((4, 9))))
            else:
                self._fire(who, random.choice(SEVERITIES))
        elif turn < 0.45:
            self._fire(who, random.choice([severity for severity in SEVERITIES if severity != before]))
        elif turn < 0.7 and self._labels:
            label, values = random.choice((("team", "abc"), ("cluster", ("eu", "us"))))
            self._say(Label(who, label, random.choice(values)))
        else:
            del self._firing[who]
            self._say(End(who))

    def _fire(self, who: str, severity: str) -> None:
        self._firing[who] = severity
        self._say(Fire(who, severity))

    def _no_news(self) -> Step:
        random = self._random
        kinds = [feature for feature in self._trouble if feature in {"reloads", "restarts", "clock"}]
        falling = [who for who, severity in self._firing.items() if severity != SEVERITIES[0]]
        if kinds and random.random() < 0.6:
            return self._some_trouble(random.choice(kinds))
        if falling and random.random() < 0.8:
            who = random.choice(falling)
            self._firing[who] = random.choice(SEVERITIES[: SEVERITIES.index(self._firing[who])])
            return Fire(who, self._firing[who])
        return Resend()

    def _some_trouble(self, feature: str) -> Step:
        random = self._random
        match feature:
            case "silences":
                name = random.choice("xy")
                if random.random() < 0.35:
                    return Unsilence(name)
                label, values = random.choice(
                    (("team", "abc"), ("cluster", ("eu", "us")), ("kind", ("disk", "net", "latency")))
                )
                begins_in = random.choice((0, 0, 0, 0, 5))
                return Silence(name, label, random.choice(values), random.choice((1, 5, 30, 90)), begins_in)
            case "reloads":
                return Reload(random.choice(self._books))
            case "restarts":
                return Restart(random.choice((0, 5, 90)))
            case "clock":
                return SetClock(random.choice((-3_600, -3_600, -120, -3, 3, 120, 3_600)), random.choice((0, 5, 10)))
            case "kills":
                return Kill(random.choice(("before", "after")))
            case "limits":
                return Limited(random.choice((30, 300)))
            case "unknown":
                return Unknown(random.choice((1, 2)))
            case "outages":
                return Outage(random.choice((20, 200)))
            case "foul":
                return Foul(random.randint(0, 1_000))
            case _:
                channels = sorted({channel for route in BOOKS[self._book].routes for channel in route.channels})
                people = sorted({route.page for route in BOOKS[self._book].routes if route.page})
                if people and random.random() < 0.3:
                    return DirectRefused(random.choice(people))
                return Refused(random.choice(channels), random.choice((60, 700)))
