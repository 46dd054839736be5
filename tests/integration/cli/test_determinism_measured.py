"""`titan determinism RUN -- COMMAND`: a program is executed several times, and the result is stored under its run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.forked import run_forked
from tests.support.raw_http import ask
from tests.support.running_titan import RunningTitan, running_titan

AGENT = """
import os, uuid
import titan_sdk

@titan_sdk.action(kind="model")
def call_llm(prompt):
    return {"text": prompt.upper()}

@titan_sdk.action(effect="local")
def name_it(text):
    return NAMED

with titan_sdk.run("agent", os.environ["RUN_ID"]):
    name_it(call_llm("Hello")["text"])
"""
STABLE, RANDOM = "text.lower()", "str(uuid.uuid4())"


@pytest.fixture(scope="module")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    """A server without a worker: programs run where they are typed."""
    with running_titan(tmp_path_factory.mktemp("measured") / "home", offers=()) as running:
        yield running


def environment(titan: RunningTitan, run_id: str) -> dict[str, str]:
    return {**os.environ, **titan.environment, "TITAN_HOME": str(titan.home), "RUN_ID": run_id}


def record(titan: RunningTitan, folder: Path, run_id: str, named: str) -> None:
    (folder / "agent.py").write_text(AGENT.replace("NAMED", named))
    subprocess.run([sys.executable, "agent.py"], cwd=folder, env=environment(titan, run_id), check=True, timeout=120)


def measure(titan: RunningTitan, folder: Path, run_id: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = ("determinism", run_id, *words, "--", sys.executable, "agent.py")
    return run_forked(*command, cwd=folder, env=environment(titan, run_id))


def known(titan: RunningTitan, run_id: str) -> Any:
    return ask(titan.sdk_port, "GET", f"/api/v1/runs/{run_id}/determinism").value


def test_executions_that_agree_are_stored_and_pass(titan: RunningTitan, tmp_path: Path) -> None:
    record(titan, tmp_path, "stable", STABLE)

    done = measure(titan, tmp_path, "stable", "--runs", "3", "--min", "30")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "Measured   100 of 100 in 3 executions, 95 % interval 44–100"
    measured = known(titan, "stable")["measured"]
    assert (measured["score"], measured["executions"], measured["counts"]) == (100, 3, True)


def test_executions_that_differ_lower_the_score_below_the_least(titan: RunningTitan, tmp_path: Path) -> None:
    record(titan, tmp_path, "random", RANDOM)

    done = measure(titan, tmp_path, "random", "--runs", "4", "--min", "90", "--json")

    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)["measurement"]
    assert (found["score"], found["executions"], found["changes"]) == (62, 4, [])
    assert known(titan, "random")["measured"]["score"] == 62


def test_of_mended_code_the_measured_score_alone_counts(titan: RunningTitan, tmp_path: Path) -> None:
    record(titan, tmp_path, "mended", RANDOM)
    (tmp_path / "agent.py").write_text(AGENT.replace("NAMED", STABLE))

    done = measure(titan, tmp_path, "mended", "--runs", "2", "--min", "100", "--json")

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["measurement"]
    assert found["judged_score"] == 100
    assert found["changes"] == ["the code differs from the recording's in agent.py"]
    assert known(titan, "mended")["measured"]["counts"] is False
    assert known(titan, "mended")["source"] == "predicted"


@pytest.mark.parametrize("source", ["print('nothing is recorded here')", "raise SystemExit(3)", "while True: pass"])
def test_an_unmeasurable_run_is_neither_good_nor_below_the_minimum(
    titan: RunningTitan, tmp_path: Path, source: str
) -> None:
    record(titan, tmp_path, "gone", STABLE)
    (tmp_path / "agent.py").write_text(source)

    done = measure(titan, tmp_path, "gone", "--min", "1", "--timeout", "1")

    assert (done.returncode, done.stderr.splitlines()[-1].startswith("titan: ")) == (2, True)
    assert known(titan, "gone")["measured"] is None
