"""What a maintenance or an inhibition holds is held to the last alert, whatever lies between; and only its end is news."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, func, select

from router.core.member import MemberState
from router.store import group_counts
from router.store.tables import alert_group, group_count
from tests.machines.stage import START, Stage, alert
from tests.scenarios.player import ruleset

ROUTING = 'routing: {channel: "#db", group_by: [alertname], group_wait: 0s, repeat_interval: none}\n'
RENAMED = "routing: {channel: \"#db\", routes: [{name: all, match: ['alertname =~ .+'], group_by: [alertname], group_wait: 0s}]}\n"
UPGRADE = (
    "maintenance: [{name: upgrade, match: ['alertname = Slow'], from: 2026-11-02T11:00Z, until: 2026-11-02T13:00Z}]\n"
)
LATER = (
    "maintenance: [{name: upgrade, match: ['alertname = Slow'], from: 2026-11-02T12:10Z, until: 2026-11-02T13:00Z}]\n"
)
DOWN = "inhibit: [{name: down, while: ['alertname = Down'], hold: ['alertname = Slow']}]\n"
ALL = 5_000


def told(stage: Stage) -> list[str]:
    return [message.text for message in stage.world.channel("#db").messages]


def take_slow(stage: Stage, count: int = ALL) -> None:
    words = [alert("Slow", number, since=START) for number in range(count)]
    stage.run(stage.sim.take("prometheus", "prometheus", words))


def states(conn: Connection) -> dict[int, int]:
    query = select(group_count.c.state, func.sum(group_count.c.alerts)).join(
        alert_group, alert_group.c.id == group_count.c.group_id
    )
    rows = conn.execute(query.where(alert_group.c.labels.contains("Slow")).group_by(group_count.c.state))
    return {row[0]: row[1] for row in rows}


def standing(stage: Stage) -> dict[int, int]:
    assert stage.run(stage.sim.engine.database.read(group_counts.wrong)) == {}
    return stage.run(stage.sim.engine.database.read(states))


@pytest.mark.parametrize("rules", [ROUTING + UPGRADE, ROUTING + DOWN], ids=["maintenance", "inhibition"])
def test_of_thousands_none_is_told_before_it_ends(rules: str) -> None:
    stage = Stage(rules)
    try:
        stage.run(stage.sim.take("prometheus", "prometheus", [alert("Down", 1, since=START)]))
        take_slow(stage)
        stage.run(stage.sim.run_for(timedelta(minutes=20)))
        assert standing(stage) == {MemberState.SUPPRESSED: ALL}
        assert not any("Slow" in text for text in told(stage))
        if rules.endswith(DOWN):
            stage.run(stage.sim.take("prometheus", "prometheus", [alert("Down", 1, since=START, is_firing=False)]))
        stage.run(stage.sim.run_for(timedelta(minutes=41)))
        assert standing(stage) == {MemberState.NOTIFIED: ALL}
        assert any(f"Slow ×{ALL}" in text for text in told(stage))
    finally:
        stage.close()


def test_a_maintenance_that_begins_mutes_every_told_alert_and_its_end_frees_them() -> None:
    stage = Stage(ROUTING + LATER)
    try:
        take_slow(stage, 700)
        stage.run(stage.sim.run_for(timedelta(minutes=9)))
        assert standing(stage) == {MemberState.NOTIFIED: 700}
        stage.run(stage.sim.run_for(timedelta(minutes=2)))
        assert standing(stage) == {MemberState.NOTIFIED_MUTED: 700}
        stage.run(stage.sim.run_for(timedelta(minutes=50)))
        assert standing(stage) == {MemberState.NOTIFIED: 700}
    finally:
        stage.close()


def test_what_is_inhibited_stays_so_across_restarts_and_rules_that_route_it_anew() -> None:
    stage = Stage(ROUTING + DOWN)
    try:
        stage.run(stage.sim.take("prometheus", "prometheus", [alert("Down", 1, since=START)]))
        take_slow(stage, 3)
        stage.run(stage.sim.restart(away=timedelta(minutes=5)))
        stage.run(stage.sim.reload(ruleset(RENAMED + DOWN)))
        stage.run(stage.sim.restart())
        stage.run(stage.sim.run_for(timedelta(minutes=30)))
        assert standing(stage) == {MemberState.SUPPRESSED: 3}
        assert not any("Slow" in text for text in told(stage))
    finally:
        stage.close()
