"""What waits on the disk for the server is told: how much, since when, where, and what to do."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from titan.cli.doctor import Finding, Level
from titan.cli.doctor.machine import check_spools
from titan_sdk.recording.delivery import Spool

TWO_CALLS = ['{"id":"a"}', '{"id":"b"}']


def found_in(home: Path, **environment: str) -> list[Finding]:
    return list(check_spools(home, environment))


def make_old(folder: Path, **ago: float) -> None:
    """Have all that lies in a folder be of some time ago."""
    seconds = (datetime.now(UTC) - timedelta(**ago)).timestamp()
    for path in folder.iterdir():
        os.utime(path, (seconds, seconds))


def test_nothing_waits_where_nobody_recorded_anything(tmp_path: Path) -> None:
    (tmp_path / "spool" / "home").mkdir(parents=True)

    [finding] = found_in(tmp_path)

    assert (finding.level, finding.check) == (Level.OK, "recorded")


def test_waiting_entries_are_reported_with_size_age_and_folder(tmp_path: Path) -> None:
    folder = tmp_path / "spool" / "home"
    for _ in range(2):
        Spool(str(folder)).add(TWO_CALLS)
    make_old(folder, hours=3)
    Spool(str(folder)).add(TWO_CALLS)

    [finding] = found_in(tmp_path)

    assert finding.level is Level.WARN
    assert finding.text == f"waiting for the server: 6 recorded entries (66 B, the oldest 3 h 0 min old) in {folder}"
    by_hand = f"titan runs import {folder} --server URL"
    assert finding.next_step == f"Start the server: it imports them. To another server: {by_hand}"


def test_entries_for_another_server_are_reported_with_its_address(tmp_path: Path) -> None:
    folder = tmp_path / "spool" / "127.0.0.1_5001"
    Spool(str(folder)).add(["no JSON"])

    [waiting] = found_in(tmp_path)

    assert waiting.text.startswith("waiting for the server: 1 recorded entry (8 B, ")
    assert waiting.next_step.startswith("They are for 127.0.0.1:5001: ")
    assert f"titan runs import {folder} --server URL. If they are not needed: rm -r {folder}" in waiting.next_step


def test_spools_of_jobs_and_of_the_environment_are_searched_too(tmp_path: Path) -> None:
    home = tmp_path / "home"
    folders = [
        home / "worker" / "spools" / "l0",
        home / "workers" / "w" / "spools" / "l1",
        home / "local-workers" / "w" / "spools" / "l2",
        tmp_path / "own",
    ]
    for folder in folders:
        Spool(str(folder)).add(TWO_CALLS)

    findings = found_in(home, TITAN_SPOOL=str(tmp_path / "own"))

    assert sorted(str(folder) for folder in folders for finding in findings if str(folder) in finding.text) == sorted(
        map(str, folders)
    )
    assert sum("Their worker delivers them" in finding.next_step for finding in findings) == 3


def test_doctor_opens_only_regular_files_of_a_spool(tmp_path: Path) -> None:
    folder = tmp_path / "spool" / "home"
    (folder / "1.jsonl").mkdir(parents=True)
    os.mkfifo(folder / "2.jsonl")
    (folder / "3.jsonl").symlink_to("/etc/hostname")

    assert [finding.level for finding in found_in(tmp_path)] == [Level.OK]


def test_a_spool_too_large_to_read_quickly_is_counted_in_files(tmp_path: Path) -> None:
    folder = tmp_path / "spool" / "home"
    folder.mkdir(parents=True)
    for number in range(2):
        with (folder / f"{number}.jsonl").open("wb") as file:
            file.truncate(40 * 1024**2)

    [finding] = found_in(tmp_path)

    assert finding.text.startswith("waiting for the server: 2 files (80.0 MiB, ")
