"""Does the suite catch what it should? Every fault of `faults.yaml` is put into a copy of the tree, alone, and the tests
named beside it are run there: they have to fail.

Two copies are worked on at a time. Only exit code 1, tests that ran and failed, counts: a fault whose tests cannot be
collected any more has caught nothing.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FAULTS: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("faults.yaml").read_text())
AT_ONCE = 2


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Name of a fault -> "" when it was caught, else what happened instead."""
    trees: SimpleQueue[Path] = SimpleQueue()
    for number in range(AT_ONCE):
        tree = tmp_path_factory.mktemp(f"tree{number}")
        for part in ("adapters", "rules", "router", "tests", "bench", "docs"):
            shutil.copytree(ROOT / part, tree / part)
        shutil.copy(ROOT / "pyproject.toml", tree)
        shutil.copy(ROOT / "config.example.yaml", tree)
        trees.put(tree)

    def planted(fault: dict[str, Any]) -> str:
        tree = trees.get()
        try:
            return _plant(tree, fault)
        finally:
            trees.put(tree)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(planted, FAULTS))
    return {fault["name"]: outcome for fault, outcome in zip(FAULTS, found, strict=True)}


def _plant(tree: Path, fault: dict[str, Any]) -> str:
    path = tree / fault["file"]
    before, stat = path.read_text(), path.stat()
    text = before
    for change in (fault, *([fault["also"]] if "also" in fault else [])):
        if text.count(change["old"]) != 1:
            return f"{fault['file']} has {text.count(change['old'])} times {change['old']!r}: plant it anew"
        text = text.replace(change["old"], change["new"])
    path.write_text(text)
    try:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *fault["tests"]]
        run = subprocess.run(
            command, cwd=tree, capture_output=True, text=True, timeout=300, check=False, env=_environment()
        )
    except subprocess.TimeoutExpired:
        return "its tests took more than five minutes"
    finally:
        path.write_text(before)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    if run.returncode == 1:
        return ""
    said = "its tests pass" if run.returncode == 0 else f"its tests did not run (exit code {run.returncode})"
    return f"{said}: {run.stdout[-600:]}"


def _environment() -> dict[str, str]:
    # Byte code of a changed file must not outlive the change; hypothesis must not remember examples.
    own = {"PYTHONDONTWRITEBYTECODE": "1", "HYPOTHESIS_STORAGE_DIRECTORY": os.devnull}
    return {**{name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}, **own}


@pytest.mark.parametrize("name", [fault["name"] for fault in FAULTS])
def test_a_planted_fault_is_caught(name: str, outcomes: Mapping[str, str]) -> None:
    assert outcomes[name] == ""


def test_there_are_enough_faults() -> None:
    assert len(FAULTS) >= 40
    assert len({fault["name"] for fault in FAULTS}) == len(FAULTS)
