"""`health`, as a container's health check runs it."""

import asyncio
from pathlib import Path

from tests.cli.conftest import run
from tests.process import free_port, running

CONFIGURATION = """
version: 1
server: {listen: "<listen>"}
storage: {path: "<database>"}
slack: preview
sources: {shell: {adapter: generic, auth: none}}
routing: {channel: none}
"""


async def test_it_asks_on_the_port_that_the_configuration_says(tmp_path: Path) -> None:
    async with running(tmp_path, CONFIGURATION) as service:
        asked = await asyncio.to_thread(run, "health", "--config", service.file)
        assert asked.exit_code == 0, asked.output
        assert '"healthy":true' in asked.output
        everywhere = tmp_path / "everywhere.yaml"
        everywhere.write_text(f"server: {{listen: ':{service.port}'}}\nwhatever: [stands here\n]")
        asked = await asyncio.to_thread(run, "health", "--config", everywhere)
        assert asked.exit_code == 0, asked.output


def test_a_router_that_is_away_is_not_well(tmp_path: Path) -> None:
    file, port = tmp_path / "router.yaml", free_port()
    file.write_text(f"server: {{listen: '[::1]:{port}'}}")
    asked = run("health", "--config", file)
    assert asked.exit_code == 1
    assert f"http://[::1]:{port}/healthz does not answer: " in asked.output


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    asked = run("health", "--config", tmp_path / "nowhere.yaml")
    assert asked.exit_code == 2
    assert "nowhere.yaml" in asked.output
