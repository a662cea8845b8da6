"""Slack refuses, delays, answers nothing: what stands becomes true again, once, and nobody hears more for it."""

from datetime import timedelta

from tests.machines.promises.findings import story
from tests.machines.promises.site import Condition, Site, event, is_over, must, texts
from tests.slackworld import moods

MINUTE = timedelta(minutes=1)


CHANNELS = 50


def _busy_site() -> Site:
    """Fifty channels that are known to exist already, beside one in which things end."""
    channels = {f"#c{number}": ["chris"] for number in range(CHANNELS)}
    routes = "".join(
        f"    - {{name: r{number}, match: ['team = t{number}'], channel: \"#c{number}\"}}\n"
        for number in range(CHANNELS)
    )
    rules = f'routing:\n  channel: "#db"\n  group_by: [alert.name]\n  group_wait: 0s\n  repeat_interval: none\n  routes:\n{routes}'
    site = Site(rules, channels={"#db": ["maria"], **channels})
    site.fire(*_storm("Warm", CHANNELS))
    site.fire(*ENDING)
    site.wait(minutes=20)
    assert all(site.shown(channel) for channel in channels)
    assert len(site.shown("#db")) == len(ENDING)
    return site


def _storm(name: str, size: int) -> list[Condition]:
    return [event(f"{name}{number}", "a", "critical", team=f"t{number % CHANNELS}") for number in range(size)]


ENDING = [event(f"Disk{number}", "a", "low") for number in range(5)]


def _ends_within_a_minute(site: Site) -> None:
    site.end(*ENDING)
    site.wait(seconds=61)
    owed = [text for text in texts(site.shown("#db")) if not text.startswith("Resolved")]
    must(not owed, f"not told a minute after their end: {owed}")


@story("E6-behind-first-words")
def an_end_behind_first_words() -> None:
    """An end is told within a minute, whatever first words wait in other channels."""
    with _busy_site() as site:
        site.fire(*_storm("Storm", 500))
        site.wait(seconds=90)
        _ends_within_a_minute(site)


@story("E6-posts-limited")
def an_end_while_posts_are_limited() -> None:
    """Slack limits methods apart: while posts are refused for pace, an end is told by an edit."""
    with Site('routing: {channel: "#db", group_by: [alert.name]}\n') as site:
        disk = event("Disk", "a")
        site.fire(disk)
        site.wait(minutes=5)
        site.slack.mood(moods.ratelimit(900), method="chat.postMessage")
        site.fire(*(event(f"Other{number}", "b") for number in range(3)))
        site.wait(seconds=30)
        site.end(disk)
        site.wait(minutes=1)
        must(is_over(site.shown("#db")[0]), "an edit does not wait for the limit on posts")


@story("E6-many-posts-limited")
def an_end_while_many_posts_are_limited() -> None:
    """The same behind five hundred first words that may not be posted."""
    with _busy_site() as site:
        site.slack.mood(moods.ratelimit(900), method="chat.postMessage")
        site.fire(*_storm("Storm", 500))
        site.wait(seconds=30)
        _ends_within_a_minute(site)


COPIED = """
routing: {channel: "#db", group_by: [alert.name], repeat_interval: none}
copies: [{name: audit, match: ['alert.name = Disk'], channel: "#audit"}]
"""


def _copy_is_archived(fallback: str, channels: dict[str, list[str]]) -> Site:
    site = Site(COPIED, channels=channels, fallback=fallback)
    site.fire(event("Disk", "a"))
    site.wait(minutes=1)
    assert len(site.shown("#audit")) == 1
    site.forget_sounds()
    site.slack.archive("#audit")
    for number in range(10):
        site.fire(event("Disk", f"b{number}"))
        site.wait(minutes=1)
    return site


@story("E8-again-and-again")
def archived_copy() -> None:
    """A copy whose channel is archived goes on in the fallback channel as one message, not one for every change."""
    with _copy_is_archived("#fallback", {"#db": ["maria"], "#audit": [], "#fallback": ["chris"]}) as site:
        shown, sounds = texts(site.shown("#fallback")), site.heard("chris")
        must(len(shown) <= 1, f"one incident is one message in the fallback channel: {shown}")
        must(len(sounds) <= 1, f"and makes no more than one sound there: {texts(sounds)}")


@story("E8-shown-there-already")
def archived_copy_where_the_fallback_shows_it() -> None:
    """A fallback channel that shows the incident already does not get it a second time."""
    with _copy_is_archived("#db", {"#db": ["maria"], "#audit": []}) as site:
        shown = texts(site.shown("#db"))
        must(len(shown) == 1, f"one incident is one message in a channel: {shown}")
        must(not site.heard("maria"), "and makes no sound because a copy failed")


ONE = 'routing: {channel: "#db", group_by: [alert.name], page: bob, repeat_interval: none}\n'


def _well_in_the_end(site: Site, disk: Condition, place: str) -> None:
    site.wait(minutes=20)
    site.end(disk)
    site.wait(minutes=20)
    stands = texts(site.shown(place))
    must(
        not [text for text in stands if not text.startswith(("Resolved", "Over"))], f"all that stands is true: {stands}"
    )


@story("E13-archived-for-a-minute")
def archived_for_a_minute() -> None:
    """A message of a channel that was archived and unarchived becomes true again."""
    with Site(ONE, channels={"#db": ["maria"], "#fallback": []}, fallback="#fallback") as site:
        disk = event("Disk", "a", "medium")
        site.fire(disk)
        site.wait(minutes=1)
        site.slack.archive("#db")
        site.fire(disk.but(severity="high"))
        site.wait(minutes=1)
        site.slack.unarchive("#db")
        _well_in_the_end(site, disk, "#db")
        _well_in_the_end(site, disk, "#fallback")


@story("E13-archived-again-and-again")
def archived_again_and_again() -> None:
    """However often a channel refuses, the fallback channel has one message of an incident, and hears a change once."""
    with Site(ONE, channels={"#db": ["maria"], "#fallback": ["chris"]}, fallback="#fallback") as site:
        disk = event("Disk", "a", "low")
        site.fire(disk)
        site.wait(minutes=1)
        for severity in ("medium", "high", "critical"):
            site.slack.archive("#db")
            site.fire(disk.but(severity=severity))
            site.wait(minutes=3)
            site.slack.unarchive("#db")
            site.wait(minutes=3)
        rises = texts(site.heard("chris"))
        must(len(site.shown("#fallback")) == 1, f"one message: {texts(site.shown('#fallback'))}")
        must(len(rises) == 3, f"each rise is heard once where the thread is: {rises}")
        _well_in_the_end(site, disk, "#db")
        _well_in_the_end(site, disk, "#fallback")


@story("E13-ended-while-archived")
def ended_while_archived() -> None:
    """An end that was told in the fallback channel is told in the channel too, and stays told."""
    with Site(ONE, channels={"#db": ["maria"], "#fallback": []}, fallback="#fallback") as site:
        disk = event("Disk", "a", "medium")
        site.fire(disk)
        site.wait(minutes=1)
        site.slack.archive("#db")
        site.fire(disk.but(severity="high"))
        site.wait(minutes=3)
        site.end(disk)
        site.wait(minutes=3)
        assert is_over(site.shown("#fallback")[0])
        site.slack.unarchive("#db")
        _well_in_the_end(site, disk, "#db")
        _well_in_the_end(site, disk, "#fallback")


@story("E13-reopened-while-archived")
def reopened_while_archived() -> None:
    """What came back while the channel refused is told in its thread, too, before the next end is."""
    with Site(ONE, channels={"#db": ["maria"], "#fallback": []}, fallback="#fallback") as site:
        disk = event("Disk", "a", "low")
        site.fire(disk)
        site.wait(minutes=1)
        site.end(disk)
        site.wait(minutes=1)
        site.slack.archive("#db")
        site.fire(disk)
        site.wait(minutes=3)
        site.forget_sounds()
        site.slack.unarchive("#db")
        site.wait(minutes=3)
        must(not site.heard("maria"), "it rang where it was told first")
        site.end(disk)
        site.wait(minutes=3)
        said = [reply.text.partition(": ")[2][:8] for reply in site.shown("#db")[0].replies]
        must(said == ["resolved", "reopened", "resolved"], f"ends and returns take turns: {said}")


@story("E23")
def turns_in_bad_weather() -> None:
    """Ends and returns take turns in a thread, also when several are told at once because Slack was away."""
    with Site(ONE) as site:
        disk = event("Disk", "a", "low")
        site.fire(disk)
        site.wait(minutes=1)
        site.end(disk)
        site.wait(minutes=1)
        site.slack.mood(moods.UNREACHABLE, times=None)
        for _ in range(2):
            site.fire(disk)
            site.wait(seconds=20)
            site.end(disk)
            site.wait(seconds=20)
        site.fire(disk)
        site.wait(seconds=20)
        site.slack.clear_moods()
        site.wait(minutes=5)
        site.end(disk)
        site.wait(minutes=5)
        said = [text.partition(": ")[2][:8] for text in texts(site.shown("#db")[0].replies)]
        must(said == ["resolved", "reopened", "resolved"], f"ends and returns take turns: {said}")


@story("E13-bot-removed-for-a-minute")
def bot_removed_for_a_minute() -> None:
    """A message of a channel that refused us for a minute becomes true again."""
    with Site(ONE, channels={"#db": ["maria"], "#fallback": []}, fallback="#fallback") as site:
        disk = event("Disk", "a", "medium")
        site.fire(disk)
        site.wait(minutes=1)
        site.slack.mood(moods.refuse("channel_not_found"), channel="#db", times=None)
        site.fire(disk.but(severity="high"))
        site.wait(minutes=1)
        site.slack.clear_moods()
        _well_in_the_end(site, disk, "#db")


@story("E13-direct-message")
def direct_message_refused_once() -> None:
    """A direct message of which one edit was refused becomes true again."""
    with Site(ONE) as site:
        disk = event("Disk", "a", "critical")
        site.fire(disk)
        site.wait(minutes=1)
        site.slack.mood(moods.refuse("channel_not_found"), method="chat.update", channel=site.slack.direct("bob").id)
        site.fire(event("Disk", "b", "critical"))
        site.wait(minutes=1)
        site.end(event("Disk", "b", "critical"))
        _well_in_the_end(site, disk, "bob")


@story("E9-second-root-in-fallback")
def unknown_outcome_and_a_refused_search() -> None:
    """A first word of unknown outcome, and a channel that refuses for a minute: it is not said again elsewhere."""
    with Site(ONE, channels={"#db": ["maria"], "#fallback": ["chris"]}, fallback="#fallback") as site:
        site.slack.mood(moods.RESET_AFTER, method="chat.postMessage", channel="#db")
        disk = event("Disk", "a")
        site.fire(disk)
        site.wait(seconds=20)
        assert len(site.shown("#db")) == 1
        site.slack.mood(moods.refuse("channel_not_found"), channel="#db", times=None)
        site.wait(minutes=1)
        site.slack.clear_moods()
        site.wait(minutes=15)
        site.end(disk)
        site.wait(minutes=15)
        shown = [*texts(site.shown("#db")), *texts(site.shown("#fallback"))]
        must(len(shown) == 1, f"one first word: {shown}")
        must(is_over(site.shown("#db")[0]), f"and it is kept true: {shown}")


@story("E9-unknown-in-fallback")
def unknown_outcome_in_the_fallback() -> None:
    """A first word of unknown outcome in the fallback channel is looked for there before it is said again."""
    with Site(ONE, channels={"#db": ["maria"], "#fallback": ["chris"]}, fallback="#fallback") as site:
        site.slack.archive("#db")
        site.slack.mood(moods.RESET_AFTER, method="chat.postMessage", channel="#fallback")
        disk = event("Disk", "a")
        site.fire(disk)
        site.wait(seconds=15)
        site.end(disk)
        site.wait(minutes=20)
        site.fire(disk)
        site.wait(minutes=20)
        shown = [one for one in site.shown("#fallback") if "#1" in one.text]
        must(len(shown) <= 1, f"an incident is one message in the fallback channel: {texts(shown)}")
