"""Random histories against what is promised, for as long as one likes: what breaks is made short and printed.

python -m tests.machines.promises --minutes 60 --seed 7
"""

import argparse
import logging
import sys
import time
from collections import Counter
from collections.abc import Sequence

from tests.machines.promises.checks import SOUNDS, STANDING, Checks
from tests.machines.promises.not_yet import BOOKS_NOT_YET, CHECKS_NOT_YET, FEATURES_NOT_YET
from tests.machines.promises.rulebook import BOOKS
from tests.machines.promises.script import FEATURES, Script, script
from tests.machines.promises.shorten import broken_by, shortened


def main(arguments: Sequence[str]) -> int:
    """The number of promises that broke."""
    asked = _read(arguments)
    names = {check.name for check in (*SOUNDS, *STANDING)}
    without = set() if asked.all else {*CHECKS_NOT_YET, *FEATURES_NOT_YET}
    without |= set(asked.without)
    if unknown := without - names - set(FEATURES):
        raise SystemExit(f"neither a check nor a feature: {sorted(unknown)}")
    books = set(asked.book) or set(BOOKS) - (set() if asked.all else set(BOOKS_NOT_YET))
    logging.disable(logging.CRITICAL)
    checks = Checks(without=without - set(FEATURES), only=asked.only)
    end = time.monotonic() + 60 * asked.minutes  # noqa: TID251  (a person's minutes)
    played, broken = 0, Counter[str]()
    shortest: dict[str, Script] = {}
    while time.monotonic() < end:  # noqa: TID251
        seed = f"{asked.seed}-{played}"
        one = script(seed, without=without & set(FEATURES), always=asked.always, books=books)
        played += 1
        if (found := broken_by(one, checks)) is None:
            continue
        name, words = found
        broken[name] += 1
        if name not in shortest:
            shortest[name], words = shortened(one, name, words, checks)
            print(f"\nseed {seed}, {words}\n{shortest[name]!r}", flush=True)  # noqa: T201
    print(f"\n{played} histories of seed {asked.seed}: {dict(broken) or 'all promises held'}")  # noqa: T201
    return min(len(broken), 100)


def _read(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.machines.promises", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--all", action="store_true", help="hold also what is known not to hold yet")
    parser.add_argument("--without", action="append", default=[], metavar="CHECK|FEATURE")
    parser.add_argument("--only", action="append", default=[], metavar="CHECK")
    parser.add_argument(
        "--book", action="append", default=[], metavar="NAME", help="begin with one of these rules files"
    )
    parser.add_argument("--always", action="append", default=[], metavar="FEATURE", help="in every script")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
