"""Log lines: for people, or one JSON object each with the ids that are known."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from titan.log_lines import MOST_WAITING, NOT_LOGGED, FileWriter, JsonLine, configure


@pytest.fixture(autouse=True)
def the_handlers_stay() -> Iterator[None]:
    """Give the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_of_json_has_the_ids_that_are_known() -> None:
    stream = io.StringIO()
    configure("json", "info", stream=stream)

    logging.getLogger("titan.x").warning("job %s\nfailed", "train", extra={"job_id": "d1.00000", "run_id": None})

    (line,) = lines(stream)
    assert str(line.pop("time")).endswith("+00:00")
    assert line == {"level": "warning", "logger": "titan.x", "message": "job train\nfailed", "job_id": "d1.00000"}


def test_a_traceback_is_a_field_of_its_line() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "it failed", (), sys.exc_info())

    line = json.loads(JsonLine().format(record))

    assert line["exception"].endswith("ValueError: no")
    assert "\n" not in JsonLine().format(record)


def test_libraries_log_in_the_same_format_and_lower_levels_are_left_out() -> None:
    stream = io.StringIO()
    configure("json", "warning", stream=stream)

    logging.getLogger("uvicorn.error").error("bad request")
    logging.getLogger("titan").info("all is well")

    assert [line["logger"] for line in lines(stream)] == ["uvicorn.error"]


@pytest.mark.parametrize("message", sorted(NOT_LOGGED))
def test_errors_that_any_client_can_cause_are_not_logged(message: str) -> None:
    stream = io.StringIO()
    configure("json", "warning", stream=stream)

    logging.getLogger("uvicorn.error").error(message)

    assert lines(stream) == []


def test_text_is_for_people() -> None:
    stream = io.StringIO()
    configure("text", "info", stream=stream)

    logging.getLogger("titan.x").info("worker joined")

    assert stream.getvalue().endswith(" INFO titan.x: worker joined\n")


UNREAD = """
import logging, os, sys
from titan.log_lines import MOST_WAITING, configure, flush
configure("json", "info")
for number in range(2 * MOST_WAITING):
    logging.getLogger("titan").info("line %d", number)
print("logged", flush=True)
sys.stdin.readline()  # by then somebody reads
flush(30)
logging.getLogger("titan").info("the last line")
flush(30)
"""


def test_lines_that_nobody_reads_hold_nobody_up_and_are_counted_when_somebody_reads_again() -> None:
    command = [sys.executable, "-c", UNREAD]
    program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert program.stdin is not None
    assert program.stdout is not None

    first = program.stdout.readline()
    _, written = program.communicate(b"read\n", timeout=60)

    assert first == b"logged\n"
    messages = [json.loads(line)["message"] for line in written.splitlines()]
    dropped = 2 * MOST_WAITING - (len(messages) - 2)
    notice = f"{dropped} lines are missing here: they could not be written in time"
    assert messages[-2:] == [notice, "the last line"]
    assert dropped > 0
    assert messages[:-2] == [f"line {number}" for number in range(len(messages) - 2)]


def test_a_log_that_is_too_large_begins_anew_and_the_one_before_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    writer = FileWriter(path)
    writer.maxBytes = 100
    for number in range(5):
        writer.emit(logging.makeLogRecord({"msg": f"{number} {'x' * 40}"}))
    writer.close()

    assert [line[0] for file in (path.with_name("server.log.1"), path) for line in file.read_text().splitlines()] == [
        *"234"
    ]
    assert {oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()} == {"0o600"}
