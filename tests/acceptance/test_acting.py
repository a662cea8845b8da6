"""One night of one incident, on the whole service: from the alert to the note that closes it, by everything a person can act with.

At each step every message is true: in the channel, at everybody who was paged, and on the telephone that the webhook rings.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.inbound.office import Office, Via, office
from tests.process import until
from tests.receivers import PagerDuty
from tests.receivers.pagerduty import ROUTING_KEY
from tests.slackworld import MessageView

CONFIGURATION = """
version: 1
name: prod
timezone: Europe/Berlin
server: {listen: "<listen>"}
storage: {path: "<database>"}
slack:
  token: {env: SLACK_BOT_TOKEN}
  signing_secret: {env: SIGNING}
  app_token: {env: APP_TOKEN}
  api_url: "<slack>"
sources: {shell: {adapter: generic, auth: none}}
people:
  maria: {slack: U0MARIA}
  jonas: {email: jonas@example.com}
webhooks: {phone: {format: pagerduty-v2, url: "<phone>/v2/enqueue", routing_key: {file: "<key>"}}}
escalation:
  payments:
    steps: [{person: maria}, {after: 30m, person: jonas}, {after: 40m, webhook: phone}]
routing: {channel: "#ops", group_wait: 0s, group_by: [alertname], page: payments, acknowledge_within: 3s}
"""
ACKNOWLEDGED = ("open", "acknowledged")
TIMELINE = [
    ("paged", "", "", "", ""),
    ("first", "", "", "", ""),
    ("acknowledged", "maria", "button", *ACKNOWLEDGED),
    ("unacknowledged", "maria", "button", "acknowledged", "open"),
    ("escalated", "", "", "", ""),
    ("escalated", "maria", "command", "", ""),
    ("acknowledged", "jonas", "mention", *ACKNOWLEDGED),
    ("acknowledgement_over", "jonas", "", "acknowledged", "open"),
    ("note", "jonas", "mention", "", ""),
    ("acknowledged", "jonas", "mention", *ACKNOWLEDGED),
    ("closed", "jonas", "window", "acknowledged", "closed"),
    ("all_resolved", "", "", "", ""),
]


@pytest.mark.parametrize("via", list(Via))
async def test_a_night_from_the_alert_to_the_note_that_closes_it(tmp_path: Path, via: Via) -> None:
    """Rows 9, 10, 38, 39, 40, 41, 54, 55, 215 and 221."""
    key = tmp_path / "routing-key"
    key.write_text(ROUTING_KEY)
    async with PagerDuty() as phone:
        text = CONFIGURATION.replace("<phone>", phone.url).replace("<key>", str(key))
        async with office(tmp_path, via, configuration=text) as at:
            message = await at.fire(severity="critical")
            maria = await at.slack.direct("maria").expect_message("You are paged")
            await everywhere("CRITICAL #1", message, maria)

            await at.tap(maria, "Acknowledge", by="maria")
            await everywhere("acknowledged by Maria", message, maria)
            await at.tap(message, "Acknowledged ✓", by="maria")  # she cannot, after all: the next step comes at once
            jonas = await at.slack.direct("jonas").expect_message("You are paged")
            await nobody_has_it(message, maria, jonas)

            # Nor does he hear it: the telephone is to ring.
            assert "escalated" in await at.say("escalate 1", by="maria")
            await until(lambda: _state(phone, "triggered"), "the telephone rings")

            await at.mention("ack", by="jonas", thread=message)
            await everywhere("acknowledged by Jonas", message, maria, jonas)
            # He falls asleep again, and hears that it has run out.
            again = await at.slack.direct("jonas").expect_message("Acknowledgement over, still firing")
            assert "CRITICAL #1" in again.text
            await message.expect_reply("Jonas's acknowledgement has run out")
            await nobody_has_it(message, maria, jonas)

            await at.mention("note the pool is exhausted", by="jonas", thread=message)
            await at.heard("jonas", "written into the timeline")
            await at.mention("ack", by="jonas", thread=message)
            await everywhere("acknowledged by Jonas", message, maria, jonas)

            await at.tap(message, "Resolve", by="jonas")
            assert await at.do(at.people.send(await at.modal("Resolve #1"), note="restarted the pool")) is None
            await everywhere("Closed #1", message, maria, jonas)
            await message.expect_reply("Resolution: restarted the pool")

            await at.fire(severity="critical", status="resolved")
            await everywhere("Resolved #1", message, maria, jonas)
            await until(lambda: _state(phone, "resolved"), "the telephone is told the end")
            assert len(at.ops.messages) == 1
            assert phone.problems == []
            assert await audit(at) == TIMELINE


async def everywhere(text: str, *messages: MessageView) -> None:
    for message in messages:
        await message.expect_update(text)


async def nobody_has_it(*messages: MessageView) -> None:
    async def look() -> bool | None:
        return True if not any("acknowledged by" in one.said for one in messages) else None

    await until(look, "messages that say that nobody has acknowledged it")


async def _state(phone: PagerDuty, state: str) -> bool | None:
    return True if list(phone.states.values()) == [state] else None


async def audit(at: Office) -> list[tuple[str, ...]]:
    """What the API says was done: what, by whom, by what, from what to what."""
    async with at.session.get(f"{at.url}/api/timeline?incident=1") as answer:
        assert answer.status == 200, await answer.text()
        found: dict[str, Any] = await answer.json()
        return [(one["kind"], one["by"], one["via"], one["before"], one["after"]) for one in found["timeline"]]
