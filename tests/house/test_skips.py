"""In CI a skip is a failure: the hooks of tests/conftest.py, in a pytest of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CASES = """
import pytest

@pytest.mark.needs("no-such-package")
def test_needs(): raise AssertionError("not reached")

@pytest.mark.needs("sh")
def test_has(): pass

def test_extra(): pytest.skip("../shared/payloads is absent")

@pytest.mark.xfail
def test_known(): raise AssertionError("expected")
"""


def outcome(folder: Path, cases: str, *, no_skips: str) -> str:
    """What pytest prints about `cases` under this project's conftest."""
    (folder / "conftest.py").write_text((Path(__file__).parents[1] / "conftest.py").read_text())
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = needs(package): x\n")
    (folder / "test_cases.py").write_text(cases)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", str(folder)],
        env={**os.environ, "ALERT_ROUTER_NO_SKIPS": no_skips},
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    return run.stdout


@pytest.mark.parametrize(
    ("no_skips", "summary"), [("", "1 passed, 2 skipped, 1 xfailed"), ("1", "1 passed, 1 skipped, 1 xfailed, 1 error")]
)
def test_a_skip_fails_only_where_none_is_allowed(tmp_path: Path, no_skips: str, summary: str) -> None:
    printed = outcome(tmp_path, CASES, no_skips=no_skips)
    assert summary in printed
    assert "Debian package not installed: no-such-package" in printed


def test_a_skipped_module_fails_too(tmp_path: Path) -> None:
    module = "import pytest\npytest.importorskip('no_such_module')\n"
    assert "1 skipped" in outcome(tmp_path, module, no_skips="")
    assert "skipped although ALERT_ROUTER_NO_SKIPS=1" in outcome(tmp_path, module, no_skips="1")
