"""Does the suite catch what it should? Every fault of `faults.yaml` is put into a copy of the tree, alone, and the tests
named beside it are run there: they have to fail.

Each takes seconds, so a day's runs plant a share of them, and the next day's the next: a twelfth, or as
ALERT_ROUTER_PLANTED says, 3 for a third, as CI does, and 1 for every one. Two copies are worked on at a time. Only exit
code 1, tests that ran and failed, counts: a fault whose tests cannot be collected any more has caught nothing.
"""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FAULTS: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("faults.yaml").read_text())
AT_ONCE = 2
SHARES = int(os.environ.get("ALERT_ROUTER_PLANTED", "12"))
DAY = datetime.now(UTC).toordinal()  # noqa: TID251  which share it is, is a matter of the calendar
PLANTED = FAULTS[DAY % SHARES :: SHARES]


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
        found = list(pool.map(planted, PLANTED))
    return {fault["name"]: outcome for fault, outcome in zip(PLANTED, found, strict=True)}


def _place(tree: Path, fault: dict[str, Any]) -> Path | str:
    """The one file in which a definition of the fault's name has its text, wherever it stands; else what was found."""
    found = []
    for path in sorted(path for part in ("adapters", "rules", "router") for path in (tree / part).rglob("*.py")):
        text = path.read_text()
        if fault["old"] in text:
            bodies = [body for name, body in _definitions(ast.parse(text), text) if name == fault["in"]]
            found += [path for body in bodies for _ in range(body.count(fault["old"]))]
    return found[0] if len(found) == 1 else f"{fault['in']} has {len(found)} times {fault['old']!r}: plant it anew"


def _definitions(node: ast.AST, text: str, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Functions and classes with what they hold, by qualified name, and the names that a module assigns."""
    for one in ast.iter_child_nodes(node):
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield prefix + one.name, _lines(one, text)
            yield from _definitions(one, text, f"{prefix}{one.name}.")
        elif isinstance(one, ast.Assign | ast.AnnAssign) and not prefix:
            targets = one.targets if isinstance(one, ast.Assign) else [one.target]
            yield from ((name.id, _lines(one, text)) for name in targets if isinstance(name, ast.Name))


def _lines(node: ast.stmt, text: str) -> str:
    """Whole, with what stands before and behind it on its lines."""
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else []
    first = min(node.lineno, *(one.lineno for one in decorators)) if decorators else node.lineno
    return "\n".join(text.split("\n")[first - 1 : node.end_lineno])


def _plant(tree: Path, fault: dict[str, Any]) -> str:
    path = _place(tree, fault)
    if isinstance(path, str):
        return path
    before, stat = path.read_text(), path.stat()
    text = before
    for change in (fault, *([fault["also"]] if "also" in fault else [])):
        bodies = [body for name, body in _definitions(ast.parse(text), text) if name == fault["in"]]
        whole = next((body for body in bodies if body.count(change["old"]) == 1), None)
        if whole is None:
            return f"{fault['in']} has not once {change['old']!r}: plant it anew"
        text = text.replace(whole, whole.replace(change["old"], change["new"]))
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


@pytest.mark.parametrize("name", [fault["name"] for fault in PLANTED])
def test_a_planted_fault_is_caught(name: str, outcomes: Mapping[str, str]) -> None:
    assert outcomes[name] == ""


def test_there_are_enough_faults() -> None:
    assert len(FAULTS) >= 40
    assert len({fault["name"] for fault in FAULTS}) == len(FAULTS)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault["name"]))
def test_each_has_its_place(fault: dict[str, Any]) -> None:
    assert isinstance(_place(ROOT, fault), Path), _place(ROOT, fault)
