"""`titan replay`: a program runs again with its calls answered from its recorded run, and what differs is explained."""

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
from tests.support.raw_http import ask_json
from tests.support.running_titan import RunningTitan, running_titan

AGENT = """
import os, sys, uuid
from pathlib import Path
import titan_sdk

@titan_sdk.action(kind="model", cost="0.05")
def call_llm(prompt):
    Path("called").open("a").write(prompt)
    return {"text": prompt.upper(), "parts": (1, 2)}

@titan_sdk.action(effect="local")
def generate_id():
    return IDS

@titan_sdk.action
def store(name):
    Path("called").open("a").write(name)
    if name.endswith("!"):
        raise LookupError(f"no place for {name}")

with titan_sdk.run("agent", os.environ.get("RUN_ID", "replayed")):
    call_llm("Hello")
    call_llm("Hi there")
    found = generate_id()
    store(FOUND)
"""


@pytest.fixture(scope="module")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    """A server without a worker: replays run where they are typed."""
    with running_titan(tmp_path_factory.mktemp("replay") / "home", offers=()) as running:
        yield running


def environment(titan: RunningTitan, **more: str) -> dict[str, str]:
    return {**os.environ, **titan.environment, "TITAN_HOME": str(titan.home), **more}


def written(folder: Path, *, ids: str = '"uuid-123"', found: str = "found") -> None:
    (folder / "agent.py").write_text(AGENT.replace("IDS", ids).replace("FOUND", found))


def record(titan: RunningTitan, folder: Path, run_id: str, **more: str) -> int:
    command = [sys.executable, "agent.py"]
    done = subprocess.run(
        command, cwd=folder, env=environment(titan, RUN_ID=run_id, **more), capture_output=True, timeout=120
    )
    (folder / "called").unlink()
    return done.returncode


def replay(titan: RunningTitan, folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return run_forked("replay", *words, cwd=folder, env=environment(titan, **more))


def report_of(titan: RunningTitan, folder: Path, *words: str) -> Any:
    done = replay(titan, folder, *words[:1], "--json", *words[1:], "--", sys.executable, "agent.py")
    return json.loads(done.stdout) | {"exit_code": done.returncode}


def test_an_unchanged_program_matches_at_no_cost_and_calls_nothing(titan: RunningTitan, tmp_path: Path) -> None:
    written(tmp_path)
    record(titan, tmp_path, "same")

    found = report_of(titan, tmp_path, "same")

    assert (found["exit_code"], found["comparison"]["verdict"]) == (0, "the same as recorded")
    metrics = found["metrics"]
    assert (metrics["original_cost_usd"], metrics["replay_cost_usd"], metrics["match_rate"]) == ("0.10", "0", 1.0)
    assert (found["re_execution"]["score"], found["re_execution"]["cause"]) == (100, None)
    assert not (tmp_path / "called").exists()


def test_the_seeds_table_comes_out_with_the_cause_and_the_statement(titan: RunningTitan, tmp_path: Path) -> None:
    written(tmp_path, ids="str(uuid.uuid4())")
    record(titan, tmp_path, "table")

    done = replay(titan, tmp_path, "table", "--", sys.executable, "agent.py")

    rows = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert rows[1:3] == [
        'call_llm input: "Hello" input: "Hello" ✅ Match',
        'call_llm output: {"text": "HELLO", "parts": {"$tuple": [1, 2]}} '
        'output: {"text": "HELLO", "parts": {"$tuple": [1, 2]}} ✅ Match',
    ]
    assert rows[5].startswith("generate_id output: ")
    assert rows[5].endswith("❌ Diverged")
    assert any(row.startswith("Cause uuid: new UUIDs (") for row in rows)
    assert "Statement agent.py:13 in generate_id: return str(uuid.uuid4())" in rows


def test_a_failed_run_fails_again_with_the_same_exception_until_it_is_mended(
    titan: RunningTitan, tmp_path: Path
) -> None:
    written(tmp_path, found='"here!"')
    assert record(titan, tmp_path, "failed") == 1

    done = replay(titan, tmp_path, "failed", "--", sys.executable, "agent.py")
    written(tmp_path, found='"here"')
    mended = report_of(titan, tmp_path, "failed")

    assert done.returncode == 0, done.stdout
    assert "LookupError: no place for here!" in done.stderr
    assert "Verdict        the failure is reproduced" in done.stdout
    assert mended["comparison"]["verdict"].startswith("diverged at store (input_mismatch)")
    assert mended["exit_code"] == 1


@pytest.mark.parametrize(
    ("changed", "cause", "said"),
    [
        ("helper.py", "code", "the code differs from the recording's in helper.py"),
        ("site-packages/place.py", "dependency_version", "packages differ from the recording's: place 1.0 → 2.0"),
        ("name.txt", "external_state", None),
    ],
)
def test_a_change_since_the_recording_is_named_as_the_cause(
    titan: RunningTitan, tmp_path: Path, changed: str, cause: str, said: str | None
) -> None:
    written(tmp_path, found='__import__("helper").NAME + __import__("place").NAME + Path("name.txt").read_text()')
    (tmp_path / "site-packages" / "place-1.0.dist-info").mkdir(parents=True)
    for path, text in (("helper.py", "NAME = '1'"), ("site-packages/place.py", "NAME = '1'"), ("name.txt", "1")):
        (tmp_path / path).write_text(text)
    more = {"PYTHONPATH": str(tmp_path / "site-packages"), "PYTHONDONTWRITEBYTECODE": "1"}
    assert record(titan, tmp_path, cause, **more) == 0

    (tmp_path / changed).write_text((tmp_path / changed).read_text().replace("1", "2"))
    if cause == "dependency_version":
        (tmp_path / "site-packages" / "place-1.0.dist-info").rename(tmp_path / "site-packages" / "place-2.0.dist-info")
    done = replay(titan, tmp_path, cause, "--", sys.executable, "agent.py", **more)

    assert f"Cause          {cause}: " in done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith("Changed")] == (
        [f"Changed        {said}"] if said else []
    )


def test_the_report_is_stored_under_the_run(titan: RunningTitan, tmp_path: Path) -> None:
    written(tmp_path)
    record(titan, tmp_path, "stored")
    report_of(titan, tmp_path, "stored", "--runs", "2", "--no-cause")

    [listed] = ask_json(titan.sdk_port, "GET", "/api/v1/runs/stored/replays").value["data"]
    shown = ask_json(titan.sdk_port, "GET", f"/api/v1/runs/stored/replays/{listed['id']}").value

    assert (listed["level"], listed["state"], listed["metrics"]["match_rate"]) == ("re_execute", "completed", 1.0)
    assert shown["result"]["re_execution"]["executions"] == 2
    assert shown["result"]["comparison"]["rows"][0]["action"] == "call_llm"


def test_an_export_is_replayed_without_a_server(titan: RunningTitan, tmp_path: Path) -> None:
    written(tmp_path)
    record(titan, tmp_path, "exported")
    export = ("runs", "export", "--run", "exported", "-o", "run.jsonl")
    run_forked(*export, cwd=tmp_path, env=environment(titan)).check_returncode()

    words = ("replay", "run.jsonl", "--", sys.executable, "agent.py")
    away = {**os.environ, "TITAN_HOST": "127.0.0.1", "TITAN_PORT": "9", "TITAN_HOME": str(tmp_path / "home")}
    done = run_forked(*words, cwd=tmp_path, env=away)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        (["stored-nowhere", "--", sys.executable, "agent.py"], 3, "run 'stored-nowhere'"),
        (["usable"], 2, "expected a program after --: titan replay RUN -- python agent.py; found none"),
        (["usable", "--", "no-such-program"], 5, "'no-such-program' cannot be started: No such file or directory"),
        (["usable", "--", "true"], 5, "true began no replay: expected a Python program with titan_sdk installed"),
        (["usable", "--", sys.executable, "mistyped.py"], 5, "ended with exit code 2 before its first call"),
        (["usable", "--timeout", "0.1", "--", "sleep", "60"], 5, "the program took longer than 0.1 s"),
    ],
    ids=["no run", "no program", "no such program", "no Python", "no script", "too long"],
)
def test_an_impossible_replay_is_refused_in_one_line(
    titan: RunningTitan, tmp_path: Path, words: list[str], exit_code: int, said: str
) -> None:
    written(tmp_path)
    record(titan, tmp_path, "usable")

    done = replay(titan, tmp_path, *words)

    assert done.returncode == exit_code, done.stdout + done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


CHARGING = """
import subprocess, sys
from pathlib import Path
import titan_sdk

@titan_sdk.action(effect="external")
def charge():
    Path("charged").open("a").write("x")

with titan_sdk.run("charging", "RUN_ID"):
    charge()
    subprocess.run([sys.executable, "-c", "print(1)"], check=True)
"""


@pytest.mark.parametrize("options", [[], ["-I"]], ids=["plain", "isolated"])
def test_nothing_runs_live_with_any_options_of_python(titan: RunningTitan, tmp_path: Path, options: list[str]) -> None:
    name = f"charging{len(options)}"
    (tmp_path / "agent.py").write_text(CHARGING.replace("RUN_ID", name))
    subprocess.run([sys.executable, "agent.py"], cwd=tmp_path, env=environment(titan), check=True, timeout=120)

    done = replay(titan, tmp_path, name, "--", sys.executable, *options, "agent.py")

    assert (done.returncode, (tmp_path / "charged").read_text()) == (0, "x"), done.stdout + done.stderr
