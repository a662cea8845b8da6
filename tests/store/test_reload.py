"""What a load of rules changes in the store: never what was told."""

from typing import Any

from sqlalchemy import Connection, insert, select, update

from router.core.member import Member, MemberState
from router.runtime.clock import to_ms
from router.store.group_counts import Deltas
from router.store.intake import reload
from router.store.intake.change import GroupKey, Inhibits, Place
from router.store.intake.membership import Membership, put
from router.store.intake.reload import SettingsSnapshot
from router.store.tables import alert_group, inhibitor, membership, settings
from tests.store.stores import NOW, put_alert, store

OLD, NEW = SettingsSnapshot("old", '{"channels":["#a"]}'), SettingsSnapshot("new", '{"channels":["#b"]}')


def put_group(conn: Connection, route: str, **more: Any) -> int:
    values = {"route": route, "labels": "[]", "settings_id": "old", "created_at": NOW, **more}
    return int(conn.execute(insert(alert_group).values(values).returning(alert_group.c.id)).scalar_one())


def join(conn: Connection, group: int, number: int, *, is_notified: bool) -> None:
    put_alert(conn, number)
    state = MemberState.NOTIFIED if is_notified else MemberState.ARRIVED
    put(conn, (), [Membership(number, group, state, 3, "", "", to_ms(NOW))], deltas := Deltas())
    deltas.write(conn)


def test_snapshots_are_replaced_and_gone_routes_are_marked_until_they_come_back() -> None:
    with store() as conn:
        kept, gone = put_group(conn, "kept"), put_group(conn, "gone")
        reload.put_in_force(conn, {"kept": NEW}, NOW, has_copies=False)
        rows = {row.id: row for row in conn.execute(select(alert_group))}
        assert (rows[kept].settings_id, rows[kept].route_is_gone) == ("new", False)
        assert (rows[gone].settings_id, rows[gone].route_is_gone) == ("old", True)
        assert conn.execute(select(settings.c.id)).scalars().all() == ["new"]
        reload.put_in_force(conn, {"kept": NEW, "gone": OLD}, NOW, has_copies=False)
        assert not any(conn.execute(select(alert_group.c.route_is_gone)).scalars())


def test_groups_with_members_are_looked_at_once() -> None:
    with store() as conn:
        full, empty = put_group(conn, "full"), put_group(conn, "empty")
        join(conn, full, 1, is_notified=True)
        reload.put_in_force(conn, {"full": OLD, "empty": OLD}, NOW, has_copies=False)
        due = {row.id: row.due_at for row in conn.execute(select(alert_group))}
        assert due == {full: NOW, empty: None}


def test_what_changed_under_rules_without_copies_is_no_news_to_copies_that_come_later() -> None:
    with store() as conn:
        group = put_group(conn, "kept")
        join(conn, group, 1, is_notified=True)
        for has_copies, expected in ((True, [True]), (False, [False])):
            conn.execute(update(membership).values(is_unasked=True))
            reload.put_in_force(conn, {"kept": OLD}, NOW, has_copies=has_copies)
            assert conn.execute(select(membership.c.is_unasked)).scalars().all() == expected


def test_only_what_nobody_was_told_moves() -> None:
    with store() as conn:
        group = put_group(conn, "old")
        join(conn, group, 1, is_notified=True)
        join(conn, group, 2, is_notified=False)
        wanted = GroupKey("new", "new", "[]", 0)
        assert reload.reroute(conn, lambda _: Place((wanted,)), 0, NOW) is None
        rows = conn.execute(
            select(membership.c.alert_id, alert_group.c.route).join(
                alert_group, alert_group.c.id == membership.c.group_id
            )
        )
        assert sorted(tuple(row) for row in rows) == [(1, "old"), (2, "new")]


def test_what_already_is_where_it_belongs_stays() -> None:
    with store() as conn:
        group = put_group(conn, "old")
        join(conn, group, 1, is_notified=False)
        reload.reroute(conn, lambda _: Place((GroupKey("old", "old", "[]", 0),)), 0, NOW)
        assert conn.execute(select(membership.c.group_id, membership.c.alert_id)).all() == [(group, 1)]


def test_inhibitions_are_recorded_anew() -> None:
    with store() as conn:
        put_alert(conn, 1)
        held = {"rule": "gone", "equal_values": "[]", "alert_id": 1, "is_two_sided": False}
        conn.execute(insert(inhibitor).values(held))
        seen: list[str] = []

        def belongs(member: Member) -> Place:
            seen.append(member.document.title)
            return Place(inhibits=(Inhibits("fresh", "[]", is_two_sided=False),))

        reload.reroute(conn, belongs, 0, NOW)
        assert seen == ["Down"]
        assert conn.execute(select(inhibitor.c.rule)).scalars().all() == ["fresh"]


def test_it_goes_in_chunks() -> None:
    with store() as conn:
        for number in range(reload.CHUNK + 1):
            put_alert(conn, number + 1)
        after = reload.reroute(conn, lambda _: Place(), 0, NOW)
        assert after == reload.CHUNK
        assert reload.reroute(conn, lambda _: Place(), after, NOW) is None


def test_who_routed_is_remembered() -> None:
    with store() as conn:
        assert reload.routed_by(conn) == ""
        reload.note_routed_by(conn, "a")
        reload.note_routed_by(conn, "b")
        assert reload.routed_by(conn) == "b"
