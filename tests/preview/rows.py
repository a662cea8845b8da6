"""Preview rows in memory, and a story to show."""

from datetime import UTC, datetime, timedelta

import msgspec

from adapters.alert import Severity
from router.core.render.direct import page_message
from router.core.render.message import incident_message
from router.core.render.thread import thread_reply
from router.core.view import AlertLine, EndKind, EntryKind, IncidentView, PageView, State, Suppressed, TimelineEntry
from router.http.preview.page import Waiting, Why, preview_json
from router.notifiers.preview.preview import Preview, PreviewMessage
from router.notifiers.tag import Tag

BEGAN = datetime(2026, 11, 21, 2, 14, tzinfo=UTC)


class MemoryRows:
    """PreviewRows in a dict; a copy through JSON at each step, as a database would make it."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}

    @property
    def all(self) -> list[PreviewMessage]:
        return [msgspec.json.decode(row, type=PreviewMessage) for row in self.kept.values()]

    async def newest_ts(self) -> str:
        return max((ts for _, ts in self.kept), default="")

    async def add(self, message: PreviewMessage) -> None:
        assert (message.channel, message.ts) not in self.kept
        await self.replace(message)

    async def replace(self, message: PreviewMessage) -> None:
        self.kept[message.channel, message.ts] = msgspec.json.encode(message)

    async def get(self, channel: str, ts: str) -> PreviewMessage | None:
        return next((row for row in self.all if (row.channel, row.ts) == (channel, ts)), None)

    async def find(self, channel: str, delivery_id: str) -> PreviewMessage | None:
        return next((row for row in self.all if (row.channel, row.delivery_id) == (channel, delivery_id)), None)


class Hand:
    """A clock that is set."""

    def __init__(self, at: datetime = BEGAN) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def after(self, **span: float) -> None:
        self.at += timedelta(**span)


def instance_down(firing: int) -> IncidentView:
    return IncidentView(
        number=1234,
        state=State.TRIGGERED,
        severity=Severity.CRITICAL,
        title="InstanceDown",
        name="InstanceDown",
        summary="**web-1** has not answered `GET /healthz` for 2 minutes.\n- checked from two zones\n- <!channel> stays text",
        started_at=BEGAN - timedelta(minutes=2),
        firing=firing,
        route="payments/p1",
        sources=("prometheus",),
        alerts=tuple(
            AlertLine(
                "InstanceDown", Severity.CRITICAL, BEGAN, {"instance": f"web-{n}"}, f"https://prom.example/g?n={n}"
            )
            for n in range(1, min(firing, 5) + 1)
        ),
        common_labels={"alertname": "InstanceDown", "team": "payments", "cluster": "eu-1", "job": "node_exporter"},
        group_labels={"alertname": "InstanceDown", "cluster": "eu-1"},
        links=(("runbook", "https://wiki.example/instance-down"), ("dashboard", "https://grafana.example/d/1")),
        on_call=("Maria",),
        suppressed=(Suppressed(3, "nights", BEGAN + timedelta(hours=4)),),
    )


async def story(rows: MemoryRows, clock: Hand) -> bytes:
    """Two channels and a page: one incident spreads, one ends, one is presumed over, one waits."""
    preview = Preview(rows, clock)
    p1, web, maria = [(await preview.resolve(t)).channel for t in ("#incidents-p1", "#web", "email:maria@example.com")]
    page = PageView(why="primary of payments until Mon 09:00", next_step="lead in 10 min", home=p1)

    async def tell(channel: str, delivery: str, view: IncidentView) -> str:
        told = incident_message(view, is_primary=True, external_url="http://localhost:9080")
        return (await preview.post(channel, told, Tag("prod", delivery, view.number))).ts

    base = instance_down(1)
    for number, how in ((1231, EndKind.TOLD), (1232, EndKind.PRESUMED)):
        clock.after(minutes=1)
        over = msgspec.structs.replace(
            base,
            number=number,
            title="BackupFailed" if how is EndKind.PRESUMED else "DiskAlmostFull",
            name="BackupFailed" if how is EndKind.PRESUMED else "DiskAlmostFull",
            lasting_labels=base.common_labels,
            state=State.RESOLVED,
            ended_how=how,
            ended_at=BEGAN + timedelta(minutes=12),
            unheard_for=timedelta(hours=26),
        )
        await tell(web, f"d{number}", over)
    clock.after(minutes=2)
    warning = msgspec.structs.replace(
        base,
        number=1233,
        severity=Severity.MEDIUM,
        title="HighLatency",
        name="HighLatency",
        summary="p99 of checkout is 2.4 s",
        alerts=(),
        suppressed=(),
    )
    await tell(web, "d1233", warning)
    clock.after(minutes=1)
    ts = await tell(p1, "d1", base)
    await preview.post(maria, page_message(base, page), Tag("prod", "d2", 1234))
    clock.after(minutes=5)
    spread = instance_down(17)
    more = [TimelineEntry(2, clock(), EntryKind.MORE, 16, 17, tuple(f"web-{n}" for n in range(2, 7)))]
    await preview.post(p1, thread_reply(more, spread), Tag("prod", "d3", 1234), thread_ts=ts)
    worse = [TimelineEntry(3, clock(), EntryKind.WORSE, firing=17)]
    await preview.post(p1, thread_reply(worse, spread), Tag("prod", "d4", 1234), thread_ts=ts, broadcast=True)
    told = incident_message(spread, is_primary=True, external_url="http://localhost:9080")
    await preview.edit(p1, ts, told, Tag("prod", "d1", 1234))
    return shown(rows, clock())


def shown(rows: MemoryRows, now: datetime) -> bytes:
    return preview_json(
        rows.all,
        [
            Waiting("payments/p2", 2, "HighLatency", now + timedelta(seconds=18), "group_wait", "#web"),
            Waiting("batch", 3, "BatchLate", None, "held back: inhibition cluster-down", "", "when the inhibitor ends"),
        ],
        now=now,
        why={
            "d1": Why("first", "payments/p1", 1234),
            "d2": Why("page", "payments/p1", 1234),
            "d3": Why("new alerts", "payments/p1", 1234),
            "d4": Why("worse", "payments/p1", 1234),
        },
        channels=["#quiet"],
    )
