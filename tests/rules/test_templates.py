"""Templates on routes, inline and in files: what is taken, and how their faults are told."""

import re
from collections.abc import Mapping
from pathlib import Path

from adapters import ADAPTERS
from router.core.templates.filters import FILTERS
from router.core.templates.scope import NAMES
from router.core.templates.template import template_fault
from rules.advice.check import check
from rules.language.templates import TemplateFault
from rules.loading.load import Loaded, RulesText, load
from rules.loading.source import BesideError
from rules.model.route import Template
from tests.rules.reading import HEAD, ROUTING, at, complaints


def loading(routing: str, files: Mapping[str, str]) -> Loaded:
    def beside(file: str, path: str) -> str:
        assert file == "c.yaml"
        if path not in files:
            raise BesideError(f"cannot read {path}: No such file or directory")
        return files[path]

    text = HEAD + f"routing: {routing}\n"
    return load([RulesText("c.yaml", text)], adapters=ADAPTERS, template_fault=template_fault, beside=beside)


def errors(routing: str, **files: str) -> list[str]:
    found = loading(routing, {name.replace("_", "."): text for name, text in files.items()})
    assert found.configuration is None
    return [str(error) for error in found.errors]


def test_a_template_is_inline_or_its_text_is_a_file() -> None:
    routing = """
  channel: '#a'
  template: {title: '{{ name }}', file: t/db.j2}
  routes:
    - {name: r, template: {text: 'so: {{ summary }}'}}
    - {name: s}"""
    found = loading(routing, {"t/db.j2": "{{ summary }}\n\n{{ url | link('page') }}\n"}).configuration
    assert found is not None
    templates = {name: route.settings.template for name, route in found.rules.routes.items()}
    assert templates == {
        "default": Template("{{ name }}", "{{ summary }}\n\n{{ url | link('page') }}"),
        "r": Template("", "so: {{ summary }}"),
        "s": Template("{{ name }}", "{{ summary }}\n\n{{ url | link('page') }}"),
    }


def test_a_fault_in_a_template_file_names_that_file_its_line_and_what_is_allowed() -> None:
    routing = "{channel: '#a', routes: [{name: r, template: {file: t.j2}}]}"
    assert errors(routing, t_j2="\n{{ sverity }}") == [
        (
            "t.j2:2:1: routing.routes[0].template.file: no name 'sverity' in templates; "
            f"expected one of {', '.join(NAMES)} (did you mean severity?)"
        )
    ]
    assert errors(routing, t_j2="{{ title") == [
        (
            "t.j2:1:1: routing.routes[0].template.file: unexpected end of template, expected 'end of print statement'.; "
            "expected docs/rules.md, Templates"
        )
    ]
    assert errors(routing, t_j2="x" * 4001) == [
        (
            "t.j2:1:1: routing.routes[0].template.file: the template is longer than 4000 characters; "
            "expected docs/rules.md, Templates"
        )
    ]


def test_a_template_file_that_cannot_be_used_is_told_where_it_is_named() -> None:
    assert errors("{channel: '#a', template: {file: gone.j2}}") == [
        (
            "c.yaml:4:43: routing.template.file: cannot read gone.j2: No such file or directory; "
            "expected a regular file below this one's folder"
        )
    ]
    assert errors("{channel: '#a', template: {file: t.j2}}", t_j2=" \n") == [
        "c.yaml:4:43: routing.template.file: t.j2 is empty; expected a template such as {{ summary }}"
    ]
    assert errors("{channel: '#a', template: {file: t.j2, text: x}}", t_j2="x") == [
        "c.yaml:4:43: routing.template.file: text and file; expected one of them: a file holds the text"
    ]


def test_a_teams_template_file_is_read_from_beside_the_teams_file() -> None:
    def beside(file: str, path: str) -> str:
        return {("teams/web.yaml", "t.j2"): "{{ summary }}", ("teams/db.yaml", "t.j2"): "{{ headlin }}"}[file, path]

    def team(name: str) -> RulesText:
        template = "routing: {template: {file: t.j2}}\n"
        return RulesText(
            f"teams/{name}.yaml",
            f"version: 1\nteam: {name}\nowner: {{channel: '#a'}}\nscope: ['team = {name}']\n{template}",
        )

    main = RulesText("c.yaml", HEAD + "rules_files: [teams/*.yaml]\n" + ROUTING)
    found = load([main, team("db"), team("web")], adapters=ADAPTERS, template_fault=template_fault, beside=beside)
    assert found.configuration is not None
    assert found.configuration.rules.routes["web"].settings.template == Template("", "{{ summary }}")
    [refused] = found.refused
    assert [str(error).partition(";")[0] for error in refused.errors] == [
        "teams/t.j2:1:1: routing.template.file: no name 'headlin' in templates"
    ]


def test_without_a_place_to_read_from_a_template_file_is_refused() -> None:
    assert complaints(HEAD + "routing: {channel: '#a', template: {file: t.j2}}\n") == [
        (
            "4:43: routing.template.file: t.j2 cannot be read here: only the configuration's own text is at hand; "
            "expected a regular file below this one's folder"
        )
    ]


def test_an_inline_template_is_asked_of_who_renders_it() -> None:
    def refuse(source: str) -> TemplateFault | None:
        return TemplateFault(2, "why", "that", "perhaps") if source == "bad" else None

    text = HEAD + "routing: {channel: '#a', template: none, routes: [{name: r, template: {title: ok, text: bad}}]}\n"
    said = "c.yaml:4:89: routing.routes[0].template.text: a template that cannot be used: line 2: why; expected that (perhaps)"
    assert [
        str(error) for error in load([RulesText("c.yaml", text)], adapters=ADAPTERS, template_fault=refuse).errors
    ] == [said]
    checked = check([RulesText("c.yaml", text)], adapters=ADAPTERS, at=at("2026-11-20T12:00Z"), template_fault=refuse)
    assert [str(error) for error in checked.errors] == [said]


def page() -> str:
    text = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
    return text.partition("## Templates")[2].partition("## Windows")[0]


def test_every_name_and_filter_is_on_the_page() -> None:
    inner = {"concat", "starts", "ends", "d", "count", "string"}
    assert [name for name in {*NAMES, *FILTERS} - inner if not re.search(rf"`{name}\b", page())] == []


def test_the_pages_templates_are_right() -> None:
    found = re.findall(r"(?:title|text): '([^']*)'", page())
    assert len(found) == 3
    assert [template_fault(template) for template in found] == [None, None, None]
