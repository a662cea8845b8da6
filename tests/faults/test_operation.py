"""What operators do to it, and what disks do: full, shared by two, stopped in the middle. The real process each time."""

import asyncio
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import Connection

from router.runtime.clock import SystemClock
from tests.process import RouterProcess, filled, free_port, in_this_process, running, until
from tests.slackworld import FakeSlack, moods

CONFIGURATION = """
version: 1
server: {listen: "<listen>"}
storage: {path: "<database>"}
slack: {token: {env: SLACK_BOT_TOKEN}, api_url: "<slack>"}
sources: {shell: {adapter: generic, auth: none}}
routing: {channel: "#ops", group_wait: 0s}
"""


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack(SystemClock().now) as slack:
        slack.add_channel("ops")
        yield slack


async def fire(service: RouterProcess, title: str) -> int:
    return await service.post("/webhook/shell", {"title": title, "severity": "high", "status": "firing"})


async def titles(service: RouterProcess) -> set[str]:
    return {alert["title"] for alert in await service.all("alerts")}


def limit_files(service: RouterProcess, size: int) -> None:
    """No file of the process may grow beyond this: what a full disk does to those that append."""
    resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def test_a_full_disk_is_said_and_nothing_is_accepted_that_is_not_kept(tmp_path: Path, slack: FakeSlack) -> None:
    async with running(tmp_path, CONFIGURATION, slack_url=slack.url) as service:
        assert await fire(service, "Before") == 200
        await until(lambda: nothing_owed(service), "the first word's outcome is written down")
        limit_files(service, 1)
        answers = [await fire(service, f"Full {number}") for number in range(5)]
        assert answers == [503] * 5
        assert await service.status("/readyz") == 503
        assert await service.status("/healthz") == 200
        assert await titles(service) == {"Before"}

        limit_files(service, resource.RLIM_INFINITY)
        await until(lambda: accepted(service, "After"), "an alert is taken again")
        assert await service.status("/readyz") == 200
        await slack.channel("ops").expect_message("After")
        await service.kill()
        await service.start()
        assert await titles(service) == {"Before", "After"}


async def nothing_owed(service: RouterProcess) -> bool | None:
    found = await service.all("messages")
    return (bool(found) and not any(message["owed"] for message in found)) or None


async def accepted(service: RouterProcess, title: str) -> bool | None:
    return await fire(service, title) == 200 or None


async def test_sigterm_finishes_what_was_begun(tmp_path: Path, slack: FakeSlack) -> None:
    async with running(tmp_path, CONFIGURATION, slack_url=slack.url) as service:
        slack.mood(moods.slow(1.5), method="chat.postMessage")
        assert await fire(service, "In flight") == 200
        await until(lambda: called(slack, "chat.postMessage"), "the call is in flight")
        sent = [asyncio.create_task(fire(service, f"Late {number}")) for number in range(50)]
        await asyncio.wait(sent, return_when=asyncio.FIRST_COMPLETED)
        assert await service.terminate() == 0
        answers = await asyncio.gather(*sent, return_exceptions=True)
        assert {answer for answer in answers if isinstance(answer, int)} == {200}
        assert all(isinstance(answer, int | aiohttp.ClientError | ConnectionError) for answer in answers)

        await service.start()
        taken = {f"Late {number}" for number, answer in enumerate(answers) if answer == 200}
        assert await titles(service) >= {"In flight", *taken}
        [message] = [message for message in await service.all("messages") if message["incident"] == 1]
        assert message["told"]
        assert slack.calls_of("conversations.history") == []  # its outcome was written down: nobody had to look for it


async def test_a_database_that_became_read_only_is_said_and_nothing_is_accepted(tmp_path: Path) -> None:
    port = free_port()
    file = tmp_path / "router.yaml"
    preview = CONFIGURATION.replace('{token: {env: SLACK_BOT_TOKEN}, api_url: "<slack>"}', "preview")
    file.write_text(filled(preview, tmp_path, listen=f"127.0.0.1:{port}"))
    alert = {"title": "Kept?", "status": "firing"}
    async with in_this_process(file) as app, aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        await app.engine.database.write(make_read_only)
        async with session.post("/webhook/shell", json=alert) as answer:
            assert answer.status == 503
            assert answer.headers["Retry-After"].isdigit()
            assert "nothing of this request was accepted" in await answer.text()
        async with session.get("/readyz") as answer:
            assert answer.status == 503
        async with session.get("/api/alerts") as answer:
            assert (await answer.json())["alerts"] == []


def make_read_only(conn: Connection) -> None:
    conn.exec_driver_sql("PRAGMA query_only = ON")


async def called(slack: FakeSlack, method: str) -> bool | None:
    return bool(slack.calls_of(method)) or None


async def test_a_second_process_on_the_file_is_refused_in_one_sentence(tmp_path: Path, slack: FakeSlack) -> None:
    async with running(tmp_path, CONFIGURATION, slack_url=slack.url) as service:
        port = free_port()
        text = filled(CONFIGURATION, tmp_path, listen=f"127.0.0.1:{port}", slack_url=slack.url)
        async with RouterProcess(tmp_path / "second", text, port=port, environment={}) as second:
            await second.launch()
            assert await second.exit_code() != 0
            lines = [line for line in second.words.splitlines() if "another alert-router runs on the database" in line]
            assert len(lines) == 1
            assert "Traceback" not in second.words
        assert await fire(service, "Undisturbed") == 200


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("/proc/alert-router/router.db", "cannot create the folder of the database /proc/alert-router/router.db"),
        ("/dev/null/router.db", "cannot create the folder of the database /dev/null/router.db"),
    ],
)
async def test_a_place_that_cannot_be_written_is_refused_in_one_sentence(
    tmp_path: Path, slack: FakeSlack, place: str, said: str
) -> None:
    text = filled(CONFIGURATION.replace("<database>", place), tmp_path, slack_url=slack.url)
    async with RouterProcess(tmp_path, text, port=9080, environment={}) as service:
        await service.launch()
        assert await service.exit_code() != 0
        [line] = service.words.splitlines()
        assert said in line


async def test_how_large_and_how_old_the_database_is_can_be_counted(tmp_path: Path, slack: FakeSlack) -> None:
    async with running(tmp_path, CONFIGURATION, slack_url=slack.url) as service:
        found = await gauges(service)
        assert found["alert_router_database_bytes"] >= (tmp_path / "data" / "router.db").stat().st_size > 0
        assert found["alert_router_oldest_kept_seconds"] == 0


async def gauges(service: RouterProcess) -> dict[str, float]:
    async with service.session.get(f"{service.url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return {
        name: float(value) for name, value in (line.split() for line in lines if "{" not in line and line[0] != "#")
    }
