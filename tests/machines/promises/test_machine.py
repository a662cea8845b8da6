"""Random histories, held against what the documents promise; `python -m tests.machines.promises` does it for hours.

The seed stands in the failure, and can be given: ALERT_ROUTER_SEED=123 pytest -s tests/machines/promises/test_machine.py
"""

import os
import time

from tests.machines.promises.checks import SOUNDS, STANDING, Checks
from tests.machines.promises.not_yet import BOOKS_NOT_YET, CHECKS_NOT_YET, FEATURES_NOT_YET
from tests.machines.promises.rulebook import BOOKS
from tests.machines.promises.script import FEATURES, script
from tests.machines.promises.shorten import broken_by, shortened

SEED = os.environ.get("ALERT_ROUTER_SEED", "1")
SECONDS = float(os.environ.get("ALERT_ROUTER_SECONDS", "60"))
"""Nothing is begun after that: how many histories that are depends on the machine, whether they hold does not."""
MOST = int(os.environ.get("ALERT_ROUTER_HISTORIES", "200"))
"""Nor more than these, so that a fast machine plays what was played before."""


def test_what_is_promised_holds() -> None:
    print(f"ALERT_ROUTER_SEED={SEED}")  # noqa: T201  (pytest shows it with a failure)
    checks = Checks(without=CHECKS_NOT_YET)
    until = time.monotonic() + SECONDS  # noqa: TID251
    played = 0
    while (time.monotonic() < until or played < 5) and played < MOST:  # noqa: TID251
        seed = f"{SEED}-{played}"
        one = script(seed, without=FEATURES_NOT_YET, books=set(BOOKS) - set(BOOKS_NOT_YET))
        found = broken_by(one, checks)
        if found is not None:
            shortest, words = shortened(one, *found, checks)
            raise AssertionError(f"seed {seed}, {words}\n{shortest!r}")
        played += 1


def test_what_is_not_yet_has_a_name() -> None:
    assert {check.name for check in (*SOUNDS, *STANDING)} >= set(CHECKS_NOT_YET)
    assert set(FEATURES) >= set(FEATURES_NOT_YET)
    assert set(BOOKS) >= set(BOOKS_NOT_YET)
