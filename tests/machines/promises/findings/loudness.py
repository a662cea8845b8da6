"""A rise is loud and pages, a fall and a reload are not, whoever was paged reads how it goes on."""

from datetime import UTC, datetime

from tests.machines.promises.findings import story
from tests.machines.promises.site import Site, event, is_over, must, prometheus, texts

PAGED = 'routing: {channel: "#db", group_by: [alert.name], page: bob, repeat_interval: none}\n'


def _rises(site: Site) -> None:
    must([one for one in site.heard("maria") if "CRITICAL" in one.text], "a rise above what stands now is heard")
    must([one for one in site.heard("bob") if "CRITICAL" in one.text], "a rise above what stands now pages")


@story("E1-same-alert")
def falls_and_rises_again() -> None:
    """What fell to low rings and pages when it is critical again."""
    with Site(PAGED) as site:
        disk = event("Disk", "a", "critical")
        site.fire(disk)
        site.wait(minutes=10)
        site.fire(disk.but(severity="low"))
        site.forget_sounds()
        site.wait(hours=8)
        assert not site.heard("maria")
        assert not site.heard("bob")
        site.fire(disk)
        site.wait(minutes=1)
        _rises(site)


@story("E1-another-alert")
def another_is_critical() -> None:
    """The critical one ended; a low one goes on; another critical one is a rise."""
    with Site(PAGED) as site:
        site.fire(event("Disk", "a", "critical"), event("Disk", "b", "low"))
        site.wait(minutes=10)
        site.end(event("Disk", "a", "critical"))
        site.wait(hours=8)
        assert [text.partition(" ")[0] for text in texts(site.shown("#db"))] == ["LOW"]
        site.forget_sounds()
        site.fire(event("Disk", "c", "critical"))
        site.wait(minutes=1)
        _rises(site)


MATRIX = """
routing:
  channel: "#db"
  group_by: [alert.name]
  repeat_interval: none
  routes:
    - {name: p1, match: ['alert.severity = critical'], channel: "#p1", page: bob}
    - {name: p2, match: ['alert.severity = high'], page: chris}
    - {name: search, match: ['team = search'], channel: "#search"}
"""


@story("E9-silent-after-a-fall-and-a-move")
def falls_moves_and_rises() -> None:
    """What fell, went elsewhere and rises there is news to those who are there now."""
    with Site(MATRIX, channels={"#db": ["maria"], "#p1": [], "#search": []}) as site:
        disk = event("Disk", "a", "critical", team="search")
        site.fire(disk)
        site.wait(minutes=1)
        site.fire(disk.but(severity="low"))
        site.wait(minutes=1)
        site.fire(disk.but(severity="low", team="shop"))
        site.wait(minutes=1)
        assert [one.text for one in site.heard("maria") if "LOW #1" in one.text]
        site.fire(disk.but(severity="high", team="shop"))
        site.wait(minutes=2)
        must([one for one in site.heard("maria") if "HIGH" in one.text], "its rise is heard where it is now")
        must([one for one in site.heard("chris") if "HIGH" in one.text], "and pages who is paged for it now")


@story("E2")
def paged_for_what_moved() -> None:
    """Who was paged for two alerts reads where one of them went before the other's end says that all is well."""
    with Site('routing: {channel: "#db", group_by: [alert.name, cluster], page: bob}\n') as site:
        stays, goes = (event("Disk", place, "critical", cluster="eu") for place in "ab")
        site.fire(stays, goes)
        site.wait(minutes=5)
        assert "×2" in site.shown("bob")[0].text
        site.fire(goes.but(cluster="us"))
        site.wait(minutes=5)
        assert any("CRITICAL #2" in text for text in texts(site.shown("#db")))
        must(any("#2" in one.said for one in site.shown("bob")), "who was paged is told that it goes on as #2")
        site.end(stays)
        site.wait(minutes=5)
        open_still = [one for one in site.shown("bob") if not is_over(one)]
        told_on = [one for one in site.shown("bob") if is_over(one) and "#2" in one.said]
        must(open_still or told_on, "Resolved is not the last word to who was paged while it goes on elsewhere")


def _reloaded(before: str, after: str) -> None:
    def rules(severity: str) -> str:
        return f'routing: {{channel: "#db", group_by: [alert.name], repeat_interval: none, page: bob{severity}}}\n'

    with Site(rules(before)) as site:
        site.fire(*(event(f"Disk{number}", "a", "high") for number in range(5)))
        site.wait(minutes=20)
        site.forget_sounds()
        site.reload(rules(after))
        site.wait(minutes=20)
        must(not site.heard("maria"), "a reload makes no sound in a channel")
        must(not site.heard("bob"), "a reload pages nobody")
        site.fire(event("Disk0", "a", "high"))
        site.wait(minutes=20)
        must(not site.heard("maria") and not site.heard("bob"), "nor does what is sent again afterwards")


@story("E14-raised")
def severity_of_a_route_raised() -> None:
    """A reload that raises a route's severity makes no sound."""
    _reloaded("", ", severity: critical")


@story("E14-removed")
def severity_of_a_route_removed() -> None:
    """A reload that removes a route's severity makes no sound."""
    _reloaded(", severity: low", "")


OFFICE = """
routing: {channel: "#db", group_by: [alert.name], repeat_interval: none, page: {policy: bob, only: [office]}}
windows: {office: {days: [mon-fri], hours: 09:00-18:00}}
"""
EVENING = datetime(2026, 11, 2, 17, 30, tzinfo=UTC)


@story("E17-worse")
def worse_out_of_hours() -> None:
    """Outside a page's window nobody's phone rings because it got worse."""
    with Site(OFFICE, starts=EVENING) as site:
        disk = event("Disk", "a", "medium")
        site.fire(disk)
        site.wait(hours=1)
        assert site.heard("bob")
        site.fire(disk.but(severity="critical"))
        site.wait(minutes=5)
        must(not site.heard("bob"), "a rise rings no phone outside the page's window")
        must("CRITICAL" in site.shown("bob")[0].text, "but what was said stays true")
        site.wait(hours=15)
        must([one for one in site.heard("bob") if "CRITICAL" in one.text], "when the window opens, the rise is told")


@story("E17-reopened")
def reopened_out_of_hours() -> None:
    """Outside a page's window nobody's phone rings because it came back."""
    with Site(OFFICE, starts=EVENING) as site:
        disk = event("Disk", "a", "medium")
        site.fire(disk)
        site.wait(minutes=28)
        site.end(disk)
        site.wait(minutes=4)
        site.forget_sounds()
        site.fire(disk)
        site.wait(minutes=5)
        must(not site.heard("bob"), "a return rings no phone outside the page's window")


SIBLINGS = """
routing:
  channel: "#db"
  group_by: [alertname]
  page: bob
  tell: {resolved: channel}
  routes:
    - {name: p1, match: ['alert.severity = critical'], channel: "#p1"}
    - {name: p2, match: ['alert.severity = high'], channel: "#p2"}
"""
PLACES = {"#db": [], "#p1": ["maria"], "#p2": ["chris"]}
LESSER, WORSE = (prometheus("Latency", "a", severity) for severity in ("high", "critical"))


def _goes_on(site: Site) -> None:
    sounds = [one for person in ("bob", "maria", "chris") for one in site.heard(person)]
    rang = [one for one in sounds if "esolved" in one.text]
    must(not rang, f"the end of the lesser makes no sound while the worse one fires: {rang}")
    stands = [one.text for place in ("#p1", "#p2", "bob") for one in site.shown(place)]
    must(not [text for text in stands if text.startswith("Resolved")], f"nobody reads Resolved: {stands}")
    must("CRITICAL" in site.shown("#p1")[0].text, "it stands as critical where critical belongs")
    site.end(WORSE)
    site.wait(minutes=2)
    must(site.shown("#p1")[0].text.startswith("Resolved"), "the end of both is told")


@story("U1-both-fire")
def lesser_sibling_ends() -> None:
    """Labels equal but for the severity are one condition: a lesser's end is no end while the worse one fires."""
    with Site(SIBLINGS, channels=PLACES) as site:
        site.fire(LESSER)
        site.wait(minutes=5)
        site.fire(WORSE)
        site.wait(seconds=30)
        must([one for one in site.heard("maria") if "CRITICAL" in one.text], "the rise is heard where critical belongs")
        must([one for one in site.heard("bob") if "CRITICAL" in one.text], "the rise pages")
        site.end(LESSER)
        site.wait(minutes=20)
        _goes_on(site)


@story("U1-one-request")
def lesser_sibling_ends_with_the_rise() -> None:
    """One request that ends the lesser and begins the worse is a rise."""
    with Site(SIBLINGS, channels=PLACES) as site:
        site.fire(LESSER)
        site.wait(minutes=5)
        site.swap(LESSER, WORSE)
        site.wait(minutes=20)
        _goes_on(site)


@story("U1-reloaded-between")
def worse_sibling_is_rerouted_before_it_is_told() -> None:
    """A reload that gives a rise another owner before anybody was told of it leaves it a rise."""
    together = SIBLINGS.replace("= critical'", "= low'").replace("= high'", "=~ high|critical'")
    with Site(together, channels=PLACES) as site:
        site.fire(LESSER)
        site.wait(seconds=10.5)  # a group that was evaluated waits for a second
        site.fire(WORSE)
        site.reload(SIBLINGS)
        site.wait(seconds=30)
        must([one for one in site.heard("maria") if "CRITICAL" in one.text], "the rise is heard where critical belongs")
        must([one for one in site.heard("bob") if "CRITICAL" in one.text], "the rise pages")
        site.end(LESSER)
        site.wait(minutes=20)
        _goes_on(site)


def _ends_while_the_worse_is_held(site: Site, place: str) -> None:
    site.fire(LESSER)
    site.wait(minutes=5)
    site.fire(WORSE)
    site.wait(minutes=1)
    site.forget_sounds()
    site.end(LESSER)
    site.wait(minutes=5)
    rang = [one for person in ("bob", "maria", "chris") for one in site.heard(person) if "esolved" in one.text]
    must(not rang, f"what holds the worse one back makes no end of the lesser's: {rang}")
    must(texts(site.shown(place))[0].startswith("CRITICAL #1"), f"it stands: {texts(site.shown(place))}")


@story("U1-worse-is-maintained")
def lesser_sibling_ends_in_a_maintenance() -> None:
    """A lesser's end is no end while the worse one fires, also where a maintenance keeps that from being told."""
    rules = """
routing: {channel: "#db", group_by: [alertname], page: bob, tell: {resolved: channel}}
maintenance: [{name: upgrade, match: ['alertname = Latency'], from: 2026-11-02T12:03Z, until: 2026-11-02T12:30Z}]
"""
    with Site(rules) as site:
        _ends_while_the_worse_is_held(site, "#db")
        must(not site.heard("bob"), "the rise waits for the maintenance")
        site.wait(minutes=20)
        must([one for one in site.heard("bob") if "CRITICAL" in one.text], "the rise pages when that is over")
        site.end(WORSE)
        site.wait(minutes=5)
        must([text[:8] for text in texts(site.shown("#db"))] == ["Resolved"], "the end of both is told")


@story("U1-worse-is-quiet")
def lesser_sibling_ends_while_the_worse_ones_route_is_quiet() -> None:
    """The same where the route of the worse one tells nothing yet: the incident goes there when it does."""
    rules = SIBLINGS.replace('channel: "#p1"', 'channel: "#p1", quiet: [noon]')
    with Site(rules + "windows: {noon: {hours: 12:00-12:30}}\n", channels=PLACES) as site:
        _ends_while_the_worse_is_held(site, "#p2")
        assert not site.shown("#p1")
        site.wait(minutes=25)
        must(texts(site.shown("#p1"))[0].startswith("CRITICAL #1"), "it goes on where critical belongs")
        must("moved to #p1 as #1" in texts(site.shown("#p2"))[0], "and the old place says so")
        site.end(WORSE)
        site.wait(minutes=5)
        must([text[:8] for text in texts(site.shown("#p1"))] == ["Resolved"], "the end of both is told")


@story("U1-a-gap")
def lesser_sibling_ends_first() -> None:
    """With exclusive thresholds the lesser ends half a minute before the worse one begins: still a rise."""
    with Site(SIBLINGS, channels=PLACES) as site:
        site.fire(LESSER)
        site.wait(minutes=5)
        site.end(LESSER)
        site.wait(seconds=30)
        site.fire(WORSE)
        site.wait(minutes=20)
        stands = [one.text for place in ("#p1", "#p2", "bob") for one in site.shown(place)]
        must(not [text for text in stands if text.startswith("Resolved")], f"nobody reads Resolved: {stands}")
        number = site.shown("#p1")[0].text.split()[1]
        must(number in site.shown("#p2")[0].text, f"the old place says that it goes on as {number}")


@story("U1-one-channel")
def lesser_sibling_in_the_same_channel() -> None:
    """In one channel the last sound is not Resolved while the worse sibling fires."""
    rules = """
routing:
  channel: "#db"
  group_by: [alertname, alert.severity]
  tell: {resolved: channel}
"""
    with Site(rules) as site:
        site.fire(LESSER)
        site.wait(minutes=5)
        site.fire(WORSE)
        site.wait(minutes=1)
        site.forget_sounds()
        site.end(LESSER)
        site.wait(minutes=20)
        rang = [one for one in site.heard("maria") if "esolved" in one.text]
        must(not rang, f"the end of the lesser makes no sound while the worse one fires: {rang}")
        stands = texts(site.shown("#db"))
        must(not [text for text in stands if text.startswith("Resolved")], f"nobody reads Resolved: {stands}")
