"""What is remembered of teams' files, and who is told what: once, whatever is loaded again."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, delete, select

from adapters import ADAPTERS
from router.core.render.blocks import post_message
from router.service.accept_rule_files import NoticeTarget, adopt, gone, refusal
from router.store import rules_files
from router.store.tables import conversation, message
from rules.loading.load import Loaded, RulesText, load
from tests.files.folder import MAIN, team
from tests.process import filled
from tests.store.stores import NOW, store

WHOLE = filled(MAIN, Path())
TELLING = NoticeTarget("T1", "#router")


def loading(conn: Connection, **teams: str) -> Loaded:
    files = [
        RulesText("c.yaml", WHOLE),
        *(RulesText(name, text) for name, text in teams.items()),
    ]
    loaded = load(files, adapters=ADAPTERS, last=rules_files.texts(rules_files.kept(conn)))
    assert loaded.errors == ()
    return loaded


def take(conn: Connection, *, days: int = 0, **teams: str) -> list[str]:
    """Load and adopt; what was said, and to whom."""
    adopt(conn, loading(conn, **teams), TELLING, NOW + timedelta(days=days))
    query = select(conversation.c.target, conversation.c.person, message.c.text).join(
        message, message.c.conversation == conversation.c.id
    )
    said = [
        f"{row.target}{row.person and f' ({row.person})'}: {post_message(row.text).text}"
        for row in conn.execute(query.order_by(message.c.id))
    ]
    conn.execute(delete(message))
    return said


REFUSED = (
    "#a: a is refused (1 error); its last accepted text of 2026-11-02 12:00 UTC is in force. • line 6:1: frob: unknown key 'frob'; "
    "expected one of "
)


def test_an_accepted_text_is_remembered_with_its_time_and_nobody_is_told() -> None:
    with store() as conn:
        assert take(conn, a=team("a")) == []
        assert take(conn, days=1, a=team("a")) == []
        [(file, kept)] = rules_files.kept(conn).items()
        assert (file, kept.team, kept.text, kept.accepted_at) == ("a", "a", team("a"), NOW)
        take(conn, days=2, a=team("a", "timezone: UTC\n"))
        assert rules_files.kept(conn)["a"].accepted_at == NOW + timedelta(days=2)


def test_its_owner_is_told_once_and_again_when_it_is_well() -> None:
    with store() as conn:
        take(conn, a=team("a"), b=team("b"))
        [said] = take(conn, a=team("a", "frob: 1\n"), b=team("b"))
        assert said.startswith(REFUSED)
        assert take(conn, a=team("a", "frob: 1\n"), b=team("b")) == []
        assert rules_files.kept(conn)["a"].text == team("a")
        [another] = take(conn, a=team("a", "frob: 2\n"), b=team("b"))
        assert another.startswith(REFUSED)
        assert take(conn, a=team("a"), b=team("b")) == ["#a: a is well again: it is in force."]
        assert take(conn, a=team("a"), b=team("b")) == []


def test_a_file_that_never_was_well_says_that_nothing_of_it_is_in_force() -> None:
    with store() as conn:
        [said] = take(conn, a=team("a", "frob: 1\n"))
        assert said.startswith("#a: a is refused (1 error); nothing of it is in force. • line 6:1: frob: unknown key")
        assert rules_files.kept(conn)["a"].text is None
        assert rules_files.texts(rules_files.kept(conn)) == {}
        assert take(conn, a=team("a", "frob: 1\n")) == []


def test_people_are_told_where_there_is_no_channel_and_the_fallback_channel_where_nobody_is_known() -> None:
    with store() as conn:
        people = team("a", "frob: 1\npeople: {bob: {slack: U0123ABCD}}\n", owner="{people: [lead, bob]}")
        said = take(conn, a=people, b="[")
        assert [one.partition(": ")[0] for one in said] == [
            "email:lead@example.com (lead)",
            "U0123ABCD (a/bob)",
            "#router",
        ]
        assert said[2] == (
            "#router: b is refused (1 error); nothing of it is in force. • line 2:1: did not find expected node content; "
            "expected consistent indentation; every quote, [ and { closed (or a line above it)"
        )


def test_the_owner_of_the_last_accepted_text_is_told_not_whom_the_refused_one_names() -> None:
    with store() as conn:
        take(conn, a=team("a"))
        [said] = take(conn, a=team("a", "frob: 1\n", owner='{channel: "#everybody"}'))
        assert said.startswith("#a: ")


def test_many_errors_are_counted_not_listed() -> None:
    with store() as conn:
        [said] = take(conn, a=team("a", "".join(f"frob{number}: 1\n" for number in range(9))))
        assert said.startswith("#a: a is refused (9 errors)")
        loaded = loading(conn, a=team("a", "".join(f"f{number}: 1\n" for number in range(9))))
        assert len(refusal(loaded.refused[0], None).errors) == 9


def test_a_last_accepted_text_that_fits_no_more_is_said_loudly() -> None:
    with store() as conn:
        take(conn, a=team("a"))
        main = WHOLE.replace("group_wait: 0s}", "routes: [{name: a, match: ['x = y']}]}")
        kept = rules_files.kept(conn)
        taken = "the main file has a route called 'a' (c.yaml:8); expected another name"
        for text, said in [
            (team("a"), "nothing of it is in force"),
            (
                team("a", "frob: 1\n"),
                (
                    "nothing of it is in force: its last accepted text of 2026-11-02 12:00 UTC fits the other files no more "
                    f"(a:2:7: team: {taken})"
                ),
            ),
        ]:
            files = [RulesText("c.yaml", main), RulesText("a", text)]
            [refused] = load(files, adapters=ADAPTERS, last=rules_files.texts(kept)).refused
            found = refusal(refused, kept["a"])
            assert found.errors[0] == f"a:2:7: team: {taken}"
            assert found.in_force == said


def test_a_file_that_is_gone_is_forgotten_and_said() -> None:
    with store() as conn:
        take(conn, a=team("a"), b=team("b"), c="[")
        before = rules_files.kept(conn)
        assert list(gone(loading(conn, a=team("a")), before)) == ["b is gone: nothing of team b is in force any more"]
        assert take(conn, a=team("a")) == []
        assert list(rules_files.kept(conn)) == ["a"]
