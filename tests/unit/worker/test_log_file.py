"""A job may do to its log what it likes; the worker reads what there is to read, up to the limit."""

import os
from pathlib import Path

import pytest

from titan.worker.logs import LogFile


def test_a_log_is_read_from_an_offset(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log")
    log.path.write_bytes(b"0123456789")

    assert (log.size(), log.read(4, 3), log.read(10, 3), log.read(12, 3)) == (10, b"456", b"", b"")


def test_a_log_that_is_gone_is_empty(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log")

    assert (log.size(), log.read(0, 10)) == (0, b"")


def test_a_folder_in_its_place_is_empty(tmp_path: Path) -> None:
    log = LogFile(tmp_path, 0)

    assert (log.size(), log.read(0, 10)) == (0, b"")


def test_a_pipe_in_its_place_is_empty_and_is_not_waited_for(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log", 0)
    os.mkfifo(log.path)

    assert (log.size(), log.read(0, 10)) == (0, b"")


def test_a_link_in_place_of_the_log_is_empty_and_its_target_not_cut(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log", 3)
    (tmp_path / "precious").write_bytes(b"0123456789")
    log.path.symlink_to(tmp_path / "precious")

    assert (log.size(), log.read(0, 10)) == (0, b"")
    assert (tmp_path / "precious").read_bytes() == b"0123456789"


def test_one_byte_over_the_limit_is_kept_and_the_job_continues_behind_it(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log", 4)
    with log.path.open("ab", buffering=0) as job:
        job.write(b"0123")
        within = log.size(), log.read(0, 10)
        for more in (b"456789", b"x" * 1000):
            job.write(more)
            assert (log.size(), log.read(0, 10), log.read(5, 10)) == (5, b"01234", b"")
            assert log.path.read_bytes() == b"01234"

    assert within == (4, b"0123")


def test_of_a_huge_file_with_nothing_in_it_no_more_counts_than_of_any_other(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log", 4)
    log.path.touch()
    os.truncate(log.path, 2**40)

    assert (log.read(0, 10), log.size(), log.path.stat().st_size) == (bytes(5), 5, 5)


SECRET = b"hunter2hunter2"


@pytest.mark.parametrize("part", [1, 2, 5, 13, 14, 15, 100])
def test_a_masked_value_is_masked_wherever_parts_of_a_log_begin(tmp_path: Path, part: int) -> None:
    log = LogFile(tmp_path / "log", masked=(SECRET, b"2hunter2 and"))
    text = b"a " + SECRET + b" and " + SECRET + SECRET + b" hunter2 b"
    log.path.write_bytes(text)

    read = b""
    while piece := log.read(len(read), part, is_whole=True):
        read += piece

    assert read == b"a " + b"*" * 18 + b" " + b"*" * 28 + b" hunter2 b"


def test_a_masked_value_that_is_written_in_two_steps_is_masked_whole(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log", masked=(SECRET,))
    log.path.write_bytes(b"it is " + SECRET[:9])
    first = log.read(0, 100)
    with log.path.open("ab") as file:
        file.write(SECRET[9:] + b"!")

    assert (first, log.read(len(first), 100)) == (b"it is ", b"*" * 14 + b"!")


def test_the_beginning_of_a_masked_value_at_the_end_of_a_whole_log_is_masked_too(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log", masked=(SECRET,))
    log.path.write_bytes(b"it is " + SECRET[:9])
    long = log.read(0, 100, is_whole=True)
    log.path.write_bytes(b"it is " + SECRET[:3])

    assert (long, log.read(0, 100, is_whole=True)) == (b"it is *********", b"it is hun")
