"""Logs of the process: one line each, for a person or as JSON. Writes to stderr; stdout belongs to what was asked for."""

import logging
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_FOREIGN = ("aiohttp", "asyncio", "alembic")
"""Their INFO tells about themselves, not about alerts."""


AGAIN_AFTER_S = 60


class LogFormat(StrEnum):
    """How lines look."""

    CONSOLE = "console"
    JSON = "json"


def configure(log_format: LogFormat, level: str = "INFO") -> None:
    """Once, before anything is logged."""
    handler = logging.StreamHandler()
    handler.addFilter(Sparing())
    handler.setFormatter(JsonFormatter() if log_format is LogFormat.JSON else ConsoleFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _FOREIGN:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


class Sparing(logging.Filter):
    """Lets a fault of one kind through once a minute, with how often it came meanwhile: a full disk fails every loop and
    every request, and its log would fill what is left."""

    def __init__(self) -> None:
        super().__init__()
        self._kinds: dict[tuple[str, str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.exc_info or record.exc_info[0] is None:
            return True
        kind = (record.name, str(record.msg), record.exc_info[0].__name__)
        since, kept_back = self._kinds.get(kind, (record.created - AGAIN_AFTER_S, 0))
        if record.created - since < AGAIN_AFTER_S:
            self._kinds[kind] = (since, kept_back + 1)
            return False
        if kept_back:
            record.times_since_the_last = kept_back
        self._kinds[kind] = (record.created, 0)
        return True


class JsonFormatter(logging.Formatter):
    """One object a line: at, level, logger, message, the facts, and a traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": _instant(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_facts(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


class ConsoleFormatter(logging.Formatter):
    """Time, level, message, facts as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        facts = " ".join(f"{name}={_shown(value)}" for name, value in _facts(record).items())
        text = f"{_instant(record)} {record.levelname:7} {record.getMessage()}" + (f"  {facts}" if facts else "")
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def _facts(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in record.__dict__.items() if name not in _STANDARD}


def _instant(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _shown(value: object) -> str:
    """Facts may be a sender's or Slack's words: a line break in them must not look like another line."""
    text = str(value)
    return text if text.isprintable() and " " not in text and text else repr(text)
