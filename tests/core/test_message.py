"""What a channel is told of an incident, in which words, and Slack's limits whatever a sender wrote."""

import re
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.alert import Severity
from router.core.render.blocks import faults
from router.core.render.headline import PUSH
from router.core.render.message import incident_message
from router.core.view import AlertLine, EndKind, IncidentView, MessageTemplate, Rendered, Suppressed
from tests.core.incidents import BEGAN, OPEN, OVER, VIEWS, but

SINCE = "<!date^1795227240^{date_short_pretty} {time}|2026-11-21 02:14 UTC>"
SINCE_AGO = SINCE.replace("{time}", "{time} ({ago})")
SPAN = f" ({SINCE}–<!date^1795228080^{{time}}|02:28 UTC>)"


def texts(message: Rendered) -> list[str]:
    """Everything a block says, in order, bars after the rest."""
    blocks = [*message.blocks, *(block for bar in message.attachments for block in _blocks(bar))]
    return [str(part["text"]) for block in blocks for part in _parts(block)]


def _blocks(bar: dict[str, object]) -> list[dict[str, object]]:
    return msgspec.convert(bar["blocks"], list[dict[str, object]])


def _parts(block: dict[str, object]) -> list[dict[str, object]]:
    return msgspec.convert(block.get("elements") or [block["text"]], list[dict[str, object]])


def colour(message: Rendered) -> object:
    return message.attachments[0]["color"]


def test_push_says_the_state_first_and_who_is_on_call() -> None:
    message = incident_message(OPEN, is_primary=True)
    assert message.text == "CRITICAL #1234 InstanceDown ×3 · team payments, cluster eu-1 · on call: Maria"


def test_one_alert_is_not_counted_and_says_where() -> None:
    view = but(OPEN, firing=1, on_call=(), common_labels={**OPEN.common_labels, "instance": "web-1"})
    assert incident_message(view, is_primary=True).text == (
        "CRITICAL #1234 InstanceDown · team payments, cluster eu-1, instance web-1"
    )


def test_open_message_has_headline_summary_and_detail() -> None:
    message = incident_message(but(OPEN, ended=2), is_primary=True, external_url="http://localhost:9080/")
    assert texts(message) == [
        f"🔴 *CRITICAL #1234 InstanceDown* ×3 · team payments, cluster eu-1\nsince {SINCE_AGO} · on call: Maria · 2 ended",
        "web-1 does not answer",
        "• `instance=web-1`\n• HIGH `instance=web-2`\n<http://localhost:9080/incidents/1234|… all 3>",
        "`cluster=eu-1` `team=payments`",
        "payments/p1 · prometheus · <http://localhost:9080/incidents/1234|why am I seeing this>",
    ]
    assert len(message.blocks) == 2


def test_headline_names_the_instance_for_whoever_clicks() -> None:
    assert incident_message(OPEN, is_primary=True, instance="prod").blocks[0]["block_id"] == "prod/1234"


@pytest.mark.parametrize(
    ("how", "text", "is_green"),
    [
        (EndKind.TOLD, "Resolved #1234 CRITICAL InstanceDown — payments, eu-1 · 3 alerts · 14 min", True),
        (EndKind.EXPIRED, "Resolved #1234 CRITICAL InstanceDown — payments, eu-1 · 3 alerts · 14 min", True),
        (
            EndKind.MISSING,
            "Over #1234 CRITICAL InstanceDown — payments, eu-1 · 3 alerts · 14 min: no longer sent by Alertmanager",
            False,
        ),
        (
            EndKind.PRESUMED,
            "Over #1234 CRITICAL InstanceDown — payments, eu-1 · 3 alerts: no word for 26 h, presumed over",
            False,
        ),
        (None, "Resolved #1234 CRITICAL InstanceDown — payments, eu-1 · 3 alerts · 14 min", True),
    ],
)
def test_an_end_shrinks_to_one_line_that_says_how_it_ended(how: EndKind | None, text: str, is_green: bool) -> None:
    view = but(OVER, ended_how=how, unheard_for=timedelta(hours=26), on_call=("Maria",))
    message = incident_message(view, is_primary=True)
    assert message.text == text
    assert len(message.blocks) == 1
    first, why = texts(message)
    assert first.replace("*", "").removesuffix(SPAN).endswith(text)
    assert "\n" not in first
    assert why == "payments/p1 · prometheus"
    assert colour(message) == ("#2eb67d" if is_green else "#9aa0a6")


def test_an_end_without_instants_says_no_duration() -> None:
    endless = incident_message(but(OVER, ended_at=None), is_primary=True)
    assert endless.text == "Resolved #1234 CRITICAL InstanceDown — payments, eu-1 · 3 alerts"
    presumed = but(OVER, ended_how=EndKind.PRESUMED)
    said = incident_message(presumed, is_primary=True).text
    assert said == "Over #1234 CRITICAL InstanceDown — payments, eu-1 · 3 alerts: no word, presumed over"


def test_held_back_news_says_how_much_until_when_and_by_what() -> None:
    held = (
        Suppressed(3, "nights", BEGAN),
        Suppressed(1, "cluster-down"),
        Suppressed(1, ""),
        Suppressed(4, "x"),
        Suppressed(5, "y"),
    )
    first = texts(incident_message(but(OPEN, suppressed=held), is_primary=True))[0]
    assert first.split("\n")[2:] == [
        f"+3 held back until {SINCE} (nights)",
        "+1 held back (cluster-down)",
        "+1 held back",
        "+9 held back otherwise",
    ]


def test_silenced_news_says_by_whom_and_why() -> None:
    held = (
        Suppressed(3, "by maria: <!channel> *disks*", BEGAN, is_silence=True),
        Suppressed(1, "", is_silence=True),
        Suppressed(2, "by bob", BEGAN, is_silence=True, is_known=True),
        Suppressed(7, "by eve", BEGAN, is_silence=True, is_known=True),
    )
    first = texts(incident_message(but(OPEN, suppressed=held), is_primary=True))[0]
    assert first.split("\n")[2:] == [
        f"+3 silenced until {SINCE} (by maria: &lt;!channel&gt; *disks*)".replace("*", "\u2217"),
        "+1 silenced",
        f"2 silenced until {SINCE} (by bob)",
    ]


def test_a_silent_source_makes_the_state_unknown() -> None:
    message = incident_message(but(OPEN, source_silent_since=BEGAN), is_primary=True)
    assert message.text.startswith("CRITICAL #1234 InstanceDown ×3 · unknown since 02:14 UTC, prometheus is silent")
    assert f"unknown since {SINCE}, prometheus is silent" in texts(message)[0]
    two = incident_message(but(OPEN, source_silent_since=BEGAN, sources=("a", "b")), is_primary=True)
    assert "a, b are silent" in two.text
    none = incident_message(but(OPEN, source_silent_since=BEGAN, sources=()), is_primary=True)
    assert "its source is silent" in none.text
    over = incident_message(but(OVER, source_silent_since=BEGAN), is_primary=True)
    assert "unknown" not in over.text


def test_other_channels_link_home() -> None:
    assert "thread and replies in <#C0123ABCD>" in texts(incident_message(OPEN, is_primary=False, home="C0123ABCD"))
    assert "thread and replies in #db" in texts(incident_message(OPEN, is_primary=False, home="#db"))
    assert not any("thread" in text for text in texts(incident_message(OPEN, is_primary=False)))


def test_links_are_ours_and_only_to_http() -> None:
    links = (("runbook", "https://wiki/x"), ("bad", "javascript:alert(1)"), ("", "https://wiki/y"))
    assert "<https://wiki/x|runbook> · <https://wiki/y|link>" in texts(
        incident_message(but(OPEN, links=links), is_primary=True)
    )


def test_links_without_room_are_left_out() -> None:
    links = tuple((f"l{number}", f"https://wiki/{'x' * 1500}") for number in range(3))
    message = incident_message(but(OPEN, links=links), is_primary=True)
    assert "|l0>" in texts(message)[-2]
    assert "|l1>" not in texts(message)[-2]


def test_alerts_link_to_their_source_while_there_is_room() -> None:
    alerts = tuple(
        AlertLine(f"Down {n}", Severity.CRITICAL, BEGAN, url=f"https://prom/{'x' * 700}?{n}") for n in range(5)
    )
    listing = texts(incident_message(but(OPEN, alerts=alerts, firing=17), is_primary=True))[2].split("\n")
    assert [bool(re.search(r"\|Down \d>", line)) for line in listing] == [True, False, False, False, False, False]
    assert listing[-1] == "and 12 more"


def test_alerts_without_room_are_counted() -> None:
    wide = {f"{letter}{'&' * 60}": "&" * 60 for letter in "abc"}
    alerts = tuple(AlertLine("&" * 100, Severity.INFO, BEGAN, differs=wide) for _ in range(5))
    message = incident_message(but(OPEN, alerts=alerts, firing=5), is_primary=True)
    assert faults(message) == ()
    assert "&amp;" in texts(message)[2]


def test_a_single_alert_is_not_listed_again() -> None:
    alone = but(OPEN, firing=1, alerts=(AlertLine("InstanceDown", Severity.CRITICAL, BEGAN),))
    assert not any(text.startswith("•") for text in texts(incident_message(alone, is_primary=True)))


def test_labels_are_to_be_copied_and_the_thirteenth_is_counted() -> None:
    labels = {f"label_{n:02}": "node_exporter" for n in range(14)}
    shown = texts(incident_message(but(OPEN, common_labels=labels), is_primary=True))[-2]
    assert shown.startswith("`label_00=node_exporter` `label_01")
    assert shown.endswith(" and 2 more")


def test_an_incident_nobody_named_still_has_a_headline() -> None:
    view = but(
        OPEN, title="\u202e", name="", route="", sources=(), summary="", alerts=(AlertLine("", Severity.LOW, BEGAN),)
    )
    message = incident_message(view, is_primary=True)
    assert "(no title)" in message.text
    assert texts(message)[-1] == "#1234"


def test_a_template_gives_title_and_text_and_a_broken_one_the_built_in_words() -> None:
    own = but(OPEN, template=MessageTemplate(title="{{ labels.cluster }} down", text="*{{ firing }}* of <!channel>"))
    message = incident_message(own, is_primary=True)
    assert message.text.startswith("CRITICAL #1234 eu-1 down ×3")
    assert texts(message)[1] == "*3* of &lt;!channel&gt;"
    broken = but(OPEN, template=MessageTemplate(title="{{ 'a' * 9 }}", text="{% for"))
    assert incident_message(broken, is_primary=True) == incident_message(OPEN, is_primary=True)


def test_a_place_that_the_title_says_is_not_said_again() -> None:
    labels = {"service": "checkout", "instance": "web-1", "cluster": "eu-1"}
    view = but(OPEN, title="checkout is slow on web-1", firing=1, common_labels=labels, group_labels={}, on_call=())
    assert incident_message(view, is_primary=True).text == "CRITICAL #1234 checkout is slow on web-1 · cluster eu-1"
    own = but(view, title="Slow", template=MessageTemplate(title="{{ name }} in {{ labels.cluster }}"))
    text = incident_message(own, is_primary=True).text
    assert text == "CRITICAL #1234 InstanceDown in eu-1 · service checkout, instance web-1"
    part = but(view, title="checkout-v2 is slow")
    assert "service checkout, " in incident_message(part, is_primary=True).text, "another one"


def test_one_alert_alone_has_no_others_to_lead_to() -> None:
    alone = but(OPEN, firing=1, alerts=())
    assert "all 1" not in str(incident_message(alone, is_primary=True, external_url="https://router.example"))
    one = but(OPEN, firing=1, alerts=OPEN.alerts[:1])
    assert "• `instance=web-1`" in texts(incident_message(one, is_primary=True, external_url="https://r.example"))[2]
    assert "all 1" not in str(incident_message(one, is_primary=True, external_url="https://r.example"))


def test_what_moved_is_not_said_to_be_over() -> None:
    moved = but(OVER, ended_how=EndKind.MOVED, moved_to="#incidents as #42")
    message = incident_message(moved, is_primary=True)
    assert message.text == "#1234 CRITICAL InstanceDown: moved to #incidents as #42"
    assert colour(message) == "#9aa0a6"


def test_one_alert_that_ended_says_where_it_was() -> None:
    labels = {"instance": "web-1", "service": "checkout"}
    one = but(OVER, ended=1, lasting_labels=labels, group_labels={})
    assert incident_message(one, is_primary=True).text.endswith("InstanceDown — checkout, web-1 · 14 min")
    several = but(OVER, ended=6, noun="pods", lasting_labels=labels, group_labels={})
    assert incident_message(several, is_primary=True).text.endswith("InstanceDown — checkout · 6 pods · 14 min")


def test_a_long_title_gives_way_to_state_and_duration() -> None:
    text = incident_message(but(OVER, title="x" * 5000, ended_how=EndKind.MISSING), is_primary=True).text
    assert text.endswith("… — payments, eu-1 · 3 alerts · 14 min: no longer sent by Alertmanager")
    assert len(text) <= PUSH
    assert len(incident_message(but(OVER, title="&" * 5000, number=10**120), is_primary=True).text) <= PUSH


@settings(max_examples=80, deadline=None)
@given(VIEWS, st.booleans(), st.sampled_from(["", "C0123ABCD", "#db", "<!here>"]))
def test_any_incident_is_a_message_that_slack_takes(view: IncidentView, is_primary: bool, home: str) -> None:
    message = incident_message(
        view, is_primary=is_primary, home=home, external_url="http://localhost:9080", instance="prod"
    )
    assert faults(message) == ()
    assert len(message.text) <= PUSH
    assert message.attachments, "the full message must fit: degrading is for what we did not foresee"
    everything = message.text + "".join(texts(message))
    for seen in ("<!channel", "<!here", "javascript:alert(1)|", "<https://evil"):
        assert seen not in everything
    assert not re.search("[\x00\u200b\u202a-\u202e\u2066-\u2069\ud800]", everything)
    assert "<@" not in everything


def test_a_summary_is_cut_at_300_characters() -> None:
    def summary(length: int) -> str:
        return texts(incident_message(but(OPEN, summary="x" * length), is_primary=True))[1]

    assert summary(300) == "x" * 300
    cut = summary(301)
    assert len(cut) <= 300
    assert cut.endswith("…")


def test_many_alerts_are_counted_and_all_of_them_are_a_link_away() -> None:
    counted = but(OPEN, firing=30, counted=("node", (("node-0", 10), ("node-1", 20))))
    alerts = texts(incident_message(counted, is_primary=True, external_url="https://r.example"))[2]
    assert alerts.startswith("node-0 10 · node-1 20\n• ")
    assert alerts.endswith("<https://r.example/incidents/1234|… all 30>")


def test_when_each_began_is_said_only_where_it_differs() -> None:
    first, second = OPEN.alerts[:2]
    later = msgspec.structs.replace(second, starts_at=BEGAN + timedelta(minutes=1))
    alike, apart = (
        texts(incident_message(but(OPEN, alerts=pair), is_primary=True))[2]
        for pair in ((first, second), (first, later))
    )
    assert "since" not in alike
    assert apart.count("since") == 2


def test_what_kind_of_alert_it_is_stands_small_where_the_headline_has_its_summary() -> None:
    titled = but(OPEN, title="web-1 is down", firing=1)
    assert texts(incident_message(titled, is_primary=True))[-1].startswith("InstanceDown · payments/p1")
    assert texts(incident_message(OPEN, is_primary=True))[-1].startswith("payments/p1")


def test_people_appear_by_name() -> None:
    assert (
        "on call: Alice, Bob McDonald"
        in incident_message(but(OPEN, on_call=("payments/alice", "Bob McDonald")), is_primary=True).text
    )
