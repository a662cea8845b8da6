"""What `webhooks` means once read, and what the rules know of those who are named."""

from datetime import timedelta

import pytest

from adapters import ADAPTERS
from rules.advice.changes import changes
from rules.advice.check import check, render_text
from rules.advice.explain import explain_route
from rules.advice.explain import render_text as explained
from rules.loading.load import RulesText, load
from rules.model.configuration import EnvSecret, FileSecret, SlackSettings, WebhookSettings
from rules.model.webhook import Fallback, Format
from tests.rules.reading import HEAD, ROUTING, accepted, at, rules

NOW = at("2026-11-21T12:00Z")
FOUR = """
webhooks:
  phone: {format: pagerduty-v2, routing_key: {env: PD_KEY}}
  genie: {format: opsgenie-v2, api_key: [{env: NEW}, {env: OLD}], url: https://api.eu.opsgenie.com}
  relay: {format: alertmanager-v4, url: {env: RELAY_URL}}
  tickets: {format: json, url: "https://t.example/in?x=1", bearer: {file: /run/t}, headers: {X-Team: ops, X-Key: {env: K}}}
"""


def test_each_format_as_it_is_configured() -> None:
    found = accepted(HEAD + ROUTING + FOUR).webhooks
    assert found == {
        "phone": WebhookSettings("phone", Format.PAGERDUTY, "https://events.pagerduty.com", key=(EnvSecret("PD_KEY"),)),
        "genie": WebhookSettings(
            "genie", Format.OPSGENIE, "https://api.eu.opsgenie.com", key=(EnvSecret("NEW"), EnvSecret("OLD"))
        ),
        "relay": WebhookSettings("relay", Format.ALERTMANAGER, url_secret=(EnvSecret("RELAY_URL"),)),
        "tickets": WebhookSettings(
            "tickets",
            Format.JSON,
            "https://t.example/in?x=1",
            bearer=(FileSecret("/run/t"),),
            headers={"X-Team": "ops"},
            secret_headers={"X-Key": (EnvSecret("K"),)},
        ),
    }


def test_opsgenies_default_address() -> None:
    found = accepted(HEAD + ROUTING + "webhooks: {g: {format: opsgenie-v2, api_key: {env: K}}}").webhooks
    assert found["g"].url == "https://api.opsgenie.com"


def test_any_authorization_may_be_a_secret_header() -> None:
    text = "webhooks: {b: {format: json, url: 'https://x.example', headers: {Authorization: {env: BASIC}}}}"
    assert accepted(HEAD + ROUTING + text).webhooks["b"].secret_headers == {"Authorization": (EnvSecret("BASIC"),)}


def test_every_secret_is_known() -> None:
    found = accepted(HEAD + ROUTING + FOUR).webhooks
    assert found["phone"].secrets == (EnvSecret("PD_KEY"),)
    assert found["genie"].secrets == (EnvSecret("NEW"), EnvSecret("OLD"))
    assert found["relay"].secrets == (EnvSecret("RELAY_URL"),)
    assert found["tickets"].secrets == (FileSecret("/run/t"), EnvSecret("K"))


def test_a_route_tells_webhooks_beside_channels_and_a_child_adds_its_own() -> None:
    text = f"""
routing:
  channel: "#a"
  also: ["#b", {{webhook: tickets}}]
  routes:
    - {{name: more, match: [a = b], also: [{{webhook: relay}}, "#c", {{webhook: tickets}}]}}
    - {{name: none, match: [a = c], also: none}}
    - {{name: one, match: [a = d], also: {{webhook: phone}}}}
{FOUR}"""
    found = rules(text).routes
    assert {route: (one.settings.also, one.settings.also_webhooks) for route, one in found.items()} == {
        "default": (("#b",), ("tickets",)),
        "more": (("#b", "#c"), ("tickets", "relay")),
        "none": ((), ()),
        "one": (("#b",), ("tickets", "phone")),
    }
    said = explained(explain_route(rules(text), {"a": "b"}, NOW), "UTC")
    assert "also                 #b, #c, {webhook: tickets}, {webhook: relay}  (more, line 9)" in said


def test_a_page_that_only_a_webhook_is_told_of_is_seen_somewhere() -> None:
    text = "people: {a: {slack: U0123ABCD}}\nrouting: {channel: none, page: a%s}\n" + FOUR
    hidden, seen = (
        check([RulesText("c.yaml", HEAD + text % also)], adapters=ADAPTERS, at=NOW).warnings
        for also in ("", ", also: {webhook: relay}")
    )
    assert "default pages but tells no channel (channel: none)" in [one.message for one in hidden]
    assert "default pages but tells no channel (channel: none)" not in [one.message for one in seen]


@pytest.mark.parametrize(
    ("said", "after"),
    [("{webhook: phone}", timedelta(minutes=2)), ("{webhook: phone, after: 30s}", timedelta(seconds=30))],
)
def test_slacks_fallback(said: str, after: timedelta) -> None:
    head = HEAD.replace("slack: preview", f"slack: {{token: {{env: T}}, fallback: {said}}}")
    slack = accepted(head + ROUTING + FOUR).slack
    assert isinstance(slack, SlackSettings)
    assert slack.fallback == Fallback("phone", after)


def test_no_fallback_where_none_is_said() -> None:
    slack = accepted(HEAD.replace("slack: preview", "slack: {token: {env: T}}") + ROUTING).slack
    assert isinstance(slack, SlackSettings)
    assert slack.fallback is None


def test_check_says_what_tells_each() -> None:
    text = HEAD.replace("slack: preview", "slack: {token: {env: T}, fallback: {webhook: phone}}")
    text += """
people: {a: {slack: U0123ABCD}}
routing: {channel: "#a", page: x, routes: [{name: r, match: [a = b], also: {webhook: relay}}]}
escalation: {x: {steps: [{person: a}, {after: 1m, webhook: phone}, {after: 2m, webhook: genie}, {after: 3m, webhook: phone}]}}
"""
    found = check([RulesText("c.yaml", text + FOUR)], adapters=ADAPTERS, at=NOW)
    printed = render_text(found)
    assert (
        """
What tells webhooks
  phone (pagerduty-v2, events.pagerduty.com): policy x, Slack's fallback
  genie (opsgenie-v2, api.eu.opsgenie.com): policy x
  relay (alertmanager-v4, its address is a secret): route r
  tickets (json, t.example): nothing
"""
        in printed
    )


def test_a_reload_says_which_changed() -> None:
    before = accepted(HEAD + ROUTING + FOUR)
    after = accepted(HEAD + ROUTING + FOUR.replace("relay", "other").replace("X-Team: ops", "X-Team: sre"))
    assert list(changes(before, after)) == [
        "webhook other added",
        "webhook relay removed",
        "webhook tickets changed: headers",
    ]


TEAM = """version: 1
team: pay
owner: {channel: "#pay"}
scope: ['team = pay']
routing: {also: [{webhook: own}, {webhook: phone}, {webhook: web/theirs}], page: x}
people: {alice: {slack: U0123ABCD}}
escalation: {x: {steps: [{person: alice}, {after: 1m, webhook: own}]}}
webhooks: {own: {format: json, url: https://pay.example}}
"""


def test_a_teams_file_has_its_own_and_sees_those_of_the_main_file() -> None:
    main = RulesText("c.yaml", HEAD + ROUTING + FOUR)
    loaded = load([main, RulesText("pay.yaml", TEAM)], adapters=ADAPTERS)
    assert (loaded.errors, loaded.refused) == ((), ())
    assert loaded.configuration is not None
    assert set(loaded.configuration.webhooks) == {"phone", "genie", "relay", "tickets", "pay/own"}
    assert loaded.configuration.webhooks["pay/own"].name == "pay/own"
    found = loaded.configuration.rules
    assert found.routes["pay"].settings.also_webhooks == ("pay/own", "phone", "web/theirs")
    assert [step.webhook for step in found.policies["pay/x"].steps] == ["", "pay/own"]
    [dangling] = [str(one) for one in loaded.warnings if "web/theirs" in one.message]
    assert dangling == (
        "pay.yaml:5:62: routing.also[2].webhook: no webhook is called 'web/theirs' in the files in force: it reaches nobody; "
        "expected a name of that team's file"
    )
