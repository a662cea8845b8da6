"""`make bench`: rounds of Alertmanager, alert-router, Alertmanager, alert-router …; prints a table of medians."""

import argparse
import shutil
import sys
import time

from bench.clicks import clicks
from bench.corners import big_group, history, storm
from bench.measure import Latency, Look, Sizes, latency, look_at_alertmanager, look_at_router
from bench.report import corners, machine, spread, table
from bench.rules import check_seconds, one_group


def main() -> None:
    wanted = argparse.ArgumentParser(prog="make bench ARGS='…'", description=__doc__)
    wanted.add_argument("--rounds", type=int, default=3)
    wanted.add_argument("--seconds", type=float, default=Sizes().seconds, help="of re-sending, each kind and round")
    wanted.add_argument("--only", choices=["alertmanager", "router"])
    wanted.add_argument("--new", type=int, default=Sizes().new)
    wanted.add_argument("--active", type=int, default=Sizes().active)
    wanted.add_argument(
        "--history", type=int, default=1_000_000, help="resolved incidents behind the last row; 0: no such row"
    )
    wanted.add_argument("--no-corners", action="store_true", help="only what Alertmanager does as well")
    said = wanted.parse_args()
    sizes = Sizes(new=said.new, active=said.active, seconds=said.seconds)
    if said.only != "router" and shutil.which("prometheus-alertmanager") is None:
        sys.exit("Debian package not installed: prometheus-alertmanager (or say --only router)")

    begun = time.perf_counter()
    theirs: list[Look] = []
    ours: list[Look] = []
    latencies: list[Latency] = []
    checks: list[float] = []
    for number in range(1, said.rounds + 1):
        if said.only != "router":
            print(f"round {number}: Alertmanager", file=sys.stderr)
            theirs.append(look_at_alertmanager(sizes))
        if said.only != "alertmanager":
            print(f"round {number}: alert-router", file=sys.stderr)
            ours.append(look_at_router(sizes))
            latencies.append(latency(sizes))
            checks.append(check_seconds())

    print(table(ours, theirs, latencies, sizes, checks))
    if said.only != "alertmanager" and not said.no_corners:
        print("corners: a storm, a large group, clicks, history", file=sys.stderr)
        behind = history(sizes, said.history) if said.history else None
        print(corners(storm(), big_group(one_group()), clicks(), behind, latencies, said.history))
    print()
    for name, looks in (("alert-router", ours), ("Alertmanager", theirs)):
        if looks:
            print(spread(looks, name))
    print(f"\n{machine()}; {said.rounds} rounds, medians, {time.perf_counter() - begun:.0f} s")


main()
