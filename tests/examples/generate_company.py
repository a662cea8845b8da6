"""Writes what a company of forty teams would have generated: a file for each team, and the catalogue of its services.

    python -m tests.examples.generate_company        from the root of the tree

Nothing is left to chance: the same files every time. A test holds them equal to what stands in rules/examples/company.
"""

from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "rules" / "examples" / "company"
TEAMS = (
    *("accounts", "ads", "analytics", "api-gateway", "auth", "billing", "cart", "catalogue", "checkout", "ci"),
    *("content", "crm", "data-lake", "delivery", "devices", "discounts", "email", "exports", "fraud", "identity"),
    *("images", "inventory", "invoices", "kafka", "ledger", "legal", "loyalty", "maps", "mobile", "network"),
    *("orders", "payments", "postgres", "pricing", "recommendations", "reports", "returns", "search", "storage", "web"),
)  # fmt: skip
PARTS = ("api", "worker", "db", "cache", "cron", "frontend", "events", "admin")
PEOPLE = ("alice", "bob", "carol", "dana", "eli")
ZONES = ("Europe/Berlin", "Europe/London", "America/New_York", "Asia/Kolkata")


def files() -> Iterator[tuple[str, str]]:
    """Path below the folder, and text."""
    yield "services.yaml", _services()
    for number, team in enumerate(TEAMS):
        yield f"teams/{team}.yaml", _team(number, team)


def _services() -> str:
    lines = [
        "# Made by tests/examples/generate_company.py, as a script of yours would make it from your list of services."
    ]
    for number, team in enumerate(TEAMS):
        for place, part in enumerate(PARTS[: 7 + number % 2]):
            page = "none" if part in {"admin", "cron"} else f"{team}/primary"
            channel = f'["#{team}-alerts", "#data-stores"]' if part in {"db", "cache"} else f'"#{team}-alerts"'
            lines.append(f"{team}-{part}: {{channel: {channel}, page: {page}, x-tier: {1 + place % 3}}}")
    return "\n".join(lines) + "\n"


def _team(number: int, team: str) -> str:
    """Four kinds of teams: most pages, fewest sounds, around the clock in two places, and one with an escalation."""
    people = [PEOPLE[(number + place) % len(PEOPLE)] for place in range(3)]
    kind = number % 4
    zone = ZONES[number // 4 % len(ZONES)]
    lines = [
        "# Made by tests/examples/generate_company.py.",
        "version: 1",
        f"team: {team}",
        f'owner: {{channel: "#{team}"}}',
        f"scope: ['team = {team}']",
        f"timezone: {zone}",
        "routing:",
        f'  channel: "#{team}-alerts"',
        "  group_by: [alert.name, service, cluster]",
        "  routes:",
        "    - name: p1",
        "      match: ['alert.severity = critical']",
        f'      channel: ["#{team}-alerts", "#incidents-p1"]',
        f"      page: {'urgent' if kind == 3 else 'primary'}",
        "    - {name: p2, match: ['alert.severity = high'], page: "
        + ("primary}" if kind == 0 else "{policy: primary, only: [office]}}"),
        *(["    - {name: batch, match: ['service =~ \".+-cron\"'], quiet: [load]}"] if kind == 1 else []),
        *_windows(kind, zone),
        "people:",
        *(f"  {person}: {{email: {person}.{team}@example.com}}" for person in people),
        "oncall:",
        *_oncall(kind, people),
    ]
    if kind == 3:
        lines += ["escalation:", f"  urgent: {{steps: [{{oncall: primary}}, {{after: 10m, person: {people[2]}}}]}}"]
    return "\n".join(lines) + "\n"


def _windows(kind: int, zone: str) -> list[str]:
    """Where the main file's office is in another zone a team has its own."""
    office = ["  office: {days: [mon-fri], hours: 09:00-18:00}"] if kind != 0 and zone != ZONES[0] else []
    load = ["  load: {hours: 01:00-05:00}"] if kind == 1 else []
    return ["windows:", *office, *load] if office or load else []


def _oncall(kind: int, people: list[str]) -> list[str]:
    turns = "every: 1w, handoff: mon 10:00, starts: 2026-01-05"
    if kind != 2:
        return ["  primary:", f"    rotation: {{people: [{', '.join(people)}], {turns}}}"]
    return [
        "  primary:",
        "    layers:",
        f"      - {{name: nights, hours: 20:00-08:00, rotation: {{people: [{people[0]}], {turns}}}}}",
        f"      - {{name: days, rotation: {{people: [{', '.join(people[1:])}], {turns}}}}}",
    ]


def main() -> None:
    for path, text in files():
        (FOLDER / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
