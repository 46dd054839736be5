"""How a run ends when its program does not end well, and what a program is not to notice of that."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_titan import FakeTitan, fake_titan
from tests.support.programs import run_program
from tests.support.sources import PACKAGES

SUBMIT = """
import signal, sys
from titan_sdk import TitanClient, TitanJob
plan = TitanJob("plan", "plan.py", script_content="")
TitanClient().submit_dag("RESEARCH_1_PLAN", [plan], agent_run_id="RESEARCH_1")
"""
WITHIN_SECONDS = 30


@pytest.fixture
def fake() -> Iterator[FakeTitan]:
    with fake_titan() as running:
        yield running


@pytest.mark.parametrize(
    ("ending", "exit_code", "outcome", "reason"),
    [
        ("sys.exit(3)", 3, "failed", "exit status 3"),
        ("sys.exit('no plan')", 1, "failed", "exit status 1"),
        ("def main():\n    sys.exit(2)\nmain()", 2, "failed", "exit status 2"),
        ("sys.exit()", 0, "completed", ""),
        ("sys.exit(0)", 0, "completed", ""),
        (
            "def main():\n    try:\n        sys.exit(3)\n    except SystemExit:\n        pass\nmain()",
            0,
            "completed",
            "",
        ),
    ],
)
def test_the_status_of_an_exit_becomes_the_runs_outcome(
    fake: FakeTitan, tmp_path: Path, ending: str, exit_code: int, outcome: str, reason: str
) -> None:
    script = tmp_path / "program.py"
    script.write_text(SUBMIT + ending)

    done = run_program(script, cwd=tmp_path, env={"TITAN_PORT": str(fake.port)})

    assert done.returncode == exit_code
    assert fake.facts.ended_runs == {"RESEARCH_1": {"status": outcome, "error": reason}}


def test_a_run_fails_when_its_program_is_terminated_which_then_dies_of_the_signal(
    fake: FakeTitan, tmp_path: Path
) -> None:
    program = started(f"{SUBMIT}\nprint('up', flush=True)\nsignal.pause()", tmp_path, fake)

    program.terminate()

    assert program.wait(WITHIN_SECONDS) == -signal.SIGTERM
    assert fake.facts.ended_runs == {"RESEARCH_1": {"status": "failed", "error": "SIGTERM"}}


def test_a_program_that_handles_the_signal_itself_keeps_its_handler(fake: FakeTitan, tmp_path: Path) -> None:
    handling = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))"
    program = started(f"{handling}\n{SUBMIT}\nprint('up', flush=True)\nsignal.pause()", tmp_path, fake)

    program.terminate()

    assert program.wait(WITHIN_SECONDS) == 0
    assert fake.facts.ended_runs == {"RESEARCH_1": {"status": "completed", "error": ""}}


def started(text: str, folder: Path, fake: FakeTitan) -> subprocess.Popen[str]:
    """Start a program, and return once it has printed `up`."""
    script = folder / "program.py"
    script.write_text(text)
    env = {"PYTHONPATH": PACKAGES, "TITAN_PORT": str(fake.port)}
    program = subprocess.Popen([sys.executable, script], env=env, stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    with program.stdout as output:
        for line in output:
            if line == "up\n":
                return program
    raise AssertionError(f"the program ended with {program.wait(60)}")
