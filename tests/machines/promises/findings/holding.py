"""What is held back makes no sound, all of it; what was told or is on its way elsewhere is not forgotten."""

from datetime import UTC, datetime, timedelta

from tests.machines.promises.findings import story
from tests.machines.promises.site import START, Site, event, is_over, must, texts

NIGHT = datetime(2026, 11, 2, 21, 50, tzinfo=UTC)
MOVING = {"#low": ["maria"], "#high": ["chris"]}


def _rules(name: str) -> str:
    return f"""
routing:
  channel: "#low"
  group_by: [alert.name]
  repeat_interval: none
  routes:
    - {{name: {name}, match: ['team = search'], channel: "#high", quiet: [nights]}}
windows: {{nights: {{hours: 22:00-06:00}}}}
"""


def _moved_in_the_end(site: Site) -> None:
    site.wait(hours=9)
    must(
        [text for text in texts(site.shown("#high")) if "#1" in text], "its new owner hears of it when the window ends"
    )
    must(is_over(site.shown("#low")[0]), "the old channel is told where it went")


@story("E3-renamed")
def renamed_while_a_move_waits() -> None:
    """A move that waits for a window survives a reload that renames the route it goes to."""
    with Site(_rules("search"), channels=MOVING, starts=NIGHT) as site:
        disk = event("Disk", "a", "high")
        site.fire(disk)
        site.wait(minutes=20)
        assert texts(site.shown("#low"))
        site.fire(disk.but(team="search"))
        site.wait(minutes=10)
        assert not site.shown("#high")
        site.reload(_rules("finding"))
        _moved_in_the_end(site)


BY_SEVERITY = """
routing:
  channel: "#low"
  group_by: [alert.name]
  repeat_interval: none
  routes:
    - {name: p1, match: ['alert.severity = critical'], channel: "#p1", quiet: [nights]}
    - {name: p2, match: ['alert.severity = high'], channel: "#high", quiet: [nights]}
windows: {nights: {hours: 22:00-06:00}}
"""


@story("E3-falls-back")
def falls_back_while_a_move_waits() -> None:
    """Low, critical, then high, the latter two at night: in the morning it is where high belongs."""
    with Site(BY_SEVERITY, channels={**MOVING, "#p1": []}, starts=NIGHT) as site:
        disk = event("Disk", "a", "low")
        site.fire(disk)
        site.wait(minutes=20)
        site.fire(disk.but(severity="critical"))
        site.wait(minutes=10)
        site.fire(disk.but(severity="high"))
        assert not site.shown("#p1")
        _moved_in_the_end(site)


@story("E3-changes-again")
def changes_again_while_a_move_waits() -> None:
    """A move that waits for a window survives the alert's next change, be it a fall."""
    with Site(_rules("search"), channels=MOVING, starts=NIGHT) as site:
        disk = event("Disk", "a", "high")
        site.fire(disk)
        site.wait(minutes=20)
        site.fire(disk.but(team="search"))
        site.wait(minutes=10)
        site.fire(disk.but(team="search", severity="low"))
        _moved_in_the_end(site)


def _under(maintenance: str) -> str:
    begins, ends = START + timedelta(minutes=30), START + timedelta(hours=10)
    return f"""
routing: {{channel: "#db", group_by: [alert.name], page: bob, repeat_interval: 1h}}
maintenance:
  - {{name: upgrade, match: ['{maintenance}'], from: {begins:%Y-%m-%dT%H:%MZ}, until: {ends:%Y-%m-%dT%H:%MZ}}}
"""


def _is_held(site: Site) -> None:
    must(not site.heard("maria"), "what is held back is not heard in its channel")
    must(not site.heard("bob"), "what is held back pages nobody")


@story("E4-maintenance-repeats")
def repeats_under_maintenance() -> None:
    """A maintenance that begins over a told alert holds its repeats."""
    with Site(_under("alert.name = Disk")) as site:
        site.fire(event("Disk", "a", "high"))
        site.wait(minutes=31)
        site.forget_sounds()
        site.wait(hours=8)
        _is_held(site)
        site.end(event("Disk", "a", "high"))
        site.wait(minutes=2)
        assert texts(site.shown("#db"))[0].startswith("Resolved")


@story("E4-maintenance-worse")
def worse_under_maintenance() -> None:
    """A maintenance that begins over a told alert holds what would be said because it got worse."""
    with Site(_under("alert.name = Disk")) as site:
        disk = event("Disk", "a", "medium")
        site.fire(disk)
        site.wait(minutes=40)
        site.forget_sounds()
        site.fire(disk.but(severity="critical"))
        site.wait(minutes=10)
        assert "CRITICAL" in site.shown("#db")[0].text, "edits are never held"
        _is_held(site)


INHIBITED = """
routing:
  channel: "#db"
  group_by: [alert.name]
  page: bob
  repeat_interval: 1h
  routes: [{name: clusters, match: ['alert.name = ClusterDown'], channel: "#clusters", page: none}]
inhibit: [{name: cluster-down, while: ['alert.name = ClusterDown'], hold: ['alert.name = Disk'], equal: [cluster]}]
"""
CLUSTERS = {"#db": ["maria"], "#clusters": ["chris"]}


@story("E4-inhibition-repeats")
def repeats_while_inhibited() -> None:
    """An inhibition that begins over a told alert holds its repeats."""
    with Site(INHIBITED, channels=CLUSTERS) as site:
        site.fire(event("Disk", "a", "high", cluster="eu"))
        site.wait(minutes=30)
        site.fire(event("ClusterDown", "eu", "critical", cluster="eu"))
        site.wait(minutes=1)
        site.forget_sounds()
        site.wait(hours=5)
        _is_held(site)


@story("E4-inhibition-worse")
def worse_while_inhibited() -> None:
    """An inhibition that begins over a told alert holds what would be said because it got worse."""
    with Site(INHIBITED, channels=CLUSTERS) as site:
        disk = event("Disk", "a", "medium", cluster="eu")
        site.fire(disk)
        site.wait(minutes=30)
        site.fire(event("ClusterDown", "eu", "critical", cluster="eu"))
        site.wait(minutes=1)
        site.forget_sounds()
        site.fire(disk.but(severity="critical"))
        site.wait(minutes=10)
        _is_held(site)


@story("E9-while-a-reload-goes-on")
def inhibited_while_a_reload_goes_on() -> None:
    """What the new rules inhibit is not told between their coming into force and the last alert's being held against them."""
    with Site(INHIBITED, channels=CLUSTERS) as site:
        site.fire(event("ClusterDown", "eu", "critical", cluster="eu"))
        site.wait(minutes=1)
        site.reload(INHIBITED.partition("inhibit:")[0])
        site.fire(event("Disk", "a", "high", cluster="eu"))
        site.wait(seconds=5)
        assert not site.shown("#db")
        site.begin_reload(INHIBITED)
        site.wait(seconds=20)
        site.end_reload()
        site.wait(minutes=10)
        must(not site.shown("#db"), f"what is inhibited is not told: {texts(site.shown('#db'))}")


@story("E9-after-a-reload-that-failed")
def told_although_a_reload_never_ends() -> None:
    """Alerts that cannot be brought to their new routes are told where they stand, half a minute later."""
    with Site(INHIBITED, channels=CLUSTERS) as site:
        site.fire(event("Disk", "a", "high", cluster="eu"))
        site.begin_reload(INHIBITED.partition("inhibit:")[0])
        site.wait(minutes=2)
        must(site.shown("#db"), "it is told")


def _all_are_held(site: Site) -> None:
    for begun in range(0, 5_000, 1_000):
        site.fire(*(event("Disk", f"d{number}", "critical", cluster="eu") for number in range(begun, begun + 1_000)))
    site.wait(minutes=30)
    must(not site.shown("#db"), f"nothing held is told: {texts(site.shown('#db'))}")
    _is_held(site)


@story("E5-maintenance")
def five_thousand_under_maintenance() -> None:
    """A maintenance holds 5,000 alerts of one group as it holds one."""
    begins, ends = START - timedelta(hours=1), START + timedelta(hours=10)
    rules = f"""
routing: {{channel: "#db", group_by: [alert.name], page: bob}}
maintenance:
  - {{name: up, match: ['cluster = eu'], from: {begins:%Y-%m-%dT%H:%MZ}, until: {ends:%Y-%m-%dT%H:%MZ}}}
"""
    with Site(rules) as site:
        _all_are_held(site)


@story("E5-inhibition")
def five_thousand_inhibited() -> None:
    """An inhibition holds 5,000 alerts of one group as it holds one."""
    with Site(INHIBITED, channels=CLUSTERS) as site:
        site.fire(event("ClusterDown", "eu", "critical", cluster="eu"))
        site.wait(minutes=1)
        _all_are_held(site)


@story("E22-summary")
def ended_before_its_first_look() -> None:
    """The summary of a maintenance counts also what ended at once."""
    begins, ends = START - timedelta(hours=1), START + timedelta(hours=1)
    rules = f"""
routing: {{channel: "#db", group_by: [alert.name], group_wait: 1m}}
maintenance:
  - {{name: up, match: ['alert.name = Disk'], from: {begins:%Y-%m-%dT%H:%MZ}, until: {ends:%Y-%m-%dT%H:%MZ}}}
"""
    with Site(rules) as site:
        stays, blinks = (event("Disk", place, "high") for place in "ab")
        site.fire(stays)
        site.wait(minutes=5)
        site.end(stays)
        site.fire(blinks)
        site.end(blinks)
        site.wait(hours=2)
        assert [text for text in texts(site.shown("#db")) if "began and ended" in text]
        must([text for text in texts(site.shown("#db")) if "2 alerts began and ended" in text], "both are counted")


@story("E25-copy-joins-while-held")
def a_copy_joins_while_it_is_held() -> None:
    """A copy that an alert begins to match while a maintenance holds it hears of it when that is over."""
    rules = """
routing: {channel: "#db", group_by: [alert.name], repeat_interval: none}
copies: [{name: b, match: ['team = b'], channel: "#copy"}]
maintenance: [{name: upgrade, match: ['team = b'], from: 2026-11-02T12:03Z, until: 2026-11-02T12:30Z}]
"""
    with Site(rules, channels={"#db": ["maria"], "#copy": ["chris"]}) as site:
        disk = event("Disk", "a", team="a")
        site.fire(disk)
        site.wait(minutes=10)
        site.fire(disk.but(team="b"))
        site.wait(minutes=5)
        must(not site.heard("chris"), "what is held back makes no sound, in a copy's channel neither")
        site.wait(minutes=20)
        must([text[:7] for text in texts(site.shown("#copy"))] == ["HIGH #1"], "it is told there afterwards")
