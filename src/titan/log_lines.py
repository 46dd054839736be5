"""Configures logging: lines of text for people, or a JSON object per line for programs."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Final, TextIO

FORMATS: Final = ("text", "json")
LEVELS: Final = ("debug", "info", "warning", "error")

#: Ids that a line is about: loggers get these as `extra`.
IDS: Final = ("job_id", "run_id", "dag_id", "worker_id", "lease_id")

TEXT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
UVICORN: Final = "uvicorn.error"
#: uvicorn logs the first as an error also of a handshake that the application answered with a refusal, as ASGI has it;
#: of the others any stranger could cause a line per request: `titan.server.http.connections` logs one per second.
NOT_LOGGED: Final = frozenset(
    {
        "ASGI callable returned without completing handshake.",
        "Invalid HTTP request received.",
        "Unsupported upgrade request.",
    }
)
CHATTY: Final = ("httpx", "httpx2", UVICORN)  # a line per model call, and start and end logged a second time


class JsonLine(logging.Formatter):
    """Formats a record as one JSON object: time, level, logger, message, the ids that are known, and a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in IDS if getattr(record, name, None) is not None}
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = "".join(traceback.format_exception(record.exc_info[1])).rstrip()
        return json.dumps(line, ensure_ascii=False)


def configure(log_format: str, level: str, *, stream: TextIO | None = None) -> None:
    """Log everything, also of libraries, to `stream` (default: stderr) in one format."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLine() if log_format == "json" else logging.Formatter(TEXT))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger(UVICORN).addFilter(_is_logged)


def _is_logged(record: logging.LogRecord) -> bool:
    return record.msg not in NOT_LOGGED
