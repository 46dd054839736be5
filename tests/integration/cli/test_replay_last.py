"""`titan replay --last`: recorded runs as a regression suite of the code at hand."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.forked import Forked, run_forked
from tests.support.running_titan import RunningTitan, running_titan

AGENT = """
import sys
import titan_sdk

@titan_sdk.action(kind="model", cost="0.05")
def plan(topic):
    return topic.upper()

@titan_sdk.action
def send(text):
    if text == "BAD":
        raise ValueError("nothing to send")

with titan_sdk.run("MAILER"):
    send(EDIT(plan(sys.argv[1])))
"""


@pytest.fixture(scope="module")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    with running_titan(tmp_path_factory.mktemp("suite") / "home", offers=()) as running:
        yield running


@pytest.fixture(scope="module")
def folder(titan: RunningTitan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three recorded runs of one agent, one of which failed."""
    folder = tmp_path_factory.mktemp("agent")
    write(folder)
    for topic in ("lora", "qlora", "bad"):
        subprocess.run(
            [sys.executable, "agent.py", topic], cwd=folder, env=environment(titan), capture_output=True, timeout=120
        )
    return folder


def write(folder: Path, *, edit: str = "str") -> None:
    (folder / "agent.py").write_text(AGENT.replace("EDIT", edit))


def environment(titan: RunningTitan) -> dict[str, str]:
    return {**os.environ, **titan.environment, "TITAN_HOME": str(titan.home)}


def suite(titan: RunningTitan, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run_forked(*command(*words), cwd=folder, env=environment(titan))


def command(*words: str) -> tuple[str, ...]:
    return ("replay", "--last", "10", "--agent", "MAILER", *words, "--", sys.executable, "agent.py", "{args}")


def test_unchanged_code_matches_each_run_with_its_own_arguments(titan: RunningTitan, folder: Path) -> None:
    write(folder)

    done = suite(titan, folder, "--json", "--jobs", "2")

    found = json.loads(done.stdout)
    states = [run["state"] for run in found["runs"]]
    assert (done.returncode, states, found["groups"]) == (0, ["same"] * 3, []), done.stderr
    assert sorted(run["verdict"] for run in found["runs"])[-1] == "the same as recorded"
    assert {run["verdict"] for run in found["runs"]} == {"the same as recorded", "the failure is reproduced"}


def test_differences_of_changed_code_are_grouped_by_root_with_the_cause(titan: RunningTitan, folder: Path) -> None:
    write(folder, edit="str.title")

    done = suite(titan, folder, "--json", "--junit", "replays.xml")

    [group] = json.loads(done.stdout)["groups"]
    assert done.returncode == 1, done.stderr
    assert (group["kind"], group["action"], group["cause"], len(group["runs"])) == ("input_mismatch", "send", "code", 3)
    report = ElementTree.parse(folder / "replays.xml").getroot()
    assert (report.get("tests"), report.get("failures"), len(report.findall("testcase/failure"))) == ("3", "3", 3)


def test_runs_that_cannot_be_replayed_are_no_success(titan: RunningTitan, folder: Path) -> None:
    (folder / "agent.py").write_text("raise SystemExit(3)")

    done = suite(titan, folder, "--no-cause", "--json")

    assert (done.returncode, {run["state"] for run in json.loads(done.stdout)["runs"]}) == (2, {"unavailable"})


def test_ctrl_c_keeps_the_finished_replays(titan: RunningTitan, folder: Path) -> None:
    (folder / "agent.py").write_text(AGENT.replace("EDIT", "wait").replace("import titan_sdk", WAITING, 1))

    reading, writing = os.pipe()
    with open(reading) as told, (folder / "output").open("w") as output:
        words, outputs = command("--json", "--no-cause"), {"stdout": output.fileno(), "stderr": writing}
        done = Forked(*words, env=environment(titan), cwd=folder, **outputs)
        os.close(writing)
        first = told.readline()
        done.send_signal(signal.SIGINT)
        done.wait(30)

    found = json.loads((folder / "output").read_text())
    assert first.startswith("1 of 3")
    assert (done.returncode, len(found["runs"]), found["is_complete"]) == (130, 1, False)


@pytest.mark.needs("git")
def test_runs_are_replayed_on_the_code_of_another_branch(titan: RunningTitan, folder: Path) -> None:
    def git(*words: str) -> str:
        person = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        done = subprocess.run(
            ["git", *person, *words], cwd=folder, capture_output=True, text=True, check=True, timeout=120
        )
        return done.stdout

    write(folder)
    git("init", "--quiet")
    git("add", "agent.py")
    git("commit", "--quiet", "--message", "agent")
    git("branch", "shouting")
    write(folder, edit="str.title")
    git("commit", "--quiet", "--all", "--message", "quieter")

    here = suite(titan, folder, "--json", "--no-cause")
    there = suite(titan, folder, "--json", "--no-cause", "--against", "shouting")
    nowhere = suite(titan, folder, "--against", "none-such")

    states = [{run["state"] for run in json.loads(done.stdout)["runs"]} for done in (here, there)]
    assert states == [{"diverged"}, {"same"}]
    assert git("worktree", "list").count("\n") == 1
    assert git("status", "--short", "agent.py") == ""
    assert (nowhere.returncode, "a branch or commit of this folder's repository" in nowhere.stderr) == (5, True)


#: The newest run failed at once; the others wait for a signal.
WAITING = """
import signal, titan_sdk

def wait(text):
    if text != "BAD":
        signal.pause()
    return text
"""
