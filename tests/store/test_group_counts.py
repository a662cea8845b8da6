"""The counts kept with groups: what contradicts a recount is found, said, and put right by a start."""

from pathlib import Path

from sqlalchemy import create_engine

from router.commands.doctor import _counts
from router.store import group_counts
from router.store.health import wrong_counts
from tests.store.intake import Store, change


def test_what_a_recount_contradicts_is_found_by_doctor_and_put_right(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = Store(path, "what it took")
    try:
        store.take(change("a"), change("b"), change("c", severity_rank=1))
        assert wrong_counts(path) == 0
        assert [finding.verdict for finding in _counts(path)] == ["ok"]
        store.do("UPDATE group_count SET alerts = alerts + 5 WHERE rank = 3")
        store.do("DELETE FROM group_count WHERE rank = 1")
        assert wrong_counts(path) == 2
        assert [finding.verdict for finding in _counts(path)] == ["warn"]
        engine = create_engine(f"sqlite:///{path}", isolation_level="AUTOCOMMIT")
        with engine.connect() as conn:
            assert group_counts.repair(conn) == 2
            assert group_counts.repair(conn) == 0
        engine.dispose()
        assert wrong_counts(path) == 0
        assert store.rows("SELECT rank, alerts FROM group_count ORDER BY rank") == [(1, 1), (3, 2)]
    finally:
        store.close()


def test_a_file_that_is_no_database_is_not_judged(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_text("not a database, and long enough to be read as one" * 40)
    assert wrong_counts(path) is None
    assert list(_counts(path)) == []
    assert list(_counts(tmp_path / "none.db")) == []
