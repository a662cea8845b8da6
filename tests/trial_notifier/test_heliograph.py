"""A notifier is one folder and one line: nothing else needs to know of it, and delivery does what it can with it."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update

from router.core.answer import Outcome
from router.core.content import Subject
from router.notifiers.notifier import by_name
from router.store.evaluation import messages
from router.store.tables import message
from tests.deliver.test_outcomes import fire, wait
from tests.machines.stage import Stage
from tests.trial_notifier.heliograph import Heliograph

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
RULES = 'routing: {channel: "#db", group_by: [alertname]}'


@pytest.fixture
def tower() -> Heliograph:
    return Heliograph()


@pytest.fixture
def stage(tower: Heliograph) -> Iterator[Stage]:
    made = Stage(RULES)
    made.sim.engine.notifiers = by_name([made.transport, tower])
    yield made
    made.close()


def write(stage: Stage, step: Callable[[Connection], object]) -> None:
    stage.run(stage.sim.engine.database.write(step))
    stage.sim._next_due = None


def show(stage: Stage, number: int = 1) -> None:
    """The incident is told by the tower too."""

    def step(conn: Connection) -> None:
        there = messages.conversation_for(conn, "heliograph", "hill", now=stage.clock.now())
        messages.begin(
            conn, subject=Subject.INCIDENT, conversation_id=there, rank=3, now=stage.clock.now(), incident=number
        )

    write(stage, step)


def begin(stage: Stage) -> None:
    fire(stage)
    wait(stage, 15)
    show(stage)
    wait(stage, 1)


def test_it_is_told_the_beginning_and_the_end_and_nothing_between(stage: Stage, tower: Heliograph) -> None:
    begin(stage)
    assert tower.signals == {"hill": ["begun #1"]}
    fire(stage, 2)
    wait(stage, 60)
    assert "×2" in stage.world.channel("#db").messages[0].text, "who can be edited, is"
    assert tower.calls == 1
    for instance in (1, 2):
        fire(stage, instance, is_firing=False)
    wait(stage, 60)
    assert tower.signals == {"hill": ["begun #1", "over #1"]}
    fire(stage)
    wait(stage, 60)
    assert tower.signals == {"hill": ["begun #1", "over #1", "begun #1"]}
    assert owed(stage) == 0
    wait(stage, 600)
    assert tower.calls == 3


@pytest.mark.parametrize("met", [Outcome.UNKNOWN, Outcome.RETRY, Outcome.CHANNEL_REFUSED, Outcome.WORKSPACE_REFUSED])
def test_what_it_met_is_told_again_and_once(stage: Stage, tower: Heliograph, met: Outcome) -> None:
    tower.weather = [met, met]
    begin(stage)
    wait(stage, 30)
    assert tower.signals == {"hill": ["begun #1"]}
    assert tower.calls == 3
    assert stage.world.calls_of("conversations.history") == []
    assert owed(stage) == 0


def test_what_may_have_been_told_is_told_the_end(stage: Stage, tower: Heliograph) -> None:
    """The first word was taken and its answer lost; then it ended, and only then calls come through again."""
    tower.weather = [Outcome.UNKNOWN, *[Outcome.RETRY] * 4]
    begin(stage)
    assert tower.signals == {"hill": ["begun #1"]}
    fire(stage, is_firing=False)
    wait(stage, 120)
    assert tower.keys == list(dict.fromkeys(tower.keys))
    assert tower.signals["hill"][-1] == "over #1"


def test_a_call_whose_process_was_killed_is_made_again(stage: Stage, tower: Heliograph) -> None:
    fire(stage)
    wait(stage, 15)
    show(stage)
    [work] = stage.run(stage.sim.engine.claim()).works
    stage.run(tower.post(work.channel, work.content, work.key))  # taken; the outcome is never written down
    wait(stage, 120)
    assert tower.signals == {"hill": ["begun #1"]}
    assert tower.calls == 2
    assert owed(stage) == 0


def test_its_troubles_are_its_own(stage: Stage, tower: Heliograph) -> None:
    tower.weather = [Outcome.WORKSPACE_REFUSED] * 1_000
    begin(stage)
    fire(stage, is_firing=False)
    wait(stage, 15)
    assert stage.world.channel("#db").messages[0].text.startswith("Resolved #1")


def test_what_is_configured_no_more_is_kept_and_told_when_it_is_back(stage: Stage, tower: Heliograph) -> None:
    stage.sim.engine.notifiers = by_name([stage.transport])
    begin(stage)
    wait(stage, 60)
    assert tower.calls == 0
    assert owed(stage) == 1
    stage.sim.engine.notifiers = by_name([stage.transport, tower])
    wait(stage, 30)
    assert tower.signals == {"hill": ["begun #1"]}


def test_a_word_of_the_routers_own_is_told_too(stage: Stage, tower: Heliograph) -> None:
    post = partial(messages.post, notifier="heliograph", target="hill", text="All is well.", now=stage.clock.now())
    write(stage, post)
    wait(stage, 5)
    assert tower.signals == {"hill": ["All is well."]}


def test_lines_of_a_thread_are_not_owed_where_there_is_none(stage: Stage, tower: Heliograph) -> None:
    begin(stage)
    now = stage.clock.now()
    write(stage, lambda conn: conn.execute(update(message).values(thread_due_at=now)))
    wait(stage, 5)
    assert tower.calls == 1
    assert owed(stage) == 0


def owed(stage: Stage) -> int:
    def read(conn: Connection) -> int:
        behind = (message.c.notified_version < message.c.version) | message.c.delivery_id.is_not(None)
        return len(conn.execute(select(message.c.id).where(~message.c.is_over, behind)).all())

    return stage.run(stage.sim.engine.database.read(read))


def test_no_other_file_names_it() -> None:
    sources = [
        path for pattern in ("*.py", "*.md", "*.toml", "*.yaml", "*.json", "Makefile") for path in ROOT.rglob(pattern)
    ]
    ours = [path for path in sources if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)]
    naming = {path for path in ours if Heliograph().name in path.read_text(errors="replace").lower()}
    assert naming
    assert all(path.is_relative_to(HERE) for path in naming), naming
