"""What is said is so: of repeats, of silent sources, and of senders who do not say everything each time."""

from datetime import timedelta

from tests.machines.promises.findings import story
from tests.machines.promises.site import Site, event, must, texts


@story("U5")
def nobody_can_acknowledge_yet() -> None:
    """A repeat does not reproach anybody with what nobody can do."""
    with Site('routing: {channel: "#db", group_by: [alert.name]}\n') as site:
        site.fire(event("Disk", "a"))
        site.wait(hours=4, minutes=5)
        (said,) = (reply.said for reply in site.shown("#db")[0].replies)
        assert "still firing after 4 h" in said
        must("acknowledged" not in said, f"nobody can acknowledge it: {said}")


@story("U6")
def repeated_while_its_source_is_silent() -> None:
    """A repeat of what is unknown because its source is silent does not call it firing."""
    rules = """
version: 1
slack: preview
sources:
  prometheus: {adapter: prometheus, auth: none, silent_after: 5m}
routing: {channel: "#db", group_by: [alertname]}
"""
    with Site(rules) as site:
        begun = site.clock.now()
        for _ in range(3):
            one = {
                "labels": {"alertname": "Disk", "severity": "high"},
                "startsAt": begun.isoformat(),
                "endsAt": (site.clock.now() + timedelta(minutes=4)).isoformat(),
            }
            site.post("prometheus", [one], is_alert_array=True)
            site.wait(minutes=1)
        site.wait(hours=5)
        (message,) = (one for one in site.shown("#db") if "Disk" in one.text)
        assert "unknown since" in message.text
        said = [reply.said for reply in message.replies if "after 4 h" in reply.said or "still" in reply.said]
        must(not [text for text in said if "firing" in text], f"{message.text!r} contradicts {said}")


def _sparse(update: dict[str, str]) -> Site:
    rules = """
routing:
  channel: "#db"
  group_by: [alert.name]
  routes: [{name: p1, match: ['alert.severity = critical'], channel: "#p1"}]
"""
    site = Site(rules, channels={"#db": ["maria"], "#p1": ["chris"]})
    site.post(
        "events", {"key": "d1", "name": "Database", "title": "DB down", "severity": "critical", "status": "firing"}
    )
    site.wait(minutes=1)
    assert texts(site.shown("#p1")) == ["CRITICAL #1 DB down"]
    site.post("events", {"key": "d1", **update})
    site.wait(minutes=2)
    return site


@story("U14-an-update")
def sparse_update() -> None:
    """What an event does not say stays as it was."""
    with _sparse({"status": "acknowledge"}) as site:
        found = texts(site.shown("#p1"))
        must(found == ["CRITICAL #1 DB down · acknowledged by Events"], f"it goes on as it was: {found}")
        must(not site.shown("#db"), "and goes nowhere else")


@story("U14-an-end")
def sparse_end() -> None:
    """An end that names its alert by key alone is the end of what was told."""
    with _sparse({"status": "resolved"}) as site:
        (text,) = texts(site.shown("#p1"))
        must(text.startswith("Resolved #1") and "DB down" in text, f"it says what ended: {text}")
