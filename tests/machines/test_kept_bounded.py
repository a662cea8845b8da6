"""Whatever happened, a hundred quiet days later every table is empty or as small as what fills it."""

from datetime import timedelta

from sqlalchemy import update

from adapters.alert import Severity
from router.store.tables import listening, metadata
from tests.machines.stage import Stage, alert
from tests.scenarios.player import ruleset

RULES = """
windows: {{nights: {{hours: 22:00-06:00}}}}
people: {{maria: {{email: maria@example.com}}}}
heartbeats: {{backup: {{match: ['alertname = Backup'], every: 1d, per: [instance], forget_after: 5d}}}}
retention: {{alerts: 2d, incidents: 10d}}
routing:
  channel: "#db"
  group_by: [alert.name, instance]
  routes:
    - {{name: tests, match: ['alertname =~ "Test.*"'], channel: "#t{day}", repeat_interval: {day}d, page: maria}}
    - {{name: held, match: ['alertname = Held'], quiet: [nights]}}
"""
DAY = timedelta(days=1)
BUSY_DAYS, QUIET_DAYS = 20, 100
BOUNDED = {
    "settings": 3,  # of the routes in force
    "ruleset": 1,
    "listening": 1,
    "pace": 10,  # one for each method of Slack's
    "source": 2,  # the sender's and the router's own
}
"""What may be left, and why; of all else nothing is."""


def _sizes(stage: Stage) -> dict[str, int]:
    async def sizes() -> dict[str, int]:
        return await stage.sim.engine.database.read(
            lambda conn: {
                name: int(conn.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one())  # noqa: S608  # our own
                for name in metadata.tables
            }
        )

    return stage.run(sizes())


def _forget(stage: Stage) -> None:
    while stage.run(stage.sim.engine.prune()).is_more:
        pass


def _pass(stage: Stage, span: timedelta) -> None:
    """Without the ticks of a long time in which nothing happens; that they were is written down."""
    stage.clock.move_to(stage.clock.now() + span - timedelta(minutes=1))
    there = update(listening).values(until=stage.clock.now())
    stage.run(stage.sim.engine.database.write(lambda conn: conn.execute(there).rowcount))
    stage.run(stage.sim.run_for(timedelta(minutes=1)))


def _send(stage: Stage, name: str, number: int, *, is_firing: bool) -> None:
    severity = Severity.CRITICAL if name == "Test" else Severity.HIGH
    draft = alert(name, number, since=stage.clock.now(), is_firing=is_firing, severity=severity)
    stage.run(stage.sim.take("prometheus", "prometheus", [draft]))


def _busy_day(stage: Stage, day: int) -> None:
    """A page, an alert that lives and dies in a window, a job heard of for once, other settings and another channel."""
    stage.world.add_channel(f"#t{day}", members=("maria",))
    stage.run(stage.sim.reload(ruleset(RULES.format(day=day))))
    for name in ("Test", "Backup"):
        _send(stage, name, day, is_firing=True)
    _pass(stage, timedelta(hours=11))  # 23:00
    _send(stage, "Held", day, is_firing=True)
    stage.run(stage.sim.run_for(timedelta(minutes=2)))
    for name in ("Test", "Held", "Backup"):
        _send(stage, name, day, is_firing=False)
    _pass(stage, timedelta(hours=13) - timedelta(minutes=2))
    _forget(stage)


def test_a_hundred_quiet_days_leave_nothing() -> None:
    stage = Stage(RULES.format(day=1))
    try:
        for day in range(1, BUSY_DAYS + 1):
            _busy_day(stage, day)
        busy = _sizes(stage)
        grown = ("alert", "alert_group", "incident", "timeline", "message", "page", "conversation", "heartbeat")
        assert {table for table in grown if not busy[table]} == set(), "never used: this would show nothing about them"
        assert busy["settings"] < BUSY_DAYS
        assert busy["incident"] < 4 * BUSY_DAYS
        for _ in range(QUIET_DAYS):
            _pass(stage, DAY)
            _forget(stage)
        left = {name: count for name, count in _sizes(stage).items() if count > BOUNDED.get(name, 0)}
        assert left == {}
    finally:
        stage.close()
