"""What the router counts about itself: each family is declared here, with its meaning, and nowhere else.

Plain dictionaries, read by one collector when Prometheus asks: labelled metric objects cost the hot path a
third. Label values come from closed sets; never from senders.
"""

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

Labels = tuple[str, ...]

COUNTERS: Mapping[str, tuple[str, Labels]] = {
    "alertmanager_alerts_received": (
        "Alerts taken, by status; Alertmanager's name, so that its dashboards go on.",
        ("status", "version"),
    ),
    "alertmanager_alerts_invalid": ("Alerts refused.", ("version",)),
    "alertmanager_notifications": ("Deliveries attempted.", ("integration",)),
    "alertmanager_notifications_failed": ("Deliveries that failed.", ("integration", "reason")),
    "alert_router_requests": ("Requests to webhooks.", ("source", "code")),
    "alert_router_alerts": (
        "Alerts by what became of them: accepted, unchanged, stale, refused.",
        ("source", "outcome"),
    ),
    "alert_router_alerts_ended": (
        "Alerts that ended, by how: the false-resolve rate is expired + missing + presumed.",
        ("source", "how"),
    ),
    "alert_router_computed_names_shadowed": (
        "Sent labels with the name of a computed one; matchers see the computed value.",
        ("source",),
    ),
    "alert_router_unrouted": ("Alerts of groups whose route tells nobody on purpose (channel: none).", ("route",)),
    "alert_router_catalog_misses": (
        "Channels and pages by {from: …} or {label: …} that found nothing, and gave way to what is inherited.",
        ("route", "label"),
    ),
    "alert_router_copies_joined": ("Channels that an incident was shown in because a copy matches.", ()),
    "alert_router_groups_without_labels": (
        "Incidents of groups that have none of the labels of their route's group_by: all alerts without them are one.",
        ("route",),
    ),
    "alert_router_incidents_opened": ("Incidents opened.", ()),
    "alert_router_incidents_reopened": ("Incidents that came back within reopen_within.", ()),
    "alert_router_incidents_resolved": ("Incidents resolved, by the least certain end of their alerts.", ("how",)),
    "alert_router_notified": ("Changes told, by reason.", ("reason",)),
    "alert_router_suppressed": ("Alerts whose news was held back, by what.", ("kind",)),
    "alert_router_sla": ("Limits of routes whose time was over: met or missed.", ("limit", "outcome")),
    "alert_router_acts": (
        "What people and timers did to incidents: done, idle, refused or forbidden.",
        ("verb", "outcome"),
    ),
    "alert_router_pages": ("Pages carried out, by outcome.", ("outcome",)),
    "alert_router_deliveries": ("Calls to Slack and to webhooks, by method and outcome.", ("method", "outcome")),
    "alert_router_pace_waits": ("Deliveries that waited for Slack's pace.", ("method",)),
    "alert_router_duplicates_avoided": ("Posts of unknown outcome that a search found and adopted.", ()),
    "alert_router_unsearchable": (
        "Posts of unknown outcome where history could not be read, by what was done.",
        ("done",),
    ),
    "alert_router_degraded_messages": ("Messages that Slack refused and that were made simpler.", ("level",)),
    "alert_router_templates_failed": ("Users' templates that failed; the built-in text was told.", ("reason",)),
    "alert_router_given_up": ("Truths owed for longer than give_up_after.", ()),
    "alert_router_reloads": ("Reloads of the configuration, by outcome.", ("outcome",)),
    "alert_router_loop_errors": ("Errors that reached the top of a loop.", ("loop",)),
    "alert_router_dead_mans_switch_calls": (
        "Calls to the dead man's switch (router.heartbeat), by outcome: told, failed, withheld.",
        ("outcome",),
    ),
    "alert_router_tokens_refused": (
        "Tokens of server.tokens that were refused, by where (api, sign_in) and why: unknown, too_many.",
        ("door", "reason"),
    ),
    "alert_router_slack_received": (
        (
            "What people did in Slack and Slack told us, by how it came (http, socket_mode), kind and what became of it: answered, "
            "repeated (sent again, answered as before), failed, late, busy, unreadable."
        ),
        ("via", "kind", "outcome"),
    ),
    "alert_router_slack_refused": (
        (
            "Requests in Slack's name that were not believed: unconfigured, unsigned, garbled, forged, stale, replayed; or not read: "
            "too_large, too_slow, no_room, broken."
        ),
        ("reason",),
    ),
    "alert_router_slack_response_urls_refused": ("Addresses to answer to that do not lead to Slack.", ()),
    "alert_router_slack_sockets_closed": (
        (
            "Connections of Socket Mode that ended, by why: warning, refresh_requested, link_disabled, too_many_websockets (Slack "
            "said so), dead (no answer to a ping), lost, unasked (not configured any more)."
        ),
        ("reason",),
    ),
    "alert_router_connections_closed": (
        "Connections that were closed by us, by why: head_late, made_room, refused (too many are open).",
        ("reason",),
    ),
    "alert_router_descriptors_exhausted": ("Seconds in which no file descriptor was left.", ()),
    "alert_router_overloads": ("Requests answered 503 because the queue was full.", ()),
}

HISTOGRAMS: Mapping[str, tuple[str, Labels, tuple[float, ...]]] = {
    "commit_seconds": (
        "One transaction on the writer, from BEGIN to COMMIT.",
        (),
        (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
    ),
    "slack_seconds": ("One call to Slack, or to a webhook.", ("method",), (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)),
    "notified_after_seconds": (
        "From a change of the truth to Slack's word that it was told.",
        (),
        (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 3600),
    ),
    "loop_lag_seconds": ("How late the event loop ran a timer.", (), (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1)),
}


class _Histogram:
    __slots__ = ("buckets", "counts", "total")

    def __init__(self, buckets: tuple[float, ...]) -> None:
        self.buckets = buckets
        self.counts = [0] * (len(buckets) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.buckets, value)] += 1
        self.total += value


class Metrics:
    """The process's counters. `add` is safe from the writer thread too."""

    def __init__(self) -> None:
        self._counters: dict[str, dict[Labels, float]] = {name: {} for name in COUNTERS}
        self._histograms: dict[str, dict[Labels, _Histogram]] = {name: {} for name in HISTOGRAMS}
        self._gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        self._lock = threading.Lock()

    def add(self, name: str, labels: Labels = (), amount: float = 1) -> None:
        with self._lock:
            family = self._counters[name]
            family[labels] = family.get(labels, 0) + amount

    def observe(self, name: str, labels: Labels, seconds: float) -> None:
        with self._lock:
            family = self._histograms[name]
            histogram = family.get(labels)
            if histogram is None:
                histogram = family[labels] = _Histogram(HISTOGRAMS[name][2])
            histogram.observe(seconds)

    def gauge(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        """A value asked for at each scrape."""
        self._gauges[name] = (meaning, read)

    def value(self, name: str, labels: Labels = ()) -> float:
        with self._lock:
            return self._counters[name].get(labels, 0)

    def collect(self) -> Iterable[Metric]:
        """For prometheus_client: one consistent reading."""
        with self._lock:
            counters = {name: dict(family) for name, family in self._counters.items()}
            histograms = {
                name: {labels: (list(h.counts), h.total) for labels, h in family.items()}
                for name, family in self._histograms.items()
            }
        for name, family in counters.items():
            meaning, labels = COUNTERS[name]
            counter = CounterMetricFamily(name, meaning, labels=labels)
            for values, amount in (family or ({} if labels else {(): 0.0})).items():
                counter.add_metric(values, amount)
            yield counter
        for name, observed in histograms.items():
            meaning, labels, buckets = HISTOGRAMS[name]
            histogram = HistogramMetricFamily(f"alert_router_{name}", meaning, labels=labels)
            for values, (counts, total) in observed.items():
                cumulative, pairs = 0, []
                for bound, count in zip((*map(str, buckets), "+Inf"), counts, strict=True):
                    cumulative += count
                    pairs.append((bound, cumulative))
                histogram.add_metric(values, buckets=pairs, sum_value=total)
            yield histogram
        for name, (meaning, read) in self._gauges.items():
            yield GaugeMetricFamily(name, meaning, value=read())
