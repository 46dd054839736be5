"""`make demo`'s program: starts Titan, runs the agent over docs/, and leaves nothing behind but its folder."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.programs import run_program
from tests.support.recorded_calls import RecordedCalls
from tests.support.running_titan import running_titan
from tests.support.sources import PACKAGES, ROOT
from tests.support.waiting import processes_with, wait_until

DEMO = ROOT / "examples" / "demo.py"


@pytest.fixture
def model(tmp_path: Path) -> Mapping[str, str]:
    """A model that never says anything usable."""
    script = tmp_path / "answers.json"
    script.write_text(json.dumps([{"answer": "jimmyjohnsjohns", "repeat": True}]))
    return {"TITAN_MODEL": f"scripted:{script}"}


def left_running(home: Path) -> list[int]:
    """Return the processes that know of this home."""
    return processes_with(str(home))


def run_demo(home: Path, model: Mapping[str, str]) -> str:
    """Run the demo on a home, check what it leaves and return its output."""
    done = run_program(DEMO, "--home", str(home), cwd=home.parent, env=model)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"report      {home / 'report.md'}" in done.stdout
    assert "open again  .venv/bin/titan up --home 'demo home'" in done.stdout
    assert all(stage in done.stdout for stage in ("PLAN", "ITER1", "EVAL1", "SYNTH"))
    assert "\n## Sources\n" in (home / "report.md").read_text(encoding="utf-8")
    assert left_running(home) == []
    return done.stdout


def test_it_records_every_call_of_every_stage_and_may_be_run_again(tmp_path: Path, model: Mapping[str, str]) -> None:
    home = tmp_path / "demo home"
    run_demo(home, model)

    output = run_demo(home, model)

    [run_id] = re.findall(r"its calls   http://127\.0\.0\.1:5000/runs/(\S+) ", output)
    assert re.search(rf"^Each of its calls, as it is made: http://127\.0\.0\.1:\d+/runs/{run_id}$", output, re.M)
    with running_titan(home, offers=()) as titan:
        recorded = RecordedCalls(titan)
        stages = recorded.calls_within(run_id, count=1)
        recorded.close()
    assert stages["planner"] == {"fetch_file": 1, "search_headings": 1, "chat": 2, "store_put": 2}
    researcher = {"fetch_file": 1, "read_corpus": 1, "search": 1, "chat": 2, "publish_file": 1, "store_put": 1}
    assert [stages[f"researcher-1-{index}"] for index in range(4)] == [researcher] * 4
    assert stages["evaluator-1"] == {"store_get": 2, "fetch_file": 4, "chat": 2, "store_put": 2}
    assert stages["synthesizer"] == {"store_get": 9, "fetch_file": 4, "chat": 10, "publish_file": 1, "store_put": 1}
    assert stages[None] == {"pack_corpus": 1}
    assert len(stages) == 8


def test_it_fails_with_titans_own_words_when_titan_does_not_start(tmp_path: Path) -> None:
    home = tmp_path / "home"

    done = run_program(DEMO, "--home", str(home), cwd=tmp_path, env={"TITAN_MODEL": "nobody/knows"})

    assert done.returncode == 1
    assert "The demo failed: Titan ended with exit code" in done.stdout
    assert "model address 'nobody/knows'" in done.stdout
    assert left_running(home) == []


def test_it_fails_when_the_agent_does(tmp_path: Path) -> None:
    home = tmp_path / "home"

    done = run_program(DEMO, "--home", str(home), cwd=tmp_path, env={"TITAN_MODEL": "none"})

    assert done.returncode == 1
    assert "[AGENT] FAILED: planner failed: " in done.stdout
    assert "The demo failed: the agent ended with exit code 1" in done.stdout
    assert left_running(home) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_stops_all_it_started(
    tmp_path: Path, model: Mapping[str, str], how: signal.Signals
) -> None:
    home = tmp_path / "home"
    demo = subprocess.Popen(
        [sys.executable, str(DEMO), "--home", str(home)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": PACKAGES, **model},
    )
    wait_until((home / "server.json").exists, "Titan is up")

    demo.send_signal(how)
    said, _ = demo.communicate(timeout=60)

    assert demo.returncode == 130
    assert said.endswith("Interrupted: what the demo started is stopped.\n")
    assert left_running(home) == []
