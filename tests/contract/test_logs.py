"""What every log store promises: bytes at their offset, once."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from titan.model.errors import InvalidName
from titan.ports.runtime import Logs
from titan.store.logs import FolderLogs

LEASE_ID = "0123456789abcdef" * 2

#: Opens the logs of a home; another implementation is one more entry.
LOGS: dict[str, Callable[[Path], Logs]] = {"folder": lambda home: FolderLogs(home / "logs")}


@pytest.fixture(params=sorted(LOGS))
def logs(request: pytest.FixtureRequest, tmp_path: Path) -> Logs:
    """Return an empty log store."""
    return LOGS[request.param](tmp_path)


def whole(logs: Logs, lease_id: str = LEASE_ID) -> bytes:
    return logs.read(lease_id, 0, 10**9)


def test_pieces_appended_in_order_are_read_as_one(logs: Logs) -> None:
    sizes = [
        logs.append(LEASE_ID, 0, b"one\n"),
        logs.append(LEASE_ID, 4, b"\xff\x00two\n"),
        logs.append(LEASE_ID, 10, b""),
    ]

    assert (sizes, logs.size(LEASE_ID), whole(logs)) == ([4, 10, 10], 10, b"one\n\xff\x00two\n")


def test_a_repeat_changes_nothing_and_an_overlap_adds_only_new_bytes(logs: Logs) -> None:
    logs.append(LEASE_ID, 0, b"0123456789")

    sizes = [
        logs.append(LEASE_ID, 0, b"0123456789"),
        logs.append(LEASE_ID, 3, b"345"),
        logs.append(LEASE_ID, 8, b"89ab"),
    ]

    assert (sizes, whole(logs)) == ([10, 10, 12], b"0123456789ab")


def test_behind_a_gap_nothing_is_appended(logs: Logs) -> None:
    logs.append(LEASE_ID, 0, b"0123")

    sizes = [logs.append(LEASE_ID, 5, b"5"), logs.append("f" * 32, 1, b"1")]

    assert (sizes, whole(logs), whole(logs, "f" * 32)) == ([4, 0], b"0123", b"")


def test_a_part_is_read_from_its_offset(logs: Logs) -> None:
    logs.append(LEASE_ID, 0, b"0123456789")

    parts = [logs.read(LEASE_ID, offset, limit) for offset, limit in ((0, 4), (4, 4), (8, 4), (10, 4), (99, 4))]

    assert parts == [b"0123", b"4567", b"89", b"", b""]


def test_an_attempt_that_wrote_nothing_has_an_empty_log(logs: Logs) -> None:
    assert (logs.size(LEASE_ID), logs.read(LEASE_ID, 0, 10), logs.append(LEASE_ID, 0, b"")) == (0, b"", 0)


def test_logs_do_not_mix(logs: Logs) -> None:
    lease_ids = [f"{number:032x}" for number in range(64)]

    def write(lease_id: str) -> None:
        for turn in range(10):
            logs.append(lease_id, turn * 32, lease_id.encode())

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, lease_ids))

    assert all(whole(logs, lease_id) == lease_id.encode() * 10 for lease_id in lease_ids)


def test_parts_that_arrive_twice_and_at_once_are_stored_once(logs: Logs) -> None:
    content = os.urandom(64 * 1024)

    def send(_turn: int) -> None:
        offset = 0
        while offset < len(content):
            offset = logs.append(LEASE_ID, offset, content[offset : offset + 777])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(send, range(8)))

    assert whole(logs) == content


@pytest.mark.parametrize("lease_id", ["", "..", "../../etc/passwd", "a/b", "a\x00b", "x" * 65, "ä" * 32])
def test_an_id_that_is_no_safe_name_is_refused(logs: Logs, lease_id: str) -> None:
    with pytest.raises(InvalidName):
        logs.append(lease_id, 0, b"x")
