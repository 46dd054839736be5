"""`titan fork`: a run goes another way from an edited action on, recorded as a run of its own below its parent."""

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
import os
from pathlib import Path
import titan_sdk

def note(word):
    Path("called").open("a").write(word + " ")

@titan_sdk.action(kind="model", cost="0.25")
def decide(question):
    note("decide")
    return "SYNTHESIZE"

@titan_sdk.action(cost="0.10")
def research(topic):
    note(f"research:{topic}")
    return f"found {topic}"

@titan_sdk.action(kind="model", effect="external")
def unpriced(topic):
    note("unpriced")

class Desk:
    @titan_sdk.action
    def write(self, title, *, pages=1):
        note(f"write:{title}:{pages}")
        return f"{pages} of {title}"

with titan_sdk.run("agent", os.environ.get("RUN_ID", "parent")):
    with titan_sdk.action("round", kind="step"):
        research("first")
    if decide("enough?") == "DEEPEN":
        research("second")
        EXTRA
    print(Desk().write("report"), flush=True)
"""


@pytest.fixture(scope="module")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    with running_titan(tmp_path_factory.mktemp("fork") / "home", offers=()) as running:
        yield running


def environment(titan: RunningTitan, **more: str) -> dict[str, str]:
    return {**os.environ, **titan.environment, "TITAN_HOME": str(titan.home), **more}


def record(titan: RunningTitan, folder: Path, *, extra: str = "pass") -> None:
    (folder / "agent.py").write_text(AGENT.replace("EXTRA", extra))
    subprocess.run(
        [sys.executable, "agent.py"], cwd=folder, env=environment(titan, RUN_ID=folder.name), check=True, timeout=120
    )
    (folder / "called").unlink()


def fork(titan: RunningTitan, folder: Path, *words: str, exit_code: int = 0) -> Any:
    command = ("fork", folder.name, "--json", *words, "--", sys.executable, "agent.py")
    done = run_forked(*command, cwd=folder, env=environment(titan, RUN_ID=folder.name))
    assert done.returncode == exit_code, done.stdout + done.stderr
    return json.loads(done.stdout)


def forks_of(titan: RunningTitan, folder: Path) -> list[Any]:
    found: list[Any] = ask_json(titan.sdk_port, "GET", f"/api/v1/runs?parent_run_id={folder.name}&window=all").value[
        "data"
    ]
    return found


def called(folder: Path) -> list[str]:
    return (folder / "called").read_text().split() if (folder / "called").exists() else []


DEEPEN = ("--at", "decide", "--output", '"DEEPEN"')
LIVE = ("--live", "research", "--max-usd", "0.50", "--max-calls", "3")


def test_an_edited_output_changes_the_course_of_the_run_and_only_named_functions_run(
    titan: RunningTitan, tmp_path: Path
) -> None:
    record(titan, tmp_path)

    found = fork(titan, tmp_path, *DEEPEN, *LIVE)

    assert called(tmp_path) == ["research:second"]
    assert found["result"]["comparison"]["verdict"] == "diverged at decide (output_mismatch)"
    assert [(one["kind"], one["action"]) for one in found["result"]["comparison"]["divergences"]] == [
        ("output_mismatch", "decide"),
        ("extra_action", "research"),
    ]
    [run] = forks_of(titan, tmp_path)
    at = ask_json(titan.sdk_port, "GET", f"/api/v1/runs/{tmp_path.name}/actions/{run['forked_at_action_id']}").value
    assert (run["status"], run["parent_run_id"], at["action"]["name"]) == ("completed", tmp_path.name, "decide")
    assert (run["tally"]["cost_usd"], run["tally"]["saved_cost_usd"], run["tally"]["replayed"]) == ("0.1", "0.35", 3)


def test_without_an_edit_a_fork_of_the_same_code_calls_nothing_and_matches(titan: RunningTitan, tmp_path: Path) -> None:
    record(titan, tmp_path)

    found = fork(titan, tmp_path)

    assert (called(tmp_path), found["result"]["comparison"]["verdict"]) == ([], "the same as recorded")
    assert found["metrics"]["match_rate"] == 1.0


def test_a_call_without_an_answer_ends_the_program_unless_it_is_named(titan: RunningTitan, tmp_path: Path) -> None:
    record(titan, tmp_path)

    found = fork(titan, tmp_path, *DEEPEN, exit_code=1)

    [run] = forks_of(titan, tmp_path)
    assert (called(tmp_path), run["status"], found["metrics"]["replay_cost_usd"]) == ([], "failed", "0")
    assert "expected a call that was recorded with these inputs, or --live research" in run["reason"]


@pytest.mark.parametrize(
    ("extra", "limits", "reason"),
    [
        ("research('third')", ("--max-usd", "0.50", "--max-calls", "1"), "as many as --max-calls 1 lets"),
        ("research('third')", ("--max-usd", "0.10", "--max-calls", "9"), "cost 0.1 US dollars, and --max-usd is 0.10"),
        ("unpriced(1); research('x')", ("--max-usd", "1", "--max-calls", "9", "--live", "unpriced"), "named no cost"),
    ],
    ids=["calls", "dollars", "unpriced"],
)
def test_live_calls_end_where_a_limit_is_reached(
    titan: RunningTitan, tmp_path: Path, extra: str, limits: tuple[str, ...], reason: str
) -> None:
    record(titan, tmp_path, extra=extra)

    fork(titan, tmp_path, *DEEPEN, "--live", "research", *limits, exit_code=1)

    [run] = forks_of(titan, tmp_path)
    assert run["status"] == "failed"
    assert reason in run["reason"]


def test_the_function_is_called_with_the_edited_input(titan: RunningTitan, tmp_path: Path) -> None:
    record(titan, tmp_path)
    edit = ("--at", "write", "--input", '{"title": "summary", "pages": 2}', "--max-usd", "1", "--max-calls", "1")

    found = fork(titan, tmp_path, *edit)

    assert called(tmp_path) == ["write:summary:2"]
    assert found["result"]["comparison"]["divergences"][0]["kind"] == "input_mismatch"


def test_edited_code_goes_on_from_where_it_first_asks_something_else(titan: RunningTitan, tmp_path: Path) -> None:
    record(titan, tmp_path)
    file = tmp_path / "agent.py"
    file.write_text(file.read_text().replace('decide("enough?")', 'decide("really enough?")'))

    fork(titan, tmp_path, "--live", "decide", "--max-usd", "1", "--max-calls", "1")

    [run] = forks_of(titan, tmp_path)
    assert (called(tmp_path), run["forked_at_action_id"]) == (["decide"], None)


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        (["--output", "1"], 2, "--at with one of --output and --input"),
        (["--at", "decide", "--output", "DEEPEN"], 2, "expected JSON"),
        (["--live", "decide"], 2, "--max-usd and --max-calls, since calls run live"),
        (["--at", "nothing", "--output", "1"], 5, "the id or the name of an action"),
    ],
    ids=["no action", "no JSON", "no limits", "no such action"],
)
def test_an_impossible_fork_is_refused_in_one_line(
    titan: RunningTitan, tmp_path: Path, words: list[str], exit_code: int, said: str
) -> None:
    record(titan, tmp_path)
    command = ("fork", tmp_path.name, *words, "--", sys.executable, "agent.py")

    done = run_forked(*command, cwd=tmp_path, env=environment(titan))

    assert (done.returncode, said in done.stderr, forks_of(titan, tmp_path)) == (exit_code, True, []), done.stderr


def test_a_fork_whose_program_cannot_be_started_has_failed(titan: RunningTitan, tmp_path: Path) -> None:
    record(titan, tmp_path)

    done = run_forked("fork", tmp_path.name, "--", "./nothing", cwd=tmp_path, env=environment(titan))

    assert (done.returncode, "'./nothing' cannot be started" in done.stderr) == (5, True), done.stderr
    [run] = forks_of(titan, tmp_path)
    assert (run["status"], run["reason"]) == ("failed", "'./nothing' cannot be started: No such file or directory")


def test_a_run_without_stages_is_resumed_with_its_program_alone(titan: RunningTitan, tmp_path: Path) -> None:
    record(titan, tmp_path)

    done = run_forked("runs", "resume", tmp_path.name, cwd=tmp_path, env=environment(titan))

    assert done.returncode == 2
    assert f"titan runs resume {tmp_path.name} -- python agent.py" in done.stderr
