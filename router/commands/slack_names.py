"""Asks Slack whether the channels and people that a configuration names are there. Posts nothing."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router.core.answer import Answer
    from router.runtime.config import Vault
    from rules.model.configuration import Configuration

AGAIN = timedelta(seconds=5)
TRIES = 5
"""After which a name is called unanswered: Slack may ask for a pause after some fifty."""


async def unknown_names(configuration: "Configuration", vault: "Vault") -> list[str]:
    """A line for each that Slack does not have, or does not let us reach, and for scopes that are missing; or one that says
    why it could not be asked."""
    from router.commands.doctor import Grade, asked
    from router.core.recipient import target_of
    from router.notifiers.slack.client import SlackClient
    from router.notifiers.slack.wire import open_session
    from router.runtime.clock import SystemClock
    from rules.model.configuration import SlackSettings

    slack = configuration.slack
    if not isinstance(slack, SlackSettings):
        return ["slack: preview: there is no workspace to ask"]
    channels = dict.fromkeys(
        (*configuration.rules.channels, *([slack.fallback_channel] if slack.fallback_channel else []))
    )
    named = {channel: f"the channel {channel}" for channel in channels}
    named |= {
        target_of(person): f"{person.name} ({person.email or person.slack_id})"
        for person in configuration.rules.people.values()
    }
    clock, found = SystemClock(), await asked(slack, vault)
    complaints = [f"{one.what}: {one.to_do}" for one in found if one.verdict is not Grade.OK]
    if any(one.verdict is Grade.FAIL for one in found):
        return complaints
    async with open_session() as session:
        client = SlackClient.over(session, lambda: vault.one(slack.token), clock, api_url=slack.api_url)
        return complaints + await _unknown(named, client.resolve, clock.sleep)


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
