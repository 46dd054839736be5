"""The log of a home's worker stays small, and its writer notices nothing."""

from pathlib import Path

from titan.worker.local_workers import trim


def test_a_log_that_grew_is_moved_aside_under_its_writer(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"old\n" * 10)
        was_small = trim(log, limit_bytes=40)
        was_large = trim(log, limit_bytes=39)
        writer.write(b"new\n")

    assert (was_small, was_large) == (False, True)
    assert log.read_bytes() == b"new\n"
    assert (tmp_path / "worker.log.1").read_bytes() == b"old\n" * 10


def test_a_log_that_is_not_there_is_fine(tmp_path: Path) -> None:
    assert not trim(tmp_path / "worker.log")
