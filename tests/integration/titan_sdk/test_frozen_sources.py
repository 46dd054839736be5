"""What a program reads of the standard library is recorded with `freeze_sources`, and a replay gives it back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.running_titan import RunningTitan, running_titan

AGENT = """
import datetime as dates
import os, random, time, uuid
from datetime import date, datetime
from time import time as seconds
from uuid import uuid4
import pickle
import titan_sdk

@titan_sdk.action(effect="local")
def read():
    import uuid as late
    return {
        "time": time.time(), "ns": time.time_ns(), "seconds": seconds(),
        "now": datetime.now().isoformat(), "utc": dates.datetime.now(dates.UTC).isoformat(),
        "date": [date.today().isoformat(), str(isinstance(date.today(), date))],
        "uuids": [str(uuid4()), str(uuid.uuid4()), str(late.uuid1())],
        "random": [random.random(), random.choice(range(10**9)), titan_sdk.random.random()],
        "who": [os.environ["WHO"], os.getenv("WHO"), os.environ.get("NOBODY", "none"), "WHO" in os.environ],
        "pickled": pickle.loads(pickle.dumps(datetime(2026, 1, 2))).isoformat(),
    }

before = time.time, datetime, os.environ.__class__.__getitem__
for run_id in ("frozen-1", "frozen-2"):
    with titan_sdk.run("agent", run_id + os.environ.get("SUFFIX", ""), freeze_sources=True):
        read()
        os.environ["MY_API_KEY"]
assert before == (time.time, datetime, os.environ.__class__.__getitem__)
"""


def run(titan: RunningTitan, folder: Path, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
    known = {**os.environ, **titan.environment, "TITAN_HOME": str(titan.home)}
    environment = {**known, "WHO": "me", "MY_API_KEY": "very-private", **more}
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def exported(titan: RunningTitan, folder: Path, run_id: str) -> list[dict[str, Any]]:
    done = run(titan, folder, "-m", "titan.cli", "runs", "export", "--run", run_id, "-o", f"{run_id}.jsonl")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in (folder / f"{run_id}.jsonl").read_text().splitlines()]


def test_values_that_the_program_reads_are_recorded_and_returned_in_replay(tmp_path: Path) -> None:
    agent = AGENT.replace('("frozen-1", "frozen-2")', '("frozen-1",)')
    (tmp_path / "agent.py").write_text(agent)
    with running_titan(tmp_path / "home", offers=()) as titan:
        done = run(titan, tmp_path, "agent.py")
        assert done.returncode == 0, done.stderr
        lines = exported(titan, tmp_path, "frozen-1")

        replay = ("-m", "titan.cli", "replay", "frozen-1.jsonl", "--", sys.executable, "agent.py")
        replayed = run(titan, tmp_path, *replay, WHO="somebody else")

    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert "Determinism    100 of 100" in replayed.stdout
    names = [line["name"] for line in lines if line["type"] == "action"]
    assert {"titan_sdk.now", "titan_sdk.uuid1", "titan_sdk.uuid4", "titan_sdk.random", "titan_sdk.environ"} < {*names}
    assert "very-private" not in json.dumps(lines)


def test_each_run_of_a_process_has_a_seed_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text(AGENT)
    with running_titan(tmp_path / "home", offers=()) as titan:
        done = run(titan, tmp_path, "agent.py")
        assert done.returncode == 0, done.stderr
        first, second = (exported(titan, tmp_path, run_id) for run_id in ("frozen-1", "frozen-2"))

    seeds = [[line["outputs"] for line in lines if line.get("name") == "titan_sdk.random"] for lines in (first, second)]
    assert [len(found) for found in seeds] == [2, 2]  # of `random`, and of `titan_sdk.random`
    assert len({json.dumps(seed) for found in seeds for seed in found}) == 4
