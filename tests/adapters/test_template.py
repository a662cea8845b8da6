"""Templates of a mapping can neither eat time or memory nor reach anything but the sender's values."""

import pytest

from adapters.template import MAX_CHARACTERS, Template, TemplateError

VALUES: dict[str, object] = {
    "job": "pg-dump",
    "n": 3,
    "ratio": 1.256,
    "on": True,
    "none": None,
    "tags": ["a", 1, None],
    "host": {"name": "db-1", "upper": "not a method"},
    "long": "x" * 100_000,
}

RENDERED = [
    ("{{ job }} failed on {{ host.name }}", "pg-dump failed on db-1"),
    ("{{ host.upper }}{{ job.upper }}{{ host['name'] }}", "not a methoddb-1"),
    ("{{ gone }}{{ gone.deep.er }}{{ none }}", ""),
    ("{{ gone | default('none') }} {{ '' | d('empty', true) }}", "none empty"),
    ("{{ job | upper }} {{ 'A' | lower }} {{ 'ab cd' | title }} {{ ' x ' | trim }}", "PG-DUMP a Ab Cd x"),
    ("{{ job | replace('pg', 'my') }} {{ job | length }} {{ n | length }}", "my-dump 7 0"),
    ("{{ tags | join('/') }} {{ job | join }} {{ tags | first }}{{ tags[1] }}{{ tags[7] }}{{ tags | last }}", "a/1/ pg-dump a1"),
    ("{{ gone | first }}{{ on }} {{ tags }} {{ ratio | round(1) }} {{ '7.9' | int }} {{ '1' | float }}", 'true ["a",1,null] 1.3 7 1.0'),
    ("{{ job | truncate(3) }} {{ job | truncate }} {{ n | string }}", "pg… pg-dump 3"),
    ("{% if n > 2 and job == 'pg-dump' %}yes{% else %}no{% endif %}", "yes"),
    ("{{ 'a' if gone is defined else 'b' }}{{ n * 2 + 1 }}{{ 'x' + 'y' }}{{ n ~ '%' }}{{ -n }}", "b7xy3%-3"),
    ("{{ 7 % 4 }} {{ 7 // 2 }} {{ 1 / 4 }}", "3 3 0.25"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "text"), RENDERED)
def test_values_are_rendered(source: str, text: str) -> None:
    assert Template(source).render(VALUES) == text


REFUSED = [
    pytest.param("{{ job" + " | trim" * 250 + " }}", "nested too deep", id="250 filters"),
    ("{{ range(1000000000) }}", "call is not available"),
    ("{{ job.format() }}", "call is not available"),
    ("{% for a in tags %}{{ a }}{% endfor %}", "for is not available"),
    ("{% set a = job ~ job %}{{ a }}", "assign is not available"),
    ("{% macro m() %}{% endmacro %}{{ m }}", "macro is not available"),
    ("{% include job %}{{ a }}", "include is not available"),
    ("{{ 2 ** 9 }}", "pow is not available"),
    ("{{ {'a': 1} }}", "dict is not available"),
    ("{{ job | center(1000000000) }}", "no filter 'center'; there are d, default"),
    ("{{ job is escaped }}", "no test 'escaped'; there are boolean"),
    ("{{ x", "line 1: unexpected end of template"),
    ("{{" + "(" * 1_500 + "1" + ")" * 1_500 + "}}", "nested too deep"),
    ("{{ x }}" + " " * MAX_CHARACTERS, "a template of 4007 characters: at most 4000"),
]


@pytest.mark.parametrize(("source", "message"), REFUSED)
def test_what_is_not_on_the_list_is_refused_when_it_is_loaded(source: str, message: str) -> None:
    with pytest.raises(TemplateError) as refused:
        Template(source)
    assert message in str(refused.value)


FAILING = [
    "{{ 'a' * 500000000 }}",
    "{{ '%0900000000d' % 1 }}",
    "{{ long * n }}",
    "{{ 999999999999999 * 999999999999999 * 9 }}",
    "{{ on + 1 }}",
    "{{ 1 / 0 }}",
    "{{ job | int }}",
    "{{ job | replace('', 'x') }}",
    "{{ job < 3 }}",
    "{{ 'inf' | float | int }}",
    "{{ 'nan' | float | int }}",
    "{{ '1e999' | float }}",
    "{{ 1 | round('inf' | float) }}",
]


@pytest.mark.parametrize("source", FAILING)
def test_what_goes_wrong_with_the_values_is_one_error(source: str) -> None:
    with pytest.raises(TemplateError):
        Template(source).render(VALUES)


@pytest.mark.parametrize(
    "source",
    [
        "{{ long }}",
        "{{ long + long }}",
        "{{ long ~ long ~ long }}",
        "{{ long | replace('x', 'yyyyyyyyyy') | replace('y', 'zzzzzzzzzz') | replace('z', 'xxxxxxxxxx') }}",
        "{{ many | join('yyyyyyyyyyyyyyyyyy') }}",
        "{{ nested.long | upper }}",
    ],
)
def test_no_text_grows_over_its_bound(source: str) -> None:
    values = VALUES | {"many": ["x" * 100] * 100_000, "nested": VALUES}
    assert len(Template(source).render(values)) == MAX_CHARACTERS
