"""Which hours of a day the layers of a schedule cover: gaps between them, and hours that two of them want.

By what the hours say alone, so it needs no instant; that somebody has the turn in them is `oncall.gaps`' to find.
"""

from collections.abc import Iterable, Iterator
from itertools import combinations

from rules.model.oncall import Layer
from rules.model.window import Span

_MINUTES = 1440


def uncovered(layers: Iterable[Layer]) -> list[Span]:
    """Hours of the day that no layer covers."""
    return _spans(set(range(_MINUTES)).difference(*map(_minutes, layers)))


def hidden(layers: tuple[Layer, ...]) -> Iterator[Layer]:
    """Layers whose every hour belongs to those above them."""
    above: set[int] = set()
    for layer in layers:
        minutes = _minutes(layer)
        if minutes <= above:
            yield layer
        above |= minutes


def overlaps(layers: tuple[Layer, ...]) -> Iterator[tuple[Layer, Layer, list[Span]]]:
    """Two layers that name the same hours, the one that wins first. One without hours is for what the others leave."""
    for first, second in combinations([layer for layer in layers if layer.hours is not None], 2):
        if both := _spans(_minutes(first) & _minutes(second)):
            yield first, second, both


def _minutes(layer: Layer) -> set[int]:
    if layer.hours is None:
        return set(range(_MINUTES))
    spans = [span for pattern in layer.hours.any_of for span in pattern.hours]
    return {
        minute % _MINUTES
        for span in spans
        for minute in range(span.start, span.end + (_MINUTES if span.crosses_midnight else 0))
    }


def _spans(minutes: set[int]) -> list[Span]:
    """As few spans as say the same; one that goes on at midnight crosses it."""
    if len(minutes) == _MINUTES:
        return [Span(0, _MINUTES)]
    found = []
    for start in sorted(minute for minute in minutes if (minute - 1) % _MINUTES not in minutes):
        end = start
        while end % _MINUTES in minutes:
            end += 1
        found.append(Span(start, end if end <= _MINUTES else end - _MINUTES))
    return found
