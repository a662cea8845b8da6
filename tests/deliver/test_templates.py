"""A template that fails is counted where its message is sent, and the message is told all the same."""

from tests.deliver.test_outcomes import fire, wait
from tests.machines.stage import Stage

RULES = """\
routing:
  channel: "#db"
  group_by: [alertname]
  template: {title: '{{ 1 // 0 }}', text: '{{ firing }} {{ url }}'}
"""


def test_a_template_that_fails_is_counted_by_its_part() -> None:
    stage = Stage(RULES)
    try:
        fire(stage)
        wait(stage, 15)
        metrics = stage.sim.metrics
        assert metrics.value("alert_router_templates_failed", ("title",)) == 1
        assert metrics.value("alert_router_templates_failed", ("text",)) == 0
        [told] = stage.world.channel("#db").messages
        assert told.text.startswith("HIGH #1 Down")
        assert "/incidents/1" in told.said
    finally:
        stage.close()
