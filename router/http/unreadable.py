"""What is logged of requests that are no HTTP: that there was one, and never what it said.

aiohttp logs them as errors, with the line or header that it could not read: a mistyped token would lie in the log.
"""

import logging

from aiohttp.http_exceptions import HttpProcessingError

log = logging.getLogger(__name__)


class _WithoutWords(logging.Filter):
    """Their trouble, not ours: a line at INFO, without the traceback that quotes them."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
            record.msg, record.args = "a request was refused: it is not readable as HTTP", ()
            record.exc_info = record.exc_text = None
            record.error = type(error).__name__
        return True


log.addFilter(_WithoutWords())
