"""What waits for its first word gets one; what is over before it needs none."""

from datetime import timedelta

from tests.machines.promises.findings import story
from tests.machines.promises.site import Site, event, must, texts


def _flaps(site: Site, places: str, on: float, off: float, times: int) -> None:
    for number in range(times):
        one = event("Link", places[number % len(places)])
        site.fire(one)
        site.wait(seconds=on)
        site.end(one)
        site.wait(seconds=off)


@story("E11-one-that-flaps")
def one_alert_never_longer_than_the_wait() -> None:
    """An alert that fires 9 of every 10.5 seconds is told."""
    with Site('routing: {channel: "#db", group_by: [alert.name], group_wait: 10s}\n') as site:
        _flaps(site, "a", 9, 1.5, 30)
        must(site.shown("#db"), "five minutes of firing nine seconds in ten are told")


@story("E11-always-one")
def always_one_but_none_for_long() -> None:
    """Something always fires, none of it for longer than group_wait: it is told group_wait after the first."""
    with Site('routing: {channel: "#db", group_by: [alert.name], group_wait: 30s}\n') as site:
        last = event("Link", "0")
        site.fire(last)
        for number in range(1, 12):
            site.wait(seconds=20)
            one = event("Link", str(number))
            site.fire(one)
            site.end(last)
            last = one
        must(site.shown("#db"), "a group in which something fires for four minutes is told")


def _moves_in(severity: str) -> Site:
    site = Site('routing: {channel: "#db", group_by: [alert.name, cluster], group_wait: 2m, repeat_interval: none}\n')
    old = event("Disk", "old", "medium", cluster="eu")
    site.fire(old)
    site.wait(minutes=10)
    assert "#1" in site.shown("#db")[0].text
    site.forget_sounds()
    site.fire(event("Disk", "new", severity, cluster="us"))
    site.wait(seconds=30)
    assert not site.heard("maria")
    site.fire(old.but(cluster="us"))
    site.wait(minutes=10)
    return site


@story("E12-a-line")
def waiting_when_an_incident_moves_in() -> None:
    """What waits for its first word when another incident moves in is named in a line, or has a word of its own."""
    with _moves_in("medium") as site:
        said = [one.said for one in site.shown("#db")[1:]]
        said += [reply.said for one in site.shown("#db") for reply in one.replies]
        must([text for text in said if "new" in text], f"nobody was told of the new alert:\n{site.everything()}")


@story("E12-a-sound")
def worse_and_waiting_when_an_incident_moves_in() -> None:
    """What waits for its first word, and is worse than the incident that moves in, is heard."""
    with _moves_in("critical") as site:
        must([one for one in site.heard("maria") if "CRITICAL" in one.text], "a critical alert is heard")


@story("E22-started-long-ago")
def started_longer_ago_than_the_wait() -> None:
    """What fires for longer than group_wait already is told at once, as Alertmanager does."""
    with Site('routing: {channel: "#db", group_by: [alert.name], group_wait: 5m}\n') as site:
        site.fire(event("Disk", "a"), since=timedelta(minutes=10))
        site.wait(seconds=5)
        must(site.shown("#db"), "it has waited long enough")


@story("U13")
def over_before_its_first_word() -> None:
    """A hundred groups fire for thirty seconds: nobody hears of the end of what was never begun."""
    with Site('routing: {channel: "#db", group_by: [alert.name], group_wait: 0s}\n') as site:
        many = [event(f"Name{number}", "a") for number in range(100)]
        site.fire(*many)
        site.wait(seconds=30)
        begun = len(site.shown("#db"))
        assert 0 < begun < 100
        site.end(*many)
        site.wait(minutes=10)
        rang = [text for text in texts(site.heard("maria")) if text.startswith("Resolved")]
        must(not rang, f"{len(rang)} sounds say Resolved of what nobody had heard of")
        must(len(site.shown("#db")) <= begun + 3, "what ended before its first word is not posted")
