"""The Dockerfile by its text: what it copies exists, nothing runs as root, signals arrive. Builds no image."""

import json
import re
from pathlib import Path

import pytest

from router.commands.cli import main

ROOT = Path(__file__).parents[2]


def instructions(text: str) -> list[tuple[str, str]]:
    """(instruction, arguments) in order, continuation lines joined, comments left out."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(name, arguments) for name, _, arguments in (line.partition(" ") for line in joined.splitlines())]


DOCKERFILE = instructions((ROOT / "Dockerfile").read_text())
LAST_STAGE = DOCKERFILE[max(at for at, (name, _) in enumerate(DOCKERFILE) if name == "FROM") :]
COPIED = [
    path
    for name, arguments in DOCKERFILE
    if name == "COPY" and "--from=" not in arguments
    for path in arguments.split()[:-1]
]


def of(name: str) -> list[str]:
    return [arguments for instruction, arguments in LAST_STAGE if instruction == name]


@pytest.mark.parametrize("path", COPIED)
def test_what_it_copies_exists_and_is_sent_to_the_engine(path: str) -> None:
    assert (ROOT / path).exists()
    assert f"!{path}" in (ROOT / ".dockerignore").read_text().splitlines()


def test_the_base_is_pinned_to_an_exact_version() -> None:
    bases = [arguments.split()[0] for name, arguments in DOCKERFILE if name == "FROM"]
    assert bases == ["${BASE}"] * 2, "one stage builds, one runs; both with the same Python"
    [base] = [arguments for name, arguments in DOCKERFILE if name == "ARG"]
    assert re.fullmatch(r"BASE=python:3\.\d+\.\d+-slim-[a-z]+", base)


def test_nothing_can_be_installed_into_the_image_that_runs() -> None:
    [base] = [arguments for name, arguments in DOCKERFILE if name == "ARG"]
    python = ".".join(base.removeprefix("BASE=python:").split(".")[:2])
    assert f"python -m pip uninstall --yes wheel setuptools pip && rm -rf /usr/local/lib/python{python}/ensurepip" in (
        re.sub(r"\s+", " ", text) for text in of("RUN")
    )
    *_, last = (text for name, text in DOCKERFILE[: -len(LAST_STAGE)] if name == "RUN")
    assert last.endswith("/opt/alert-router/bin/python -m pip uninstall --yes setuptools pip")


def test_every_install_is_checked_against_hashes() -> None:
    installs = [
        part for name, text in DOCKERFILE if name == "RUN" for part in text.split("&&") if "pip install" in part
    ]
    assert len(installs) == 3
    for install in installs:
        assert "--require-hashes" in install or "--no-deps dist/" in install


def test_it_runs_as_a_numbered_user_that_is_not_root() -> None:
    users = of("USER")
    assert users
    uid, gid = (int(number) for number in users[-1].split(":"))
    assert uid > 0
    assert gid > 0


def test_only_the_data_volume_is_writable() -> None:
    assert of("VOLUME") == ["/data"]
    assert "TMPDIR=/data" in of("ENV")[0]
    assert "PYTHONDONTWRITEBYTECODE=1" in of("ENV")[0]


def test_signals_reach_the_process_and_health_is_asked_without_a_shell() -> None:
    assert of("STOPSIGNAL") == ["SIGTERM"]
    assert json.loads(of("ENTRYPOINT")[0]) == ["alert-router"]
    assert json.loads(of("CMD")[0])[0] == "serve"
    health = of("HEALTHCHECK")[0]
    command = json.loads(health[health.index("CMD ") + 4 :])
    assert command[:2] == ["alert-router", "health"]
    assert command[1] in main.commands
    assert command[2:] == json.loads(of("CMD")[0])[1:], "it asks about the configuration that runs"
