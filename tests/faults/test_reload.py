"""A reload that renames every route under 1,000 firing alerts: nobody hears of it, and the ends are told all the same."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from sqlalchemy import Connection

from router.runtime.clock import SystemClock
from router.service.app import App
from router.service.reload import NOT_COMMITTED
from router.store.intake.reload import routed_by
from tests.acceptance.stage import Condition, Stage, configuration, webhook
from tests.acceptance.truth import delivered_twice, firing_by_message
from tests.process import RouterProcess, filled, free_port, in_this_process, running, until
from tests.slackworld import FakeSlack, SlackWorld

TEAMS, GROUPS, EACH = 10, 2, 50
CONFIGURATION = """
version: 1
server: {listen: "<listen>"}
storage: {path: "<database>"}
slack: {token: {env: SLACK_BOT_TOKEN}, api_url: "<slack>"}
sources: {prometheus: {adapter: prometheus, auth: none}}
routing:
  channel: "#rest"
  group_by: [alertname]
  group_wait: 1s
  repeat_interval: none
  routes:
"""
ROUTE = "    - {name: PREFIX-NUMBER, match: ['team = tNUMBER'], channel: \"#CHANNEL-NUMBER\"}\n"


def text(*, prefix: str, channel: str = "team") -> str:
    route = ROUTE.replace("PREFIX", prefix).replace("CHANNEL", channel)
    return CONFIGURATION + "".join(route.replace("NUMBER", str(number)) for number in range(TEAMS))


def conditions() -> list[Condition]:
    return [
        Condition(f"Down{team}x{group}", f"web-{number}", "high", (("team", f"t{team}"),))
        for team in range(TEAMS)
        for group in range(GROUPS)
        for number in range(EACH)
    ]


def add_channels(world: SlackWorld) -> None:
    world.add_person("maria")
    for number in range(TEAMS):
        world.add_channel(f"#team-{number}", members=("maria",))
        world.add_channel(f"#new-{number}", members=("maria",))


def shown(world: SlackWorld, channel: str = "team") -> dict[str, int]:
    return firing_by_message(
        message for number in range(TEAMS) for message in world.channel(f"#{channel}-{number}").messages
    )


async def test_renaming_every_route_makes_no_post_no_edit_and_no_sound(tmp_path: Path) -> None:
    everything = conditions()
    async with Stage(tmp_path, text(prefix="before")) as stage:
        world = stage.world
        add_channels(world)
        await stage.fire(*everything)
        await stage.run_for(minutes=2)
        true = {one.name: EACH for one in everything}
        assert shown(world) == true
        calls, sounds = len(world.calls), len(world.sounds)

        renamed = configuration(filled(text(prefix="after", channel="new"), tmp_path))
        await stage.simulation.reload(renamed.rules)
        await stage.run_for(minutes=10)
        await stage.fire(*everything)  # sent again, as an Alertmanager does
        await stage.run_for(minutes=10)
        assert world.calls[calls:] == []
        assert world.sounds[sounds:] == []

        fresh = Condition("Fresh", "web-1", "high", (("team", "t3"),))
        await stage.fire(fresh)
        await stage.end(*everything)
        await stage.run_for(minutes=5)
        assert shown(world) == dict.fromkeys(true, 0)
        assert shown(world, "new") == {"Fresh": 1}
        assert delivered_twice(world) == []


async def test_reload_over_http_and_by_signal(tmp_path: Path) -> None:
    clock = SystemClock()
    async with FakeSlack(clock.now) as slack:
        add_channels(slack)
        async with running(tmp_path, text(prefix="before"), slack_url=slack.url) as service:
            everything, since = conditions(), clock.now()
            alerts = [one.said(is_firing=True, since=since, at=since) for one in everything]
            assert await service.post("/webhook/prometheus", webhook(alerts)) == 200
            true = {one.name: EACH for one in everything}
            await until(lambda: stands(slack, true), "every message", within=30)
            posts, edits = len(slack.calls_of("chat.postMessage")), len(slack.calls_of("chat.update"))

            good = service.file.read_text()
            service.file.write_text(good.replace("name: before-", "name: after-"))
            async with service.session.post(f"{service.url}/-/reload") as answer:
                assert answer.status == 200
                diff = "\n".join((await answer.json())["diff"])
            assert "before-3" in diff
            assert "after-3" in diff

            # What comes after is told: had the reload made a post, it would stand before it.
            for number in range(TEAMS):
                await fire_one(service, clock, f"Later{number}", f"t{number}")
            for number in range(TEAMS):
                await slack.channel(f"#team-{number}").expect_message(f"Later{number}", timeout=15)
            assert len(slack.calls_of("chat.postMessage")) == posts + TEAMS
            assert len(slack.calls_of("chat.update")) == edits
            assert shown(slack) == {**true, **{f"Later{number}": 1 for number in range(TEAMS)}}

            service.file.write_text(good.replace("routing:", "roting:"))
            assert await service.post("/-/reload") == 400
            service.process.send_signal(signal.SIGHUP)
            await until(lambda: refused_twice(service), "the signal's reload is refused as well")
            assert any("reload was refused" in said for said in (await service.get("/readyz"))["degraded"])
            await fire_one(service, clock, "Still", "t1")
            await slack.channel("#team-1").expect_message("Still", timeout=15)


async def fire_one(service: RouterProcess, clock: SystemClock, name: str, team: str) -> None:
    now = clock.now()
    alert = Condition(name, "web-1", "high", (("team", team),)).said(is_firing=True, since=now, at=now)
    assert await service.post("/webhook/prometheus", webhook([alert])) == 200


async def stands(slack: FakeSlack, true: dict[str, int]) -> bool | None:
    await asyncio.sleep(0)
    return shown(slack) == true or None


async def refused_twice(service: RouterProcess) -> bool | None:
    return service.words.count("the configuration was refused") == 2 or None


@asynccontextmanager
async def previewed(folder: Path) -> AsyncIterator[tuple[App, Path]]:
    """Running, with the preview."""
    file = folder / "router.yaml"
    preview = filled(text(prefix="before"), folder, listen=f"127.0.0.1:{free_port()}").replace("slack: {", "x-slack: {")
    file.write_text(f"{preview}slack: preview\n")
    async with in_this_process(file) as app:
        yield app, file


def broken(table: str, change: str) -> Callable[[Connection], object]:
    """The database refuses such a change of this table from now on."""
    refuse = f"CREATE TRIGGER broken BEFORE {change} ON {table} BEGIN SELECT RAISE(ABORT, 'broken'); END"
    return lambda conn: conn.exec_driver_sql(refuse)


def mended(conn: Connection) -> None:
    conn.exec_driver_sql("DROP TRIGGER broken")


async def test_a_reload_that_the_database_does_not_take_changes_nothing(tmp_path: Path) -> None:
    async with previewed(tmp_path) as (app, file):
        rules, sources = app.engine.ruleset, app.sources
        after = file.read_text().replace('channel: "#team-', 'channel: "#new-')
        file.write_text(after.replace("sources: {prometheus", "sources: {renamed"))

        await app.engine.database.write(broken("settings", "INSERT"))
        refused = await app.reload()
        assert (refused.is_accepted, refused.errors) == (False, (NOT_COMMITTED,))
        assert (app.engine.ruleset, app.sources, list(app.configuration.sources)) == (rules, sources, ["prometheus"])

        await app.engine.database.write(mended)
        assert (await app.reload()).is_accepted
        assert list(app.sources) == list(app.configuration.sources) == ["renamed"]


async def test_where_alerts_belong_is_brought_up_to_the_rules_until_it_works(tmp_path: Path) -> None:
    async with previewed(tmp_path) as (app, file):

        async def routed_otherwise_than(digest: str) -> str | None:
            found = await app.engine.database.read(routed_by)
            return found if found != digest else None

        before = await until(lambda: routed_otherwise_than(""), "the start has routed")
        await app.engine.database.write(broken("ruleset", "UPDATE"))
        file.write_text(file.read_text().replace("name: before-", "name: after-"))
        assert (await app.reload()).is_accepted
        assert "after-1" in app.engine.ruleset.routes
        await app.engine.database.write(mended)
        await until(lambda: routed_otherwise_than(before), "what is stored is routed by the new rules")


async def test_a_refused_token_is_read_again_from_its_file(tmp_path: Path) -> None:
    clock = SystemClock()
    (tmp_path / "token").write_text("xoxb-fake-1\n")
    token = f"token: {{file: {tmp_path / 'token'}}}"
    async with FakeSlack(clock.now) as slack:
        slack.tokens["xoxb-new"] = ""
        file = tmp_path / "router.yaml"
        listen = f"127.0.0.1:{free_port()}"
        written = filled(text(prefix="before"), tmp_path, listen=listen, slack_url=slack.url)
        file.write_text(written.replace("token: {env: SLACK_BOT_TOKEN}", token))
        async with in_this_process(file) as app:
            add_channels(slack)
            slack.tokens["xoxb-fake-1"] = "token_revoked"
            (tmp_path / "token").write_text("xoxb-new\n")
            async with aiohttp.ClientSession() as session:
                now = clock.now()
                alert = Condition("Down", "web-1", "high", (("team", "t1"),)).said(is_firing=True, since=now, at=now)
                async with session.post(f"{app.addresses[0]}/webhook/prometheus", json=webhook([alert])) as answer:
                    assert answer.status == 200
            await until(lambda: has(app, "xoxb-new"), "the token is read again")


async def has(app: App, token: str) -> bool | None:
    return any(token in app.vault.all((known,)) for known in app.vault._known) or None
