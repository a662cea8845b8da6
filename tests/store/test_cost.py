"""What a change costs, in instructions of the database's machine: the same in a group of a handful and in one of thousands."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from adapters.alert import Severity
from tests.machines.stage import START, Stage, alert

FEW, MANY = 10, 3_000
EACH = 50
"""Instructions from one call of the handler to the next."""
ROUTING = 'routing: {channel: "#db", group_by: [alertname], group_wait: 0s, repeat_interval: none}\n'
UPGRADE = (
    "maintenance: [{name: upgrade, match: ['instance != 0'], from: 2026-11-02T11:00Z, until: 2026-11-02T13:00Z}]\n"
)
DOWN = "inhibit: [{name: down, while: ['alertname = Down'], hold: ['instance != 0']}]\n"


def cost(rules: str, size: int, *, change: str) -> int:
    """Of one change from its request to what is written of it, in a group of `size` alerts beside those of instance 0."""
    stage = Stage(rules)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += EACH
        return 0

    def watch(conn: Connection) -> None:
        driver = conn.connection.driver_connection
        assert driver is not None
        driver.set_progress_handler(count, EACH)

    try:
        take = stage.sim.take
        stage.run(take("prometheus", "prometheus", [alert("Down", 1, since=START)]))
        words = [alert("Slow", number, since=START) for number in range(size)]
        for start in range(0, size, 1_000):
            stage.run(take("prometheus", "prometheus", words[start : start + 1_000]))
        stage.run(stage.sim.run_for(timedelta(seconds=30)))
        stage.run(stage.sim.engine.database.write(watch))
        one = {
            "a new one": alert("Slow", size, since=START),
            "a suppressed one ends": alert("Slow", size - 1, since=START, is_firing=False),
            "one ends": alert("Slow", 0, since=START, is_firing=False),
            "one rises": alert("Slow", 0, since=START, severity=Severity.CRITICAL),
        }[change]
        stage.run(take("prometheus", "prometheus", [one]))
        stage.run(stage.sim.run_for(timedelta(seconds=2)))
        return steps
    finally:
        stage.close()


@pytest.mark.parametrize("change", ["a new one", "one ends", "one rises", "a suppressed one ends"])
@pytest.mark.parametrize(
    "rules", [ROUTING, ROUTING + UPGRADE, ROUTING + DOWN], ids=["plain", "maintenance", "inhibition"]
)
def test_a_change_costs_the_same_whatever_the_size_of_its_group(rules: str, change: str) -> None:
    assert cost(rules, MANY, change=change) <= 1.2 * cost(rules, FEW, change=change)
