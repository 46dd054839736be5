"""A server that is killed while it commits loses nothing it acknowledged, and keeps nothing by halves."""

import sys
from pathlib import Path

from tests.support.builders import NOON, PROJECT
from tests.support.processes import a_process
from tests.support.sources import ROOT
from tests.support.stores import StandingClock
from titan.ports.jobs_store import Reader
from titan.store.sqlite import SqliteStore

#: How many acknowledged commits each life of the server lasts; the second passes SQLite's first checkpoint.
LIVES = (1, 700, 50, 333)


def commit_then_die(home: Path, *, after: int) -> set[str]:
    """Run a process that commits, kill it after so many commits; return the keys it acknowledged."""
    command = [sys.executable, "-m", "tests.support.committing", str(home)]
    with a_process(command, cwd=ROOT) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(after)]
        process.kill()
        lines += process.stdout.readlines()
    return {line.strip() for line in lines if line.endswith("\n")}


def test_acknowledged_commits_are_stored_after_a_kill(tmp_path: Path) -> None:
    acknowledged: set[str] = set()

    for life in LIVES:
        acknowledged |= commit_then_die(tmp_path, after=life)

    def ask(reader: Reader) -> tuple[list[int], list[str], list[str]]:
        entries = reader.journal(PROJECT, limit=1_000_000)
        recorded = [entry.cause for entry in entries]
        return [entry.seq for entry in entries], recorded, reader.present_keys(PROJECT, recorded, now=NOON)

    store = SqliteStore(tmp_path / "control.db", clock=StandingClock())
    seqs, recorded, present = store.read(ask)
    store.close()
    assert len(acknowledged) >= sum(LIVES)
    assert acknowledged <= set(recorded)
    assert present == recorded
    assert seqs == list(range(1, len(recorded) + 1))
