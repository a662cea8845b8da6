"""Who has no right changes nothing: whatever order people of whatever role act in, on an incident that all see or some."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from adapters.alert import Severity
from router.core.acts.button import Verb
from router.core.acts.life import Act
from router.core.acts.permission import Actor
from router.store.tables import incident, message, page, timeline
from rules.model.permission import Role
from tests.machines.stage import STEADY, Stage, alert

RULES = """
routing: {{channel: "#db", page: maria, private: {private}, actions: {{resolve: manager, severity: admin, anyone: note}}}}
people: {{maria: {{email: maria@example.com}}, kim: {{email: kim@example.com}}}}
"""
VERBS = (
    *(Verb.ACKNOWLEDGE, Verb.UNACKNOWLEDGE, Verb.SNOOZE, Verb.WAKE, Verb.RESOLVE, Verb.REOPEN, Verb.NOTE),
    *(Verb.ASSIGN, Verb.SEVERITY, Verb.ESCALATE),
)
LEAST = {Verb.NOTE: 0, Verb.RESOLVE: 2, Verb.REOPEN: 2, Verb.SEVERITY: 3}
"""By the rules above; 1 where they say nothing."""
ROLES = (Role.OBSERVER, Role.RESPONDER, Role.MANAGER, Role.ADMIN)
TRIES = st.lists(
    st.tuples(st.sampled_from(VERBS), st.sampled_from(["maria", "kim", "bob", ""]), st.sampled_from(range(4))),
    min_size=5,
    max_size=20,
)


def stored(conn: Connection) -> list[tuple[object, ...]]:
    return [tuple(row) for table in (incident, timeline, message, page) for row in conn.execute(select(table))]


@pytest.mark.parametrize("private", ["false", "[kim]"])
@STEADY
@given(tries=TRIES)
def test_who_has_no_right_changes_nothing(private: str, tries: list[tuple[Verb, str, int]]) -> None:
    """Rows 18 and 28: not the incident, its timeline, its messages or its pages. Bob sees what is private once it is his."""
    stage = Stage(RULES.format(private=private))
    try:
        since = stage.clock.now()
        stage.survive(
            stage.sim.take("prometheus", "prometheus", [alert("Disk", 1, since=since, severity=Severity.CRITICAL)])
        )
        stage.survive(stage.sim.run_for(timedelta(seconds=5)))
        seers = {"maria", "kim"}
        for verb, person, rank in tries:
            before = stage.run(stage.sim.engine.database.read(stored))
            wanted = Act(verb, by=person or "via Slack", note="n", until=stage.clock.now() + timedelta(hours=1))
            if verb is Verb.ASSIGN:
                wanted = Act(verb, by=person, people=("bob",))
            answer = stage.survive(stage.sim.act(1, _by(wanted, Actor(ROLES[rank], person))))
            assert answer is not None
            is_seen = private == "false" or rank == 3 or person in seers
            may = is_seen and rank >= LEAST.get(verb, 1)
            assert answer.is_known is is_seen
            assert ("takes a" in answer.said) is (is_seen and not may), answer
            if not may:
                assert not answer.is_done
                assert stage.run(stage.sim.engine.database.read(stored)) == before
            elif verb is Verb.ASSIGN:
                assert answer.is_done
                seers.add("bob")
    finally:
        stage.close()


def _by(act: Act, actor: Actor) -> Act:
    return Act(act.verb, by=act.by, note=act.note, until=act.until, people=act.people, actor=actor)
