"""`titan eval` where no server runs: it starts one, and leaves no process whatever ends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.command_line import PROGRAM
from tests.support.evaluations import AGENT
from tests.support.sources import PACKAGES, ROOT
from tests.support.waiting import processes_with, wait_until
from tests.unit.world.a_shop import DEFINITION

SUITE = """
workflow: NAME
world: world.json
agents: {NAME: {kind: python, file: agent.py}}
tasks:
  - id: cancel-1
    odyssey_seed: {user_instruction: "Cancel O1.", current_state: {order: O1}}
    scorers: [{type: flag_set, flag: "order_cancelled:O1"}]
"""
DONE = 'return call("cancel_order", order_id="O1")["order_id"]'
#: Says that it runs, and waits until the file `go` is there.
WAITS = """
    import pathlib, time
    pathlib.Path(FOLDER, "started").touch()
    while not pathlib.Path(FOLDER, "go").exists():
        time.sleep(0.05)
    return "done"
"""
NETWORK = [sys.executable, str(ROOT / "tests/support/private_network.py")]
END_WITHIN_SECONDS = 120


@pytest.fixture
def network() -> Iterator[list[str]]:
    """The beginning of a command that runs where nothing listens on any port."""
    command = [*NETWORK, "new", "--", "sh", "-c", "echo ready; exec cat"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        yield [*NETWORK, "of", str(holder.pid), "--"]


def a_suite(folder: Path, body: str = DONE) -> Path:
    """Write a suite with one agent and one task; workflow and agent are named like its folder."""
    folder.mkdir()
    (folder / "suite.yaml").write_text(SUITE.replace("NAME", folder.name), "utf-8")
    (folder / "world.json").write_text(json.dumps(DEFINITION), "utf-8")
    (folder / "agent.py").write_text(AGENT.replace("BODY", body.replace("FOLDER", repr(str(folder)))), "utf-8")
    return folder


@pytest.fixture
def evaluating(network: list[str]) -> Iterator[Callable[..., Evaluating]]:
    """Start a `titan eval` of a suite on a home; it is killed at the end of the test if it still runs."""
    all_started: list[Evaluating] = []

    def start(suite: Path, home: Path, **settings: str) -> Evaluating:
        all_started.append(Evaluating(network, suite, home, **settings))
        return all_started[-1]

    yield start
    for each in all_started:
        each.end()


class Evaluating:
    """A `titan eval` with its output in pipes."""

    def __init__(self, network: list[str], suite: Path, home: Path, **settings: str) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TITAN_")}
        self.suite = suite
        self.process = subprocess.Popen(
            [*network, *PROGRAM, "eval", str(suite)],
            env={**inherited, "PYTHONPATH": PACKAGES, "TITAN_HOME": str(home), **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for_its_agent(self) -> None:
        """Return once the agent runs."""
        wait_until(lambda: self._started() or self.process.poll() is not None, "the agent starts")
        assert self._started(), self.process.communicate()

    def let_its_agent_end(self) -> None:
        """Have the agent return."""
        (self.suite / "go").touch()

    def output(self) -> tuple[int, str]:
        """Return the exit code and both outputs when it has ended."""
        stdout, stderr = self.process.communicate(timeout=END_WITHIN_SECONDS)
        return self.process.returncode, stdout + stderr

    def end(self) -> None:
        """Kill it, if it still runs."""
        if self.process.returncode is None:
            self.process.kill()
            self.process.communicate(timeout=END_WITHIN_SECONDS)

    def _started(self) -> bool:
        return (self.suite / "started").exists()


def wait_until_none_is_left(home: Path) -> None:
    """Return when no process names this home: neither server nor worker nor job."""
    wait_until(lambda: not processes_with(f"TITAN_HOME={home}"), f"the processes of {home} end", seconds=120)


def test_its_servers_log_is_a_file_of_the_home(evaluating: Callable[..., Evaluating], tmp_path: Path) -> None:
    home = tmp_path / "home"

    exit_code, said = evaluating(a_suite(tmp_path / "suite"), home).output()

    assert exit_code == 0, said
    assert "1 of 1 agent runs have ended: 1 passed, 0 failed" in said
    assert f"its log is {home}/eval-server.log" in said
    assert "is up." in (home / "eval-server.log").read_text()
    assert not processes_with(f"TITAN_HOME={home}")


def test_the_error_of_a_server_that_does_not_start_has_the_end_of_its_log(
    evaluating: Callable[..., Evaluating], tmp_path: Path
) -> None:
    suite = a_suite(tmp_path / "suite")

    exit_code, said = evaluating(suite, tmp_path / "home", TITAN_LOG_LEVEL="loud").output()

    assert exit_code == 4, said
    assert "exit code 5; its log ends with:" in said
    assert "setting TITAN_LOG_LEVEL: expected" in said
    wait_until_none_is_left(tmp_path / "home")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_no_process_is_left_when_a_signal_ends_it(
    evaluating: Callable[..., Evaluating], tmp_path: Path, number: signal.Signals
) -> None:
    home = tmp_path / "home"
    started = evaluating(a_suite(tmp_path / "suite", WAITS), home)
    started.wait_for_its_agent()

    started.process.send_signal(number)
    started.output()

    wait_until_none_is_left(home)


def test_two_at_once_share_a_server_that_ends_with_the_last(
    evaluating: Callable[..., Evaluating], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    first, second = (evaluating(a_suite(tmp_path / name, WAITS), home) for name in ("one", "two"))
    first.wait_for_its_agent()
    second.wait_for_its_agent()

    first.let_its_agent_end()
    of_first = first.output()
    second.let_its_agent_end()
    of_second = second.output()

    assert (of_first[0], of_second[0]) == (0, 0), (of_first, of_second)
    assert sum("Starting a temporary one" in said for _, said in (of_first, of_second)) == 1
    wait_until_none_is_left(home)
