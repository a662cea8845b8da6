"""Alertmanager's own `amtool silence`, unchanged, against the running router: all five forms, with and without a token."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.process import RouterProcess, running, until

CONFIGURATION = """\
version: 1
server: {listen: <listen>, tokens: {read: {env: READ}, write: {env: WRITE}}}
storage: {path: <database>}
slack: preview
sources: {prometheus: {adapter: prometheus, auth: none}}
routing: {channel: "#alerts", group_by: [alertname, cluster], group_wait: 0s}
"""
SECRETS = {"READ": "read-token", "WRITE": "write-token"}


@pytest.fixture
async def router(tmp_path: Path) -> AsyncIterator[RouterProcess]:
    async with running(tmp_path, CONFIGURATION, environment=SECRETS) as made:
        yield made


async def amtool(router: RouterProcess, *arguments: str, token: str = "write-token") -> str:
    """What it says. Fails with what it says of a fault."""
    found = shutil.which("amtool")
    assert found is not None, "amtool comes with prometheus-alertmanager"
    url = f"http://anybody:{token}@127.0.0.1:{router.port}"
    process = await asyncio.create_subprocess_exec(
        found,
        "--alertmanager.url",
        url,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 20)
    if process.returncode:
        raise AssertionError(f"amtool {arguments}: {err.decode()}")
    return out.decode().strip()


async def query(router: RouterProcess, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(await amtool(router, "-o", "json", "silence", "query", *arguments))
    return found


async def suppressed(router: RouterProcess) -> dict[str, str | None]:
    """Cluster -> what holds its alert."""
    headers = {"Authorization": "Bearer read-token"}
    async with router.session.get(f"{router.url}/api/alerts", headers=headers) as answer:
        alerts = (await answer.json())["alerts"]
    return {one["labels"]["cluster"]: one["groups"][0]["suppressed_by"] for one in alerts}


@pytest.mark.needs("prometheus-alertmanager")
async def test_amtool_adds_finds_changes_and_ends_silences(router: RouterProcess) -> None:
    alerts = [{"labels": {"alertname": "Down", "cluster": cluster}} for cluster in ("eu", "us")]
    assert await router.post("/api/v2/alerts", alerts) == 200
    number = await amtool(
        router, "silence", "add", "-a", "maria", "-d", "2h", "-c", "disks", 'alertname=~"Do.*"', "cluster=eu"
    )

    async def is_held() -> bool | None:
        return await suppressed(router) == {"eu": f"silence {number}", "us": None} or None

    await until(is_held, "the alert is held")
    [found] = await query(router)
    assert (found["id"], found["createdBy"], found["comment"], found["status"]) == (
        number,
        "maria",
        "disks",
        {"state": "active"},
    )
    assert {(one["name"], one["value"], one["isRegex"], one["isEqual"]) for one in found["matchers"]} == {
        ("alertname", "Do.*", True, True),
        ("cluster", "eu", False, True),
    }
    assert await query(router, "cluster=us") == []
    assert "disks" in await amtool(router, "silence", "query", "alertname=~Do.*")  # as a table

    assert number in await amtool(router, "silence", "update", "-d", "5h", "-c", "it takes longer", number)
    [longer] = await query(router)
    assert (longer["id"], longer["comment"], longer["startsAt"]) == (number, "it takes longer", found["startsAt"])
    assert longer["endsAt"] > found["endsAt"]

    await amtool(router, "silence", "expire", number)
    assert await query(router) == []

    async def is_free() -> bool | None:
        return await suppressed(router) == {"eu": None, "us": None} or None

    await until(is_free, "the alert is free")
    [over] = await query(router, "--expired", "--within", "1h")
    assert (over["id"], over["status"]) == (number, {"state": "expired"})


@pytest.mark.needs("prometheus-alertmanager")
async def test_amtool_imports_what_it_exported(router: RouterProcess, tmp_path: Path) -> None:
    numbers = [
        await amtool(router, "silence", "add", "-a", "maria", "-d", "2h", "-c", f"{value}", f"cluster={value}")
        for value in ("eu", "us", "ap")
    ]
    exported = await amtool(router, "-o", "json", "silence", "query")
    await amtool(router, "silence", "expire", *numbers)
    assert await query(router) == []
    file = tmp_path / "silences.json"
    file.write_text(exported)
    made = await amtool(router, "silence", "import", "--force", str(file))
    assert len(made.splitlines()) == 3
    imported = await query(router)
    assert {one["comment"] for one in imported} == {"eu", "us", "ap"}
    assert not {one["id"] for one in imported} & set(numbers)
    assert {one["endsAt"] for one in imported} == {one["endsAt"] for one in json.loads(exported)}


@pytest.mark.needs("prometheus-alertmanager")
async def test_amtool_is_told_what_is_wrong(router: RouterProcess) -> None:
    with pytest.raises(AssertionError, match="holds back whatever alert there may be"):
        await amtool(router, "silence", "add", "-a", "maria", "-c", "x", 'alertname=~".+"')
    with pytest.raises(AssertionError, match="status 403"):
        await amtool(router, "silence", "add", "-a", "maria", "-c", "x", "a=b", token="read-token")
    with pytest.raises(AssertionError, match="status 401"):
        await amtool(router, "silence", "query", token="wrong-token")
    with pytest.raises(AssertionError, match="status 404"):
        await amtool(router, "silence", "expire", "11111111-2222-4333-8444-555555555555")
    assert await query(router) == []
