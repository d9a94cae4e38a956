"""Structured logs: one JSON object a line, in files that are turned over before they grow large.

In: Python's logging. Out: DATA/logs/server.log and four older ones; warnings also on stderr.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import sys
import time
from pathlib import Path

MOST_BYTES, OLDER = 5 << 20, 4


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        values = {
            "time": f"{when}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "text": record.getMessage(),
        }
        if record.exc_info:
            values["trace"] = self.formatException(record.exc_info)
        return json.dumps(values, ensure_ascii=False)


class QuietFile(logging.handlers.RotatingFileHandler):
    """A disk that is full must not end the server, nor fill stderr."""

    def handleError(self, record: logging.LogRecord) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def set_up_logs(folder: Path) -> None:
    file = QuietFile(folder / "server.log", maxBytes=MOST_BYTES, backupCount=OLDER, delay=True)
    file.setFormatter(JsonLines())
    console = logging.StreamHandler()
    console.setLevel(logging.WARNING)
    console.setFormatter(logging.Formatter("propsmith: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[file, console], force=True)
