"""Makes a script that breaks a promise short: fewer steps, shorter waits, a plainer rules file, the same promise."""

from collections.abc import Callable, Iterator
from functools import partial

from tests.machines.promises.checks import Checks
from tests.machines.promises.machine import play
from tests.machines.promises.rulebook import BOOKS
from tests.machines.promises.script import Calm, Restart, Script, Settle, Silence, Step, Wait
from tests.machines.promises.site import Broken

PLAYED = 200
"""So many shorter ones are tried at most: a red build does not take for ever."""


def broken_by(script: Script, checks: Checks) -> tuple[str, str] | None:
    """The promise that breaks, and how; None when all hold."""
    try:
        play(script, checks)
    except Broken as error:
        return type(error).__name__, str(error)
    return None


def shortened(script: Script, name: str, words: str, checks: Checks) -> tuple[Script, str]:
    """The shortest found that breaks the promise of that name, and how it does."""
    is_shorter, left = True, PLAYED
    while is_shorter and left > 0:
        is_shorter = False
        for change in (*_left_out(len(script.steps)), *_made_plain(len(script.steps)), *_books(script)):
            shorter = change(script)
            if shorter is None or shorter == script or left <= 0:
                continue
            left -= 1
            found = broken_by(shorter, checks)
            if found is not None and found[0] == name:
                script, words, is_shorter = shorter, found[1], True
    return script, words


Change = Callable[[Script], Script | None]
"""None where it does not apply (any more)."""


def _left_out(length: int) -> Iterator[Change]:
    """Without some steps, the last ones first: what was left out before does not move those that come yet."""
    for size in (8, 4, 2, 1):
        for begun in range(length - size, -1, -size):
            yield partial(_without, begun, begun + size)


def _without(begun: int, end: int, script: Script) -> Script | None:
    steps = script.steps
    return Script(script.book, steps[:begun] + steps[end:]) if begun < len(steps) else None


def _made_plain(length: int) -> Iterator[Change]:
    for index in range(length - 1, -1, -1):
        for number in range(4):
            yield partial(_with_plainer, index, number)


def _with_plainer(index: int, number: int, script: Script) -> Script | None:
    if index >= len(script.steps):
        return None
    plainer = list(_plainer(script.steps[index]))
    if number >= len(plainer):
        return None
    return Script(script.book, (*script.steps[:index], plainer[number], *script.steps[index + 1 :]))


def _books(script: Script) -> Iterator[Change]:
    books = list(BOOKS)
    for book in books[: books.index(script.book)]:
        yield partial(_under, book)


def _under(book: str, script: Script) -> Script | None:
    books = list(BOOKS)
    return Script(book, script.steps) if books.index(book) < books.index(script.book) else None


def _plainer(step: Step) -> Iterator[Step]:
    match step:
        case Calm(inner):
            yield inner
        case Settle():
            yield Wait(65)
        case Wait(seconds):
            yield from (Wait(less) for less in (1, 11, 65, 400) if less < seconds)
        case Silence(name, label, value, minutes, begins_in) if begins_in or minutes != 30:
            yield Silence(name, label, value, 30, 0)
        case Restart(away) if away:
            yield Restart(0)
        case _:
            return
