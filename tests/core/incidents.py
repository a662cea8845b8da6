"""Incidents to render: a plain one to vary, and any at all for hypothesis."""

from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec
from hypothesis import strategies as st

from adapters.alert import Severity
from router.core.view import (
    AlertLine,
    EndKind,
    EntryKind,
    IncidentView,
    MessageTemplate,
    PageView,
    Phase,
    Response,
    State,
    Suppressed,
    TimelineEntry,
)

_T = TypeVar("_T")

BEGAN = datetime(2026, 11, 21, 2, 14, tzinfo=UTC)

OPEN = IncidentView(
    number=1234,
    state=State.TRIGGERED,
    severity=Severity.CRITICAL,
    title="InstanceDown",
    name="InstanceDown",
    summary="web-1 does not answer",
    started_at=BEGAN,
    firing=3,
    route="payments/p1",
    sources=("prometheus",),
    alerts=(
        AlertLine(title="InstanceDown", severity=Severity.CRITICAL, starts_at=BEGAN, differs={"instance": "web-1"}),
        AlertLine(title="InstanceDown", severity=Severity.HIGH, starts_at=BEGAN, differs={"instance": "web-2"}),
    ),
    common_labels={"alertname": "InstanceDown", "team": "payments", "cluster": "eu-1"},
    group_labels={"alertname": "InstanceDown", "cluster": "eu-1"},
    on_call=("Maria",),
)
OVER = msgspec.structs.replace(
    OPEN,
    state=State.RESOLVED,
    firing=0,
    ended=3,
    ended_at=BEGAN + timedelta(minutes=14),
    ended_how=EndKind.TOLD,
    lasting_labels=OPEN.common_labels,
)


def but(view: IncidentView, **changes: object) -> IncidentView:
    return msgspec.structs.replace(view, **changes)


_NASTY = st.sampled_from(
    [
        "<!channel>", "<@U012ABCDEF>", "<https://evil.example|payments>", "```", "`", "*", "_", "~", "&amp;", "\x00",
        "\u202e", "\u2066", "\u200b", "\ud800", "\n", "\n> ", "\n- ", "[x](javascript:alert(1))", "](", "{{ 7*7 }}",
        "é" * 200, "&" * 400, "\U000e0041", "a\u0301\u0301\u0301\u0301\u0301\u0301", "|", "^", "**b**", "*b*", "_i_",
    ]
)  # fmt: skip
TEXTS = st.lists(st.one_of(_NASTY, st.text(max_size=40)), max_size=12).map("".join) | st.text(max_size=3).map(
    lambda text: text * 2_000
)
_URLS = st.one_of(
    TEXTS,
    TEXTS.map("https://host/".__add__),
    st.sampled_from(["javascript:alert(1)", "https://u:p@host/", "http://[::1", "https://" + "a" * 3000]),
)
_INSTANTS = st.datetimes(min_value=datetime(2001, 1, 1), max_value=datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
_PAIRS = st.dictionaries(TEXTS, TEXTS, max_size=20)
_SPANS = st.none() | st.timedeltas(min_value=timedelta(days=-1), max_value=timedelta(days=900))
_COUNTS = st.integers(0, 10**12)


def _some(items: st.SearchStrategy[_T], most: int) -> st.SearchStrategy[tuple[_T, ...]]:
    return st.lists(items, max_size=most).map(tuple)


VIEWS = st.builds(
    IncidentView,
    number=st.integers(1, 10**18),
    state=st.sampled_from(State),
    severity=st.sampled_from(Severity),
    title=TEXTS,
    name=TEXTS,
    summary=TEXTS,
    started_at=_INSTANTS,
    firing=_COUNTS,
    route=TEXTS,
    sources=_some(TEXTS, 5),
    ended_at=st.none() | _INSTANTS,
    ended_how=st.none() | st.sampled_from(EndKind),
    unheard_for=_SPANS,
    ended=_COUNTS,
    alerts=_some(
        st.builds(
            AlertLine, title=TEXTS, severity=st.sampled_from(Severity), starts_at=_INSTANTS, differs=_PAIRS, url=_URLS
        ),
        7,
    ),
    common_labels=_PAIRS,
    group_labels=_PAIRS,
    annotations=_PAIRS,
    links=_some(st.tuples(TEXTS, _URLS), 12),
    suppressed=_some(st.builds(Suppressed, count=_COUNTS, by=TEXTS, until=st.none() | _INSTANTS), 6),
    on_call=_some(TEXTS, 6),
    worst=st.none() | st.sampled_from(Severity),
    noun=TEXTS,
    counted=st.tuples(TEXTS, st.lists(st.tuples(TEXTS, _COUNTS), max_size=8).map(tuple)),
    source_silent_since=st.none() | _INSTANTS,
    response=st.builds(
        Response,
        phase=st.sampled_from(Phase),
        by=TEXTS,
        at=st.none() | _INSTANTS,
        until=st.none() | _INSTANTS,
        note=TEXTS,
        assigned=_some(TEXTS, 5),
    ),
    template=st.none() | st.builds(MessageTemplate, title=TEXTS, text=TEXTS),
)
PAGES = st.builds(PageView, why=TEXTS, next_step=TEXTS, home=st.just("C0123ABCD") | TEXTS)
ENTRIES = st.builds(
    TimelineEntry,
    seq=st.integers(1, 1_000),
    at=_INSTANTS,
    kind=st.sampled_from(EntryKind),
    count=_COUNTS,
    firing=_COUNTS,
    titles=_some(TEXTS, 6),
    severity=st.none() | st.sampled_from(Severity),
    lasted=_SPANS,
    how=st.none() | st.sampled_from(EndKind),
    people=_some(TEXTS, 6),
    detail=TEXTS,
)
