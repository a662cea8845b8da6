"""Users' templates: what they can say, and that none of them can take time, memory or anything else."""

import time

import pytest

from adapters.alert import Severity
from router.core.mrkdwn import rich
from router.core.render.message import incident_message
from router.core.templates import template as module
from router.core.templates.filters import FILTERS
from router.core.templates.sandbox import compiled
from router.core.templates.scope import NAMES, scope
from router.core.templates.template import template_fault, words_of
from router.core.templates.values import Marks
from router.core.view import AlertLine, EndKind, IncidentView, MessageTemplate, Suppressed
from rules.language.templates import TemplateFault
from tests.core.incidents import BEGAN, OPEN, OVER, but


def render(template: str, view: IncidentView) -> tuple[str | None, str]:
    return module.render(template, view, Marks(is_plain=True))


def shown(text: str, view: IncidentView = OPEN) -> str:
    """What Slack is told of a template's text."""
    own = words_of(but(view, template=MessageTemplate(text=text)), "https://router.example/")
    assert own.text is not None, own.faults
    return rich(own.text, 2_500, own.marks)


VIEW = but(OPEN, ended=2, annotations={"runbook": "https://wiki/x"}, links=())


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ title }} in {{ labels.cluster | upper }}", "InstanceDown in EU-1"),
        ("{{ number }} {{ severity }} {{ state }} {{ route }} {{ sources }}", "1234 critical triggered payments/p1 prometheus"),
        ("{{ firing }}/{{ count }} {{ firing * 100 // count }} {{ firing + 1 - 2 }} {{ 7 % 4 }} {{ -1 }}", "3/5 60 2 3 -1"),
        ("{{ started_at }} {{ name }} {{ summary[:5] }} {{ title[-1] }}", "2026-11-21 02:14 UTC InstanceDown web-1 n"),
        ("{{ annotations.runbook }} {{ annotations['runbook'][0] }}", "https://wiki/x h"),
        ("{% for k, v in group_labels.items() %}{{ loop.index }} {{ k }}={{ v }}{{ ';' if not loop.last }}{% endfor %}", "1 alertname=InstanceDown;2 cluster=eu-1"),
        ("{% for a in alerts if a.severity == 'high' %}{{ a.labels.instance }}{% else %}-{% endfor %}", "web-2"),
        ("{% for k in labels %}{{ k[0] }}{% endfor %}|{% for x in number %}x{% endfor %}", "atc|"),
        ("{{ labels.nope }}{{ labels.get('nope', '-') }}{{ number.get('x', '+') }}{{ alerts[9] }}{{ alerts[9.5] }}", "-+"),
        ("{{ labels.keys() | join(', ') }} {{ labels.values() | first }}", "alertname, cluster, team InstanceDown"),
        ("{{ title.upper() }}{{ title.startswith('Inst') }}{{ title.endswith('x') }}{{ ' x '.strip() }}", "INSTANCEDOWNTrueFalsex"),
        ("{% set where = labels.team ~ '/' ~ labels.cluster %}{{ where + '!' }}", "payments/eu-1!"),
        ("{{ title | replace('Instance', 'I') | lower | title | truncate(3) | trim }} {{ 'ab' | truncate }}", "Id… ab"),
        ("{{ ['b', 'a', 'a'] | sort | unique | join('+') }} {{ ('x', 'y') | last }} {{ 'xyz' | first }} {{ 3 | last }}", "a+b y x"),
        ("{{ '' | default('none') }} {{ labels.x | d('none') }} {{ alerts | length }} {{ number | count }}", "none none 2 0"),
        ("{{ '3.7' | int }} {{ 'x' | float }} {{ '2.25' | round(1) }} {{ 2.5 | round }} {{ -4 | abs }} {{ '1e300' | int }}", "3 0.0 2.2 2 4.0 0"),
        ("{{ 5 | string }}{{ 'ab' | capitalize }}{{ labels | list | length }}{{ 4 | list }}{{ labels }}", "5Ab3"),
        ("{% if 'eu' in labels.cluster and firing is odd %}yes{% elif labels.x is defined %}no{% endif %}", "yes"),
        ("{# a comment #}{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("{{ title.__class__ }}{{ alerts.__len__ }}{% for a in alerts %}{{ loop.__x }}{% endfor %}plain", "plain"),
        ("{{ alerts | map(attribute='labels.instance') | join(' ') }}{{ alerts | map('nope') | first }}", "web-1 web-2"),
        ("{{ started_at }} {{ started_at | upper }} {{ started_at | ago }}{{ title | ago }}", "2026-11-21 02:14 UTC 2026-11-21 02:14 UTC 2026-11-21 02:14 UTC"),
        ("{{ started_at | date }} {{ started_at | date('%a %H:%M %Z', 'Europe/Berlin') }}{{ title | date }}", "2026-11-21 02:14 UTC Sat 03:14 CET"),
        ("{{ 5400 | duration }} {{ '90' | duration }} {{ -3 | duration }}{{ lasted }}{{ ended_at }}", "1 h 30 min 1 min 0 s"),
        ("{{ 1234567 | humanize }} {{ 0.5 | humanize }} {{ -2000 | humanize }} {{ '12' | humanize }} {{ 999999 | humanize }}", "1.23M 0.5 -2k 12 1000k"),
        ("{{ 1536 | bytes }} {{ 10 | bytes }} {{ 3221225472 | bytes }} {{ 1e15 | bytes }} {{ 1023 | bytes }}", "1.5 KiB 10 B 3 GiB 909 TiB 1023 B"),
        ("{{ 0.957 | percent }} {{ '0.5' | percent }}", "95.7 % 50 %"),
        ("{{ labels.cluster | matches('eu-[0-9]') }} {{ labels.cluster | matches('eu') }}", "True False"),
        (r"{{ 'web-12.prod' | regex_replace('web-([0-9]+)[.](.*)', '$2 $1') }} {{ 'aXbX' | regex_replace('X', '-') }}", "prod 12 a-b-"),
        (r"{{ 'ab' | regex_replace('(x)?b', '[$1]') }}", "a[]"),
        ("{{ annotations.runbook | link('runbook') }} {{ 'ftp://x' | link }}", "runbook ftp://x"),
        ("{{ ended }} {{ on_call }} {{ url }}{{ external_url }}{{ ended_how }}{{ links }}{{ held_back }}{{ count - firing }}", "2 Maria 2"),
    ],
)  # fmt: skip
def test_what_a_template_can_say(template: str, text: str) -> None:
    assert render(template, VIEW) == (text, "")
    assert template_fault(template) is None


HOSTILE = [
    "{{ 'a' * 500000000 }}",
    "{{ '%0900000000d' % 1 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ 99999999999999999 * firing }}",
    "{% for a in range(999999999) %}{% endfor %}",
    "{% for a in title %}{% for b in title %}{% for c in title %}{% for d in title %}{% endfor %}{% endfor %}{% endfor %}{% endfor %}x",
    "{% for a in summary %}" + "{{ summary | upper | lower }}" * 100 + "{% endfor %}",
    "{% for a in summary %}" + "{% if summary in summary %}{% endif %}" * 55 + "{% endfor %}",
    "{% for a in summary %}{% endfor %}x",
    "{% for a in summary[:900] %}" + "{% if a and a or a and a %}{% endif %}" * 5 + "{% endfor %}x",
    "{% for a in summary[:900] %}" + "{% if summary in summary %}{% endif %}" * 3 + "{% endfor %}x",
    "{{ summary }}{{ summary }}{{ summary }}",
    "{% set a = 'xxxxxxxxxxxxxxxx' %}" + "{% set a = a ~ a ~ a ~ a %}" * 20 + "{{ a }}",
    "{% set a = 'xxxxxxxxxxxxxxxx' %}" + "{% set a = a ~ a ~ a ~ a %}" * 145 + "{{ a }}",
    "{% set a = 'xxxxxxxxxxxxxxxx' %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
    "{{ summary | replace('', summary) }}",
    "{{ summary | join(summary) }}{{ [1,2,3,4,5,6,7,8,9] | join(summary) }}",
    "{{ 'a' | center(500000000) }}",
    "{{ 'a' | indent(500000000) }}",
    "{{ alerts | batch(2, 'x') }}",
    "{{ labels | xmlattr }}",
    "{{ ''.join(alerts) }}",
    "{{ '{0.__class__}'.format(title) }}",
    "{{ title.strip(*alerts) }}",
    "{{ title | replace(*alerts) }}",
    "{{ title() }}",
    "{{ title is callable }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% for a in alerts recursive %}{{ loop(alerts) }}{% endfor %}",
    "{% set ns = namespace(x='a') %}{% set ns.x = 'b' %}",
    "{% set a, b = 'xy' %}{{ [[1]] }}",
    "{% set x %}{{ title }}{% endset %}",
    "{% for k, (a, b) in labels.items() %}{% endfor %}",
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% filter upper %}x{% endfilter %}",
    "{{ " + "(" * 1900 + "1" + ")" * 1900 + " }}",
    "{{ " + "-" * 3900 + "1 }}",
    "{{ " + "a+" * 1900 + "a }}",
    "{{ " + "not " * 900 + "a }}",
    "{{ a" + ".a" * 1900 + " }}",
    "{{ a" + "|upper" * 600 + " }}",
    "{% if a %}" * 200 + "{% endif %}" * 200,
    "{{ " + "(" * 470 + "1" + ")" * 470 + " }}",
    "{{ " + "not " * 480 + "a }}",
    "{{ " + "-" * 980 + "1 }}",
    "{{" * 1900,
    "{#" * 1900,
    "{{ 1 // 0 }}",
    "{{ title + 1 }}",
    "{{ labels < labels }}",
    "{{ labels[1:] }}",
    "{{ a.b.c[1:] }}",
    "x" * 4001,
    "",
    "{{ labels.nothing }}",
    "{{ title",
    "{{ summary | regex_replace('', summary) }}",
    "{{ summary | regex_replace('a', 'xxxxxxxxx') }}",
    "{{ summary[:1000] | regex_replace('a', 'x') }}",
    "{{ summary[:180] | regex_replace('a', summary) }}",
    "{% for a in summary[:9] %}{{ summary[:1000] | regex_replace('(((a|b|.){1,9}){1,4}(a|b|.)*x)|ab(ab){99}', 'x') }}{% endfor %}",
    "{% for a in summary[:900] %}{{ summary[:900] | regex_replace('b', 'a') | matches('(a+)+c') }}{% endfor %}",
    "{% for a in summary[:900] %}{{ labels | list | map(attribute='a.b.c.d.e') }}{{ started_at | date('%H') }}{% endfor %}",
    "{{ summary | matches('" + "(a{1,9}){1,9}" * 10 + "') }}",
    "{{ 'a' | regex_replace('" + "(a|b){1,9}" * 10 + "') }}",
    "{{ summary | matches('((a{1,100}){1,100}){1,100}') }}",
    "{{ summary | matches(summary) }}",
    "{{ started_at | date('%9999999d') }}",
    "{{ started_at | date('%H' ~ summary) }}",
    "{{ started_at | date('%H', labels.cluster) }}",
    "{{ started_at + 1 }}",
    "{{ started_at - 1 }}",
    "{{ ended_at - started_at }}",
    "{{ started_at.timestamp() }}",
    "{{ started_at | replace('2', summary) }}",
]


@pytest.mark.parametrize("template", HOSTILE, ids=[f"{number}" for number in range(len(HOSTILE))])
def test_no_template_takes_time_or_memory(template: str) -> None:
    view = but(VIEW, summary="ab" * 1_000_000, alerts=(AlertLine("a", Severity.LOW, BEGAN),) * 5)
    spent = []
    for _ in range(3):
        compiled.cache_clear()
        began = time.process_time()
        text, fault = render(template, view)
        spent.append(time.process_time() - began)
    assert min(spent) < 0.05, "the least of three: the machine may be busy"
    assert (text is None) == bool(fault)
    assert text is None or len(text) <= 4_000
    assert text is None, text


def test_a_fault_says_where_and_what() -> None:
    fault = template_fault("a\n{{ title | trunkate(9) }}")
    assert fault == TemplateFault(
        2, "no filter 'trunkate' in templates", f"one of {', '.join(sorted(FILTERS))}", "did you mean truncate?"
    )
    assert str(fault) == "line 2: no filter 'trunkate' in templates"
    assert render("{{ 'a' * 9 }}", VIEW) == (None, "TemplateLimitError: * of something that is not a number")
    assert render("{% for a in summary %}x{% endfor %}", but(VIEW, summary="x" * 1001)) == (
        None,
        "TemplateLimitError: more than 1000 loop turns",
    )
    searched = "{{ summary | regex_replace('c', '') }}" * 3
    assert render(searched, but(VIEW, summary="x" * 900)) == (None, "TemplateLimitError: too much work")


@pytest.mark.parametrize(
    ("template", "said", "hint"),
    [
        ("\n{{ sverity }}", "line 2: no name 'sverity' in templates", "did you mean severity?"),
        ("{% for alert in alerts %}{% endfor %}{{ alrt.title }}", "line 1: no name 'alrt' in templates", "did you mean alert?"),
        ("{{ self.x }}", "line 1: no name 'self' in templates", ""),
        ("{{ loop.index }}", "line 1: no name 'loop' in templates", ""),
        ("{{ title is callable }}", "line 1: no test 'callable' in templates", ""),
        ("{{ title | matches('(?=x)') }}", "line 1: not a regular expression that RE2 takes: '(?=x)' (invalid perl operator: (?=)", ""),
        ("{{ title | matches('((a|b){1,9}){1,9}') }}", "line 1: a regular expression that is too large: '((a|b){1,9}){1,9}'", ""),
        ("{{ title | matches }}", "line 1: matches without its expression", ""),
        ("{{ title | matches(title) }}", "line 1: matches without its expression", ""),
        ("{{ title | regex_replace('" + "x" * 201 + "') }}", "line 1: a regular expression of more than 200 characters", ""),
        ("{{ started_at | date('%-d') }}", "line 1: date of '%-d': no such form", ""),
        ("{{ started_at | date('%H:%M', 'Europe/Nowhere') }}", "line 1: date in 'Europe/Nowhere': no such time zone", ""),
        ("{{ started_at | date('%H:%M', '../x') }}", "line 1: date in '../x': no such time zone", ""),
        ("{{ title | join(*alerts) }}", "line 1: join takes no * and no ** in templates", ""),
        ("x" * 4001, "line 1: the template is longer than 4000 characters", ""),
        ("{% macro a() %}{% endmacro %}", "line 1: macro is not available in templates", ""),
        ("a\n\n{% if %}", "line 3: Expected an expression, got 'end of statement block'", ""),
    ],
)  # fmt: skip
def test_what_is_refused_before_any_alert_comes(template: str, said: str, hint: str) -> None:
    fault = template_fault(template)
    assert fault is not None
    assert (str(fault), fault.hint) == (said, hint)


def test_what_is_refused_is_answered_with_what_is_allowed() -> None:
    fault = template_fault("{{ sverity }}")
    assert fault is not None
    assert fault.expected == f"one of {', '.join(NAMES)}"
    assert set(NAMES) == set(scope(OPEN))


def test_a_time_in_a_text_is_each_readers_own_and_ago_is_counted_by_slack() -> None:
    assert shown("{{ started_at }}, {{ started_at | ago }}") == (
        "<!date^1795227240^{date_short_pretty} {time}|2026-11-21 02:14 UTC>, <!date^1795227240^{ago}|2026-11-21 02:14 UTC>"
    )


def test_a_time_in_a_title_is_plain_since_a_push_formats_nothing() -> None:
    view = but(OPEN, template=MessageTemplate(title="since {{ started_at }}, {{ 'https://x.example' | link('x') }}"))
    assert words_of(view).title == "since 2026-11-21 02:14 UTC, x"


def test_links_from_senders_stay_text_and_ours_lead_to_http_only() -> None:
    view = but(
        OPEN, annotations={"a": "<https://evil.example|x> [y](https://evil.example)", "r": "https://wiki.example/r"}
    )
    assert shown("{{ annotations.a }}", view) == "&lt;https://evil.example|x&gt; y (https://evil.example)"
    assert shown("{{ annotations.r | link('run <b>') }}", view) == "<https://wiki.example/r|run &lt;b&gt;>"
    assert shown("{{ annotations.r | link }}", view) == "<https://wiki.example/r|https://wiki.example/r>"
    assert shown("{{ 'javascript:alert(1)' | link('x') }} {{ 'https://u:p@h/' | link('y') }}", view) == "x y"
    assert shown("{{ url | link('here') }}") == "<https://router.example/incidents/1234|here>"


def test_no_sender_can_write_a_mark_of_ours() -> None:
    forged = "".join(chr(0xFDD0 + number) for number in range(32)) + "x"
    view = but(OPEN, summary=forged, annotations={forged: forged}, common_labels={"a": forged})
    text = "{{ started_at | ago }}{{ summary }}{{ annotations.x }}{{ labels.a }}"
    assert shown(text, view) == "<!date^1795227240^{ago}|2026-11-21 02:14 UTC>xxx"


def test_where_slack_formats_nothing_a_time_is_plain() -> None:
    assert shown("`{{ started_at }}` *{{ started_at | ago }}*") == (
        "`2026-11-21 02:14 UTC` *<!date^1795227240^{ago}|2026-11-21 02:14 UTC>*"
    )


def test_more_times_and_links_than_a_section_holds_are_plain() -> None:
    turns = "{% for a in alerts %}{% for b in 'xxxxxxxx' %}{{ a.started_at | ago }}\n{% endfor %}{% endfor %}"
    lines = shown(turns, but(OPEN, alerts=(AlertLine("a", Severity.LOW, BEGAN),) * 5)).splitlines()
    assert lines[0] == "<!date^1795227240^{ago}|2026-11-21 02:14 UTC>"
    own = words_of(but(OPEN, template=MessageTemplate(text=turns), alerts=(AlertLine("a", Severity.LOW, BEGAN),) * 5))
    assert len(own.marks) == 32
    assert own.text is not None
    assert own.text.endswith("2026-11-21 02:14 UTC")
    long = "https://x.example/" + "a" * 1_700
    assert (
        shown("{{ annotations.u | link('a') }} {{ annotations.u | link('b') }}", but(OPEN, annotations={"u": long}))
        == f"<{long}|a> b"
    )


def test_everything_a_template_sees_of_an_ended_incident_and_of_one_that_is_held_back() -> None:
    text = "{{ state }} {{ lasted }} {{ ended_how }} {{ ended_at | date('%H:%M') }}"
    assert render(text, OVER) == ("resolved 14 min told 02:28", "")
    held = but(
        OPEN,
        suppressed=(Suppressed(3, "nights", OVER.ended_at), Suppressed(1, "CHG-1")),
        links=(("runbook", "https://w.example"),),
    )
    text = "{% for h in held_back %}+{{ h.count }} {{ h.by }} {{ h.until }}; {% endfor %}{% for l in links %}{{ l.label }} {{ l.url }}{% endfor %}"
    assert render(text, held) == ("+3 nights 2026-11-21 02:28 UTC; +1 CHG-1 ; runbook https://w.example", "")
    assert render(
        "{{ ended_how }}{{ alerts[0].differs }}{{ alerts[0].started_at }}", but(OVER, ended_how=EndKind.PRESUMED)
    ) == (
        "presumed2026-11-21 02:14 UTC",
        "",
    )


def test_own_words_stand_in_the_message_with_their_times_and_links() -> None:
    view = but(OPEN, template=MessageTemplate(text="{{ summary }} {{ started_at | ago }} {{ url | link('page') }}"))
    message = incident_message(view, is_primary=True, external_url="https://router.example")
    assert message.blocks[1]["text"] == {
        "type": "mrkdwn",
        "text": "web-1 does not answer <!date^1795227240^{ago}|2026-11-21 02:14 UTC> <https://router.example/incidents/1234|page>",
        "verbatim": True,
    }


def test_an_incidents_own_words_and_what_went_wrong_with_them() -> None:
    assert words_of(OPEN).faults == ()
    half = words_of(but(OPEN, template=MessageTemplate(title="{{ title }}!", text="{{ 1 // 0 }}")))
    assert (half.title, half.text) == ("InstanceDown!", None)
    assert half.faults == ("text: ZeroDivisionError: integer division or modulo by zero",)
    assert words_of(but(OPEN, template=MessageTemplate())).faults == ()
    assert words_of(but(OPEN, template=MessageTemplate(title="{{"))).faults[0].startswith("title: line 1")
