"""Where tests run: one that needs a Debian package is skipped by the package's name, and in CI none may be skipped.

`@pytest.mark.needs("chromium")` skips where that program is absent. With ALERT_ROUTER_NO_SKIPS=1 every skip is a
failure, but for the extra cases that come from beside the repository ("../shared" in the reason).
"""

import os
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest

EXTRA = "../shared"
LONGEST = ("planted", "acceptance", "faults", "machines", "scenarios")
"""Folders whose files take a minute or more, begun first: of two workers none has a long one left when the other is done."""
TESTS = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.relative_to(TESTS).parts[0], len(order)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        # Debian names these packages as their programs.
        absent = [package for package in mark.args if shutil.which(package) is None]
        if absent:
            pytest.skip(f"Debian package not installed: {', '.join(absent)}")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if not hasattr(report, "wasxfail"):
        refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    refuse_skip(report)
    return report


def refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure where none is allowed."""
    if os.environ.get("ALERT_ROUTER_NO_SKIPS") != "1" or report.outcome != "skipped":
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if EXTRA not in reason:
        report.outcome = "failed"
        report.longrepr = f"skipped although ALERT_ROUTER_NO_SKIPS=1: {reason}"
