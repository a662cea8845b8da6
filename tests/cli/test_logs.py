"""Log lines: one each, whatever is logged."""

import json
import logging
import sys
from collections.abc import Iterator

import pytest

from router.runtime.logs import ConsoleFormatter, JsonFormatter, LogFormat, Sparing, configure

HOSTILE = "x\n2026-01-01T00:00:00.000Z ERROR   made up"


def record(message: str, **facts: object) -> logging.LogRecord:
    made = logging.LogRecord("router.service.app", logging.WARNING, "app.py", 1, message, (), None)
    made.__dict__.update(facts, created=1_772_625_600.25)
    return made


def failed() -> logging.LogRecord:
    made = record("a loop stumbled")
    try:
        int("odd")
    except ValueError:
        made.exc_info = sys.exc_info()
    return made


def test_json_lines_carry_the_facts() -> None:
    line = json.loads(JsonFormatter().format(record("taken", alerts=3, who=("a",))))
    assert line == {
        "at": "2026-03-04T12:00:00.250Z",
        "level": "warning",
        "logger": "router.service.app",
        "message": "taken",
        "alerts": 3,
        "who": ["a"],
    }
    assert "ValueError: invalid literal" in json.loads(JsonFormatter().format(failed()))["traceback"]


def test_json_takes_any_fact() -> None:
    assert json.loads(JsonFormatter().format(record("taken", odd=object)))["odd"] == "<class 'object'>"


def test_console_lines_carry_the_facts() -> None:
    assert ConsoleFormatter().format(record("taken", alerts=3)) == "2026-03-04T12:00:00.250Z WARNING taken  alerts=3"
    assert ConsoleFormatter().format(record("taken")) == "2026-03-04T12:00:00.250Z WARNING taken"
    assert "ValueError: invalid literal" in ConsoleFormatter().format(failed())


@pytest.mark.parametrize("formatter", [ConsoleFormatter(), JsonFormatter()])
def test_a_fact_cannot_look_like_another_line(formatter: logging.Formatter) -> None:
    assert len(formatter.format(record("taken", target=HOSTILE)).splitlines()) == 1


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    yield logger
    logger.handlers[:] = handlers
    logger.setLevel(level)
    for name in ("aiohttp", "asyncio", "alembic"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.mark.parametrize(
    ("log_format", "formatter"), [(LogFormat.JSON, JsonFormatter), (LogFormat.CONSOLE, ConsoleFormatter)]
)
def test_one_handler_writes_what_is_wanted(
    root: logging.Logger, log_format: LogFormat, formatter: type[logging.Formatter]
) -> None:
    configure(log_format, "ERROR")
    [handler] = root.handlers
    assert isinstance(handler.formatter, formatter)
    assert root.level == logging.ERROR
    configure(log_format, "DEBUG")
    assert len(root.handlers) == 1
    assert logging.getLogger("aiohttp").level == logging.WARNING


def test_a_fault_that_comes_again_and_again_is_logged_once_a_minute_with_how_often() -> None:
    sparing, let_through = Sparing(), []
    for second in range(130):
        for fault in (OSError("full"), ValueError("other")):
            record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "a loop stumbled", (), (type(fault), fault, None))
            record.created = float(second)
            if sparing.filter(record):
                let_through.append((second, type(fault).__name__, getattr(record, "times_since_the_last", 0)))
    assert let_through == [(at, name, 59 if at else 0) for at in (0, 60, 120) for name in ("OSError", "ValueError")]
    plain = logging.LogRecord("x", logging.ERROR, "x.py", 1, "no traceback", (), None)
    assert sparing.filter(plain)
    assert sparing.filter(plain)
