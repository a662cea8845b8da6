"""Our machine's clock is set, or wrong, and no word is lost, doubled or late."""

from datetime import timedelta

from tests.machines.promises.findings import story
from tests.machines.promises.site import Site, event, is_over, must, texts

RULES = 'routing: {channel: "#db", group_by: [alert.name]}\n'


def _end_is_told(site: Site) -> None:
    site.end(event("Disk", "a"))
    site.wait(minutes=5)
    must(is_over(site.shown("#db")[0]), f"an end that was accepted is told: {texts(site.shown('#db'))}")


def _begun(site: Site) -> None:
    site.fire(event("Disk", "a"))
    site.wait(seconds=20)
    assert texts(site.shown("#db"))


@story("E7-three-seconds")
def clock_three_seconds_back() -> None:
    """The clock goes back three seconds, too little to be noticed, and an end is an end."""
    with Site('routing: {channel: "#db", group_by: [alert.name], group_wait: 0s}\n') as site:
        site.fire(event("Disk", "a"))
        site.wait(seconds=1)
        assert texts(site.shown("#db"))
        site.set_clock(seconds=-3)
        _end_is_told(site)


@story("E7-an-hour-unnoticed")
def clock_an_hour_back_unnoticed() -> None:
    """The clock goes back an hour, and an end comes before that is noticed."""
    with Site(RULES) as site:
        _begun(site)
        site.set_clock(hours=-1)
        site.end(event("Disk", "a"))
        site.wait(seconds=5)
        site.notice_clock()
        site.wait(minutes=5)
        must(is_over(site.shown("#db")[0]), f"an end that was accepted is told: {texts(site.shown('#db'))}")


@story("E7-an-hour-noticed")
def clock_an_hour_back_noticed() -> None:
    """The clock went back an hour and that was noticed; an end ten minutes later is an end."""
    with Site(RULES) as site:
        _begun(site)
        site.set_clock(hours=-1)
        site.wait(seconds=5)
        site.notice_clock()
        site.wait(minutes=10)
        _end_is_told(site)


@story("E7-fires-again")
def clock_an_hour_back_and_it_fires_again() -> None:
    """The clock went back an hour; what fires again after its end is told again."""
    with Site(RULES) as site:
        _begun(site)
        site.end(event("Disk", "a"))
        site.wait(minutes=1)
        assert is_over(site.shown("#db")[0])
        site.set_clock(hours=-1)
        site.wait(seconds=5)
        site.notice_clock()
        site.wait(minutes=10)
        site.fire(event("Disk", "a"))
        site.wait(minutes=5)
        must([one for one in site.shown("#db") if not is_over(one)], "what fires is shown")


def _killed_after_the_first_word(ahead: timedelta) -> None:
    with Site(RULES, clock_ahead=ahead) as site:
        site.fire(event("Other", "b"))  # something is learnt of Slack's clock, and goes with the process
        site.wait(minutes=1)
        site.fire(event("Disk", "a"))
        site.kill_in_next_call("after")
        site.wait(seconds=30)
        site.wait(minutes=10)
        shown = [text for text in texts(site.shown("#db")) if "Disk" in text]
        must(len(shown) == 1, f"a first word stands once: {shown}")


@story("E15-ahead")
def clock_ahead_of_slacks() -> None:
    """Our clock is five minutes ahead of Slack's: a process killed after its first word does not say it twice."""
    _killed_after_the_first_word(timedelta(minutes=5))


@story("E15-behind")
def clock_behind_slacks() -> None:
    """Our clock is five minutes behind Slack's: a process killed after its first word does not say it twice."""
    _killed_after_the_first_word(timedelta(minutes=-5))


@story("E16")
def clock_back_and_an_empty_group() -> None:
    """The clock went back an hour: what begins in a group that was empty then is told as fast as ever."""
    with Site(RULES) as site:
        _begun(site)
        site.end(event("Disk", "a"))
        site.wait(minutes=15)
        assert is_over(site.shown("#db")[0])
        site.forget_sounds()
        site.set_clock(hours=-1)
        site.wait(seconds=5)
        site.notice_clock()
        site.wait(minutes=10)
        site.fire(event("Disk", "b", "critical"))
        site.wait(minutes=1)
        must([one for one in site.heard("maria") if "CRITICAL" in one.text], "a critical alert is heard at once")
