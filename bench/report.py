"""Medians of the rounds as a table, beside what the design holds them to."""

import os
import platform
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import msgspec

from bench.clicks import Clicks
from bench.corners import FIRST_WORDS, LARGE, SMALL, BigGroup, Storm
from bench.measure import Latency, Look, Sizes
from bench.rules import ROUTES


class Row(msgspec.Struct, frozen=True):
    """One line: a number of both, and what their ratio is held to."""

    what: str
    of: Callable[[Look], float]
    target: str
    holds: Callable[[float], bool]
    shown: str = "{:,.0f}"


ROWS = (
    Row("re-sent alerts/s, batches of 100", lambda look: look.resent_per_second, "≥ 5 ×", lambda ratio: ratio >= 5),
    Row("re-sent single-alert requests/s", lambda look: look.singles_per_second, "≥ 0.8 ×", lambda ratio: ratio >= 0.8),
    Row(
        "new alerts/s, batches of 100 (ours durable)",
        lambda look: look.new_per_second,
        "≥ 0.8 ×",
        lambda ratio: ratio >= 0.8,
    ),
    Row("memory per active alert, bytes", lambda look: look.bytes_per_alert, "≤ 0.2 ×", lambda ratio: ratio <= 0.2),
)


def verdict(holds: bool) -> str:
    return "yes" if holds else "**no**"


def table(
    ours: Sequence[Look],
    theirs: Sequence[Look],
    latencies: Sequence[Latency],
    sizes: Sizes,
    checks: Sequence[float],
) -> str:
    lines = ["| what | alert-router | Alertmanager | ratio | target | holds |", "|---|---:|---:|---:|---|---|"]
    for row in ROWS:
        mine = median(map(row.of, ours)) if ours else None
        other = median(map(row.of, theirs)) if theirs else None
        cells = [row.shown.format(value) if value is not None else "–" for value in (mine, other)]
        ratio = mine / other if mine is not None and other else None
        cells += [f"{ratio:.2f}" if ratio is not None else "–", row.target]
        cells += [verdict(row.holds(ratio)) if ratio is not None else "–"]
        lines.append(f"| {row.what} | {' | '.join(cells)} |")
    if latencies:
        p50, p99 = (median(getattr(each, name) for each in latencies) for name in ("p50_ms", "p99_ms"))
        told, sent = sum(each.told for each in latencies), sum(each.sent for each in latencies)
        good = p50 <= 8 and p99 <= 30 and told == sent
        lines.append(
            f"| accepted → Slack call at {sizes.per_second:.0f} alerts/s ({told} of {sent} told) "
            f"| p50 {p50:.1f} ms, p99 {p99:.1f} ms | – | – | p50 ≤ 8 ms, p99 ≤ 30 ms | {verdict(good)} |"
        )
    kept = [min((look.kept for look in looks), default=None) for looks in (ours, theirs)]
    start = [median(look.restart_seconds for look in looks) if looks else None for looks in (ours, theirs)]
    cells = [
        f"{s:.2f} s, {k:,} kept" if s is not None and k is not None else "–" for s, k in zip(start, kept, strict=True)
    ]
    good = start[0] is not None and start[0] <= 2 and kept[0] == sizes.active
    lines.append(
        f"| ready after kill -9 with {sizes.active:,} active | {' | '.join(cells)} | – | ≤ 2 s, none lost "
        f"| {verdict(good) if ours else '–'} |"
    )
    if checks:
        took = median(checks)
        lines.append(f"| `check` of {ROUTES:,} routes | {took:.2f} s | – | – | < 3 s | {verdict(took < 3)} |")
    return "\n".join(lines)


def corners(
    storm: Storm,
    group: BigGroup,
    click: Clicks,
    behind: Latency | None,
    latencies: Sequence[Latency],
    incidents: int,
) -> str:
    """The rows of ours alone, in the same columns."""
    lines = [
        (
            f"| a single alert's 2xx during {FIRST_WORDS:,} first words ({storm.posted:,} posted by then) "
            f"| p95 {storm.p95_s * 1000:.0f} ms, worst {storm.worst_s * 1000:.0f} ms | – | – | p95 ≤ 0.5 s, worst ≤ 2 s "
            f"| {verdict(storm.p95_s <= 0.5 and storm.worst_s <= 2)} |"
        ),
        (
            f"| one evaluation in a group of {LARGE:,} against one of {SMALL} | {group.large_ms:.2f} ms, {group.small_ms:.2f} ms "
            f"| – | {group.large_ms / group.small_ms:.2f} | ≤ 2 × | {verdict(group.large_ms <= 2 * group.small_ms)} |"
        ),
    ]
    lines.append(
        f"| a click's answer at {click.alerts_per_second:,.0f} alerts/s ({click.done} acknowledged in the end) "
        f"| p50 {click.p50_ms:.1f} ms, p99 {click.p99_ms:.1f} ms | – | – | p99 ≤ 100 ms | {verdict(click.p99_ms <= 100)} |"
    )
    if behind is not None:
        good = behind.told == behind.sent and behind.p50_ms <= 8 and behind.p99_ms <= 30
        fresh = median(each.p50_ms for each in latencies)
        lines.append(
            f"| the same with {incidents:,} resolved incidents behind it | p50 {behind.p50_ms:.1f} ms, p99 {behind.p99_ms:.1f} ms "
            f"| – | {behind.p50_ms / fresh:.2f} of without | p50 ≤ 8 ms, p99 ≤ 30 ms | {verdict(good)} |"
        )
    return "\n".join(lines)


def spread(looks: Sequence[Look], name: str) -> str:
    """Each round's numbers, so that a reader sees how far they lie apart."""
    rows = [f"{row.what}: {', '.join(row.shown.format(row.of(look)) for look in looks)}" for row in ROWS]
    return f"{name}, by round: " + "; ".join(rows)


def machine() -> str:
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} × {model}, {memory:.0f} GiB, Python {platform.python_version()}, {alertmanager_version()}"


def alertmanager_version() -> str:
    try:
        run = subprocess.run(["prometheus-alertmanager", "--version"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "no Alertmanager"
    return " ".join((run.stdout or run.stderr).split()[:3]).replace(",", "")
