"""From a group's alerts to the view: whose words are told, what they have in common, how sure an end is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from adapters.alert import Severity
from router.core.compose import (
    COMPARED,
    SHOWN,
    compose,
    fell_silent,
    heaps,
    least_certain,
    natural,
    noun_of,
    with_silence,
)
from router.core.member import Document, Member
from router.core.render.blocks import post_message
from router.core.render.notice import with_notice
from router.core.view import EndKind, IncidentView, MessageTemplate, Rendered, State
from rules.model.route import RouteSettings, Template

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


def member(number: int, **changes: Any) -> Member:
    document = Document(
        title=f"Down on {number}",
        description="It is down.",
        labels={"alertname": "Down", "instance": str(number), "cluster": "eu-1"},
        annotations=changes.pop("annotations", {}),
        url=changes.pop("url", ""),
    )
    values = {"name": "Down", "severity_rank": 3, "ended_how": None, "ttl": None, **changes}
    return Member(
        id=number, fingerprint=f"{number:016x}", source="p", starts_at=NOW, ends_at=None, document=document, **values
    )


def composed(*members: Member, **changes: Any) -> IncidentView:
    values: dict[str, Any] = {
        "number": 7,
        "state": State.TRIGGERED,
        "route": "default",
        "group_labels": {"alert.name": "Down", "cluster": "eu-1"},
        "settings": RouteSettings(channels=("#db",)),
        "severity": Severity.HIGH,
        "members": members,
        "firing": len(members),
        "ended": 0,
        "started_at": NOW,
        "ended_at": None,
        "ended_how": None,
        "sources": ("p",),
        "suppressed": (),
        "on_call": (),
        **changes,
    }
    return compose(**values)


def test_one_alert_speaks_for_itself() -> None:
    view = composed(member(1))
    assert (view.title, view.name, view.summary) == ("Down on 1", "Down", "It is down.")
    assert view.common_labels == {"alertname": "Down", "instance": "1", "cluster": "eu-1"}
    assert view.alerts[0].differs == {}


def test_several_are_named_once_each_and_differ_by_label() -> None:
    view = composed(member(1), member(2))
    assert view.title == "Down"
    assert view.common_labels == {"alertname": "Down", "cluster": "eu-1"}
    assert [alert.differs for alert in view.alerts] == [{"instance": "1"}, {"instance": "2"}]


def test_many_names_are_cut() -> None:
    assert composed(*(member(n, name=f"N{n}") for n in range(4))).title == "N0, N1, N2 …"
    assert composed(*(member(n, name=f"N{n}") for n in range(3))).title == "N0, N1, N2"


def test_beyond_what_is_compared_only_the_groups_labels_are_common() -> None:
    view = composed(member(1), member(2), firing=COMPARED + 1)
    assert view.common_labels == {"cluster": "eu-1"}, "computed names are no labels"


def test_few_alerts_are_listed() -> None:
    assert len(composed(*(member(n) for n in range(SHOWN + 2))).alerts) == SHOWN


def test_links_are_the_source_and_what_annotations_name() -> None:
    annotations = {"runbook_url": "https://r.example", "dashboard": "javascript:x"}
    view = composed(member(1, url="https://p.example", annotations=annotations))
    assert view.links == (("source", "https://p.example"), ("runbook", "https://r.example"))
    assert composed(member(1, annotations={"runbook": "http://r.example"})).links == (("runbook", "http://r.example"),)


def test_a_template_is_carried_along() -> None:
    settings = RouteSettings(channels=(), template=Template(title="{{ name }}"))
    assert composed(member(1), settings=settings).template == MessageTemplate("{{ name }}", "")


@pytest.mark.parametrize(
    ("hows", "how"),
    [
        ([], EndKind.TOLD),
        (["told"], EndKind.TOLD),
        (["told", "expired"], EndKind.EXPIRED),
        (["presumed", "told", "missing"], EndKind.PRESUMED),
        (["missing", "expired"], EndKind.MISSING),
    ],
)
def test_an_incident_ends_as_surely_as_its_least_sure_alert(hows: list[str], how: EndKind) -> None:
    assert least_certain(hows) is how


def test_a_presumed_end_says_for_how_long_nothing_was_heard() -> None:
    gone = [
        member(1, ended_how="presumed", ttl=timedelta(hours=2)),
        member(2, ended_how="presumed", ttl=timedelta(hours=26)),
        member(3, ended_how="told", ttl=timedelta(hours=50)),
        member(4, ended_how="presumed"),
    ]
    assert composed(*gone, ended_how=EndKind.PRESUMED).unheard_for == timedelta(hours=26)
    assert composed(*gone, ended_how=EndKind.EXPIRED).unheard_for is None
    assert composed(gone[3], ended_how=EndKind.PRESUMED).unheard_for is None


def test_a_word_stands_before_the_message() -> None:
    with_blocks = with_notice(post_message("Down"), "This belongs in #db.")
    assert with_blocks.blocks[0]["type"] == "context"
    assert "This belongs in #db." in str(with_blocks.blocks[0])
    assert with_blocks.text == "Down"
    assert with_notice(Rendered(text="Down"), "This belongs in #db.").text == "This belongs in #db. Down"


def test_a_view_names_the_silent_sources_and_since_when_the_first_is() -> None:
    later = NOW.replace(hour=NOW.hour + 1)
    view = composed(member(1))
    assert with_silence(view, {}) is view
    silent = with_silence(view, {"mimir": later, "p": NOW})
    assert (silent.source_silent_since, silent.silent_sources) == (NOW, ("mimir", "p"))
    over = composed(member(1), state=State.RESOLVED)
    assert with_silence(over, {"p": NOW}) is over, "what is over is not unknown"


def test_a_source_falls_silent_once() -> None:
    view = composed(member(1))
    one, both = with_silence(view, {"p": NOW}), with_silence(view, {"p": NOW, "q": NOW})
    assert fell_silent(one, None)
    assert fell_silent(one, view)
    assert not fell_silent(one, one)
    assert fell_silent(both, one)
    assert not fell_silent(one, both)
    assert not fell_silent(view, one)


def pod(number: int, node: str, **changes: Any) -> Member:
    found = member(number, **changes)
    labels = {"alertname": "Down", "pod": f"api-{number}", "node": node}
    return msgspec.structs.replace(found, document=msgspec.structs.replace(found.document, labels=labels))


def test_many_alerts_are_counted_by_what_sorts_them_into_few_heaps() -> None:
    pods = [pod(number, f"node-{number % 3 * 5}") for number in range(30)]
    view = composed(*pods)
    assert (view.noun, view.counted) == ("pods", ("node", (("node-0", 10), ("node-5", 10), ("node-10", 10))))
    assert [line.differs["pod"] for line in view.alerts] == [f"api-{number}" for number in range(5)]
    assert heaps(pods[:2]) == ("", ())
    assert noun_of([pods[0], pods[0]]) == "alerts"
    assert noun_of(pods[:1]) == "alerts"


def test_members_stand_in_natural_order_the_worst_first() -> None:
    view = composed(pod(10, "a"), pod(9, "a"), pod(2, "b", severity_rank=4), pod(1, "b"))
    assert [line.differs["pod"] for line in view.alerts] == ["api-2", "api-1", "api-9", "api-10"]
    assert [natural("a10b2"), natural("a9b10")] == sorted([natural("a10b2"), natural("a9b10")], reverse=True)


def test_no_alerts_description_stands_for_all() -> None:
    other = member(2)
    other = msgspec.structs.replace(other, document=msgspec.structs.replace(other.document, description="Not so."))
    assert composed(member(1), other).summary == ""
    assert composed(member(1), member(3)).summary == "It is down."


def test_an_end_remembers_how_bad_it_was_and_what_it_was_about() -> None:
    critical = composed(*(pod(number, "a") for number in range(6)), severity=Severity.CRITICAL)
    low = composed(pod(1, "a"), severity=Severity.LOW, before=critical)
    assert (low.severity, low.worst, low.noun) == (Severity.LOW, Severity.CRITICAL, "pods")
    over = composed(pod(1, "a"), state=State.RESOLVED, firing=0, ended=6, before=low, severity=Severity.LOW)
    assert (over.worst, over.noun, over.counted) == (Severity.CRITICAL, "pods", ("", ()))
    assert over.title == "Down", "not the one that ended last"


def test_an_end_says_only_what_all_alerts_had_in_common_not_what_the_last_had() -> None:
    both = composed(pod(1, "a"), pod(2, "b"))
    last = composed(pod(2, "b"), ended=1, before=both)
    assert last.common_labels["node"] == "b"
    over = composed(pod(2, "b"), state=State.RESOLVED, firing=0, ended=2, before=last)
    assert "node" not in over.lasting_labels
    assert over.lasting_labels.items() <= both.common_labels.items()
    assert over.lasting_labels, "the alert's name at least"


def test_a_runbook_is_not_called_the_source() -> None:
    address = "https://wiki.example/runbook"
    view = composed(member(1, url=address, annotations={"runbook_url": address}))
    assert view.links == (("runbook", address),)
