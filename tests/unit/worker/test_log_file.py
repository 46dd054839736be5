"""A job may do to its log what it likes; the worker reads what there is to read."""

import os
from pathlib import Path

from titan.engine.worker.log_file import read_log, size_of_log


def test_a_log_is_read_from_an_offset(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"0123456789")

    assert (size_of_log(log), read_log(log, 4, 3), read_log(log, 10, 3)) == (10, b"456", b"")


def test_a_log_that_is_gone_is_empty(tmp_path: Path) -> None:
    assert (size_of_log(tmp_path / "log"), read_log(tmp_path / "log", 0, 10)) == (0, b"")


def test_a_folder_in_its_place_is_empty(tmp_path: Path) -> None:
    assert (size_of_log(tmp_path), read_log(tmp_path, 0, 10)) == (0, b"")


def test_a_pipe_in_its_place_is_empty_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")

    assert (size_of_log(tmp_path / "log"), read_log(tmp_path / "log", 0, 10)) == (0, b"")
