"""Asks Slack whether it accepts us, with every scope, and whether the channels and people of a configuration are there. Posts
nothing."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from router.core.answer import Answer
    from router.runtime.config import Vault
    from rules.model.configuration import Configuration, SlackSettings

SCOPES = (
    "chat:write",
    "chat:write.public",
    "channels:read",
    "channels:join",
    "groups:read",
    "im:write",
    "users:read",
    "users:read.email",
    "commands",
    "app_mentions:read",
    "channels:history",
    "groups:history",
    "im:history",
    "usergroups:read",
    "usergroups:write",
    "dnd:read",
    "reactions:read",
)
"""As deploy/slack-manifest.yaml asks for them."""
AGAIN = timedelta(seconds=5)
TRIES = 5
"""After which a name is called unanswered: Slack may ask for a pause after some fifty."""


class Grade(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(msgspec.Struct, frozen=True):
    """One line."""

    verdict: Grade
    what: str
    to_do: str = ""


async def unknown_names(configuration: "Configuration", vault: "Vault") -> list[str]:
    """A line for each that Slack does not have, or does not let us reach, and for scopes that are missing; or one that says
    why it could not be asked."""
    from rules.model.configuration import SlackSettings

    slack = configuration.slack
    if not isinstance(slack, SlackSettings):
        return ["slack: preview: there is no workspace to ask"]
    found = await asked(slack, vault)
    complaints = [f"{one.what}: {one.to_do}" for one in found if one.verdict is not Grade.OK]
    if any(one.verdict is Grade.FAIL for one in found):
        return complaints
    return complaints + await unanswered(configuration, slack, vault)


async def asked(slack: "SlackSettings", vault: "Vault") -> list[Finding]:
    from router.core.answer import Outcome
    from router.notifiers.slack.client import SlackClient
    from router.notifiers.slack.wire import open_session
    from router.runtime.clock import SystemClock

    async with open_session() as session:
        client = SlackClient.over(session, lambda: vault.one(slack.token), SystemClock(), api_url=slack.api_url)
        check = await client.check()
    if check.answer.outcome is not Outcome.DELIVERED:
        to_do = (
            "docs/slack.md has a table of errors"
            if check.answer.outcome is Outcome.WORKSPACE_REFUSED
            else f"is {slack.api_url} reachable from here?"
        )
        return [Finding(Grade.FAIL, f"Slack does not accept us: {check.answer.error}", to_do)]
    found = [Finding(Grade.OK, f"Slack knows us in {check.team or check.workspace}")]
    missing = [scope for scope in SCOPES if scope not in check.scopes] if check.scopes else []
    if missing:
        found.append(
            Finding(
                Grade.WARN,
                f"scopes are missing: {', '.join(missing)}",
                "add them under OAuth & Permissions as in deploy/slack-manifest.yaml, and reinstall the app",
            )
        )
    if slack.app_token:
        found.append(await _app_token(slack, vault))
    return found


async def _app_token(slack: "SlackSettings", vault: "Vault") -> Finding:
    """Whether Socket Mode would begin with it: Slack names an address, and nobody goes there."""
    from router.core.answer import Outcome
    from router.notifiers.slack.errors import sort_answer
    from router.notifiers.slack.wire import SdkWire, open_session

    async with open_session() as session:
        call = SdkWire(session, lambda: vault.one(slack.app_token), api_url=slack.api_url)
        answer = sort_answer(await call("apps.connections.open", {}))
    if answer.outcome is Outcome.DELIVERED:
        return Finding(Grade.OK, "Slack takes the app token of Socket Mode")
    return Finding(
        Grade.WARN, f"Slack does not take slack.app_token: {answer.error}", "docs/slack.md says where to find it"
    )


async def unanswered(configuration: "Configuration", slack: "SlackSettings", vault: "Vault") -> list[str]:
    """A line for each channel, person and user group that Slack does not have, or does not let us reach."""
    from router.core.recipient import target_of
    from router.notifiers.slack.client import SlackClient
    from router.notifiers.slack.wire import open_session
    from router.runtime.clock import SystemClock

    channels = dict.fromkeys(
        (*configuration.rules.channels, *([slack.fallback_channel] if slack.fallback_channel else []))
    )
    named = {channel: f"the channel {channel}" for channel in channels}
    named |= {
        target_of(person): f"{person.name} ({person.email or person.slack_id})"
        for person in configuration.rules.people.values()
    }
    clock = SystemClock()
    async with open_session() as session:
        client = SlackClient.over(session, lambda: vault.one(slack.token), clock, api_url=slack.api_url)
        groups = {group: f"the user group {group}" for group in configuration.rules.user_groups}
        unknown = await _unknown(named, client.resolve, clock.sleep)
        return unknown + await _unknown(groups, client.group, clock.sleep)


async def _unknown(
    named: dict[str, str],
    resolve: "Callable[[str], Awaitable[Answer]]",
    sleep: Callable[[timedelta], Awaitable[None]],
) -> list[str]:
    from router.core.answer import Outcome

    found = []
    for target, name in named.items():
        answer = await resolve(target)
        for _ in range(TRIES):
            if answer.outcome not in {Outcome.RETRY, Outcome.UNKNOWN}:
                break
            await sleep(answer.retry_after or AGAIN)
            answer = await resolve(target)
        if answer.outcome is not Outcome.DELIVERED:
            found.append(f"Slack does not know {name}: {answer.error}")
    return found
