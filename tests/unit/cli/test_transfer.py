"""How far a transfer is: a line now and then where nobody can see one redrawn."""

from __future__ import annotations

import io

import pytest

from titan.cli.commands.runs_files import CountedFile, Transfer


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_long_transfer_is_told_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()

    with Transfer("Exporting 3 runs", now=clock) as transfer:
        for _ in range(22):
            clock.seconds += 1
            transfer.moved(1024)

    assert capsys.readouterr().err.splitlines() == ["Exporting 3 runs: 10.0 KiB", "Exporting 3 runs: 20.0 KiB"]


def test_nothing_is_told_where_it_would_stand_within_the_export(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()

    with Transfer("Exporting 3 runs", is_shown=False, now=clock) as transfer:
        clock.seconds += 60
        transfer.moved(1024)

    assert (capsys.readouterr().err, transfer.moved_bytes) == ("", 1024)


def test_a_file_that_goes_once_more_is_counted_anew(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with Transfer("Importing x", total_bytes=4, now=clock) as transfer:
        file = CountedFile(io.BytesIO(b"abcd"), transfer)
        for _ in range(2):
            file.seek(0)
            clock.seconds += 11
            content = file.read(10)

    assert (content, transfer.moved_bytes) == (b"abcd", 4)
    assert capsys.readouterr().err.splitlines() == ["Importing x: 4 B of 4 B sent; the server checks and keeps it"] * 2
