"""Users' templates: what they can say, and that none of them can take time, memory or anything else."""

import time

import pytest

from adapters.alert import Severity
from router.core.template import _compiled, render, template_fault, words_of
from router.core.view import AlertLine, MessageTemplate
from tests.core.incidents import BEGAN, OPEN, but

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
        ("{% if 'eu' in labels.cluster and firing is odd %}yes{% elif x is defined %}no{% endif %}", "yes"),
        ("{# a comment #}{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("{{ title.__class__ }}{{ alerts.__len__ }}{{ loop }}{{ self.x }}plain", "plain"),
    ],
)  # fmt: skip
def test_what_a_template_can_say(template: str, text: str) -> None:
    assert render(template, VIEW) == (text, "")
    assert template_fault(template) == ""


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
]


@pytest.mark.parametrize("template", HOSTILE, ids=[f"{number}" for number in range(len(HOSTILE))])
def test_no_template_takes_time_or_memory(template: str) -> None:
    view = but(VIEW, summary="ab" * 1_000_000, alerts=(AlertLine("a", Severity.LOW, BEGAN),) * 5)
    spent = []
    for _ in range(3):
        _compiled.cache_clear()
        began = time.process_time()
        text, fault = render(template, view)
        spent.append(time.process_time() - began)
    assert min(spent) < 0.05, "the least of three: the machine may be busy"
    assert (text is None) == bool(fault)
    assert text is None or len(text) <= 4_000
    assert text is None, text


def test_a_fault_says_where_and_what() -> None:
    assert template_fault("a\n{{ x | center(9) }}") == "line 2: no filter 'center' in templates"
    assert render("{{ 'a' * 9 }}", VIEW) == (None, "TemplateLimitError: * of something that is not a number")
    assert render("{% for a in summary %}x{% endfor %}", but(VIEW, summary="x" * 1001)) == (
        None,
        "TemplateLimitError: more than 1000 loop turns",
    )


def test_an_incidents_own_words_and_what_went_wrong_with_them() -> None:
    assert words_of(OPEN).faults == ()
    half = words_of(but(OPEN, template=MessageTemplate(title="{{ title }}!", text="{{ 1 // 0 }}")))
    assert (half.title, half.text) == ("InstanceDown!", None)
    assert half.faults == ("text: ZeroDivisionError: integer division or modulo by zero",)
    assert words_of(but(OPEN, template=MessageTemplate())).faults == ()
    assert words_of(but(OPEN, template=MessageTemplate(title="{{"))).faults[0].startswith("title: line 1")
