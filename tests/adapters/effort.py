"""How much work a call does, counted and not timed: the same on every machine.

Each call of a Python function counts one. Each call of a text's own method (split, replace, join…) counts the length of the
text, for it walks over it; what regular expressions and decoders walk over is not seen.
"""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def effort(work: Callable[[], object]) -> int:
    units = 0

    def counted(_: FrameType, event: str, called: Any) -> None:
        nonlocal units
        units += 1
        owner = getattr(called, "__self__", None) if event == "c_call" else None
        if isinstance(owner, str | bytes):
            units += len(owner)

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(before)
    return units
