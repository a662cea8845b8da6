"""Teams' files under a running service: a broken one harms nobody else, at a reload, at a restart, by itself."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router.runtime.clock import SystemClock
from tests.files.folder import MAIN, Folder, team
from tests.process import RouterProcess, running, until
from tests.slackworld import FakeSlack

BROKEN = team("payments", "frob: 1\n")
REFUSED = "rules.d/payments.yaml is refused (1 error)"
LAUGHS = "x-0: &l0 [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"x-{level}: &l{level} [{','.join([f'*l{level - 1}'] * 10)}]\n" for level in range(1, 12)
)


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack(SystemClock().now) as slack:
        slack.add_person("maria")
        for channel in ("alerts", "payments", "search", "router"):
            slack.add_channel(f"#{channel}", members=("maria",))
        yield slack


async def fire(service: RouterProcess, name: str, title: str) -> None:
    alert = {"title": title, "team": name, "severity": "high", "status": "firing"}
    assert await service.post("/webhook/shell", alert) == 200


async def reload(service: RouterProcess) -> dict[str, Any]:
    async with service.session.post(f"{service.url}/-/reload") as answer:
        return {"status": answer.status, **await answer.json()}


async def degraded(service: RouterProcess) -> list[str]:
    said: list[str] = (await service.get("/readyz"))["degraded"]
    return [line for line in said if "rules.d" in line]


def told(slack: FakeSlack, channel: str, words: str) -> int:
    return sum(words in message.text for message in slack.channel(f"#{channel}").messages)


async def test_a_broken_team_file_in_place_at_restart(tmp_path: Path, slack: FakeSlack) -> None:
    place = Folder(tmp_path, payments=team("payments"), search=team("search"))
    async with running(tmp_path, MAIN, slack_url=slack.url) as service:
        await fire(service, "payments", "Before")
        await slack.channel("#payments").expect_message("Before", timeout=15)

        await until(lambda: nothing_owed(service), "the first word's outcome is written down")

        place.write("payments", BROKEN)
        await service.kill()
        await service.start()
        await slack.channel("#payments").expect_message(REFUSED, timeout=15)
        await until(lambda: nothing_owed(service), "so is that of this one")
        for _ in range(2):  # another restart tells nobody again
            await service.kill()
            await service.start()
            [line] = await degraded(service)
            assert line.startswith(f"{REFUSED}; its last accepted text of 2")
            assert line.endswith(" UTC is in force")
        assert "alert_router_rules_files_refused 1.0" in await metrics(service)
        for name in ("payments", "search", "nobody"):
            await fire(service, name, f"For {name}")
        await slack.channel("#payments").expect_message("For payments", timeout=15)
        await slack.channel("#search").expect_message("For search", timeout=15)
        await slack.channel("#alerts").expect_message("For nobody", timeout=15)
        await slack.channel("#payments").expect_message(
            REFUSED, timeout=60
        )  # a call that was killed is looked for first

        place.write("payments", team("payments", "timezone: UTC\n"))
        await service.kill()
        await service.start()
        await slack.channel("#payments").expect_message("rules.d/payments.yaml is well again", timeout=15)
        await until(lambda: nothing_owed(service), "what a kill interrupted is settled", within=60)
        assert await degraded(service) == []
        await service.kill()
        await service.start()
        await fire(service, "payments", "At the end")
        await slack.channel("#payments").expect_message("At the end", timeout=15)
        assert told(slack, "payments", "is well again") == told(slack, "payments", REFUSED) == 1
        assert told(slack, "search", "rules.d") == told(slack, "alerts", "rules.d") == 0


async def test_a_change_is_seen_by_itself_and_hostile_files_harm_nobody_else(tmp_path: Path, slack: FakeSlack) -> None:
    place = Folder(tmp_path, payments=team("payments"))
    async with running(tmp_path, MAIN, slack_url=slack.url) as service:
        hostile = {
            "bomb": LAUGHS,
            "deep": "[" * 100_000,
            "large": "#" * (10 * 1024 * 1024),
            "types": "version: [1]\nteam: {a: b}\nowner: 5\nscope: 7\nrouting: []\nwindows: 1\npeople: x\noncall: null\n",
            "tag": "a: !!python/object/apply:os.system [x]",
        }
        for name, text in hostile.items():
            place.write(name, text)
        place.write("search", team("search"))
        await until(lambda: count(service, len(hostile)), "all of them are refused, seen without a reload", within=40)
        await fire(service, "search", "For search")
        await slack.channel("#search").expect_message("For search", timeout=15)
        await fire(service, "payments", "For payments")
        await slack.channel("#payments").expect_message("For payments", timeout=15)
        assert "Traceback" not in service.words
        assert service.words.count("the configuration was reloaded") == 1

        for name in hostile:
            place.remove(name)
        answer = await reload(service)
        assert (answer["status"], answer["diff"], answer.get("refused")) == (200, [], None)
        assert await degraded(service) == []


async def test_a_reload_says_what_is_refused_and_what_is_gone(tmp_path: Path, slack: FakeSlack) -> None:
    place = Folder(tmp_path, payments=team("payments"), search=team("search"))
    async with running(tmp_path, MAIN, slack_url=slack.url) as service:
        place.write("payments", BROKEN)
        answer = await reload(service)
        assert (answer["status"], answer["diff"]) == (200, [])
        [refused] = answer["refused"]
        assert refused["file"] == "rules.d/payments.yaml"
        assert refused["in_force"].startswith("its last accepted text of 2")
        [error] = refused["errors"]
        assert error["message"] == "frob: unknown key 'frob'"
        await slack.channel("#payments").expect_message(REFUSED, timeout=15)

        place.remove("payments")
        answer = await reload(service)
        assert answer["diff"] == ["team payments removed", "route payments removed"]
        gone = [warning for warning in answer["warnings"] if warning.startswith("rules.d")]
        assert gone == ["rules.d/payments.yaml is gone: nothing of team payments is in force any more"]

        place.unmount()
        answer = await reload(service)
        assert answer["status"] == 400
        [error] = answer["errors"]
        assert (
            error["message"]
            == "rules_files: rules.d/*.yaml matches nothing any more; in force is what it matched: rules.d/search.yaml"
        )
        await service.kill()
        await service.start()
        [line] = await degraded(service)
        assert (
            "rules.d/*.yaml matches nothing any more: the last accepted text of rules.d/search.yaml is in force" in line
        )
        await fire(service, "search", "For search")
        await slack.channel("#search").expect_message("For search", timeout=15)

        place.teams.mkdir()
        place.write("search", team("search"))
        await until(lambda: nothing(service), "it is well by itself", within=40)


async def nothing_owed(service: RouterProcess) -> bool | None:
    return not any(message["owed"] for message in await service.all("messages")) or None


async def metrics(service: RouterProcess) -> str:
    async with service.session.get(f"{service.url}/metrics") as answer:
        return await answer.text()


async def count(service: RouterProcess, wanted: int) -> bool | None:
    return len(await degraded(service)) == wanted or None


async def nothing(service: RouterProcess) -> bool | None:
    return not await degraded(service) or None
