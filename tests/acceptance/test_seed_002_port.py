"""Program 1 of seed 002 names its port, 9090: it runs in a network of its own, where that port is free."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.running_titan import RunningTitan
from tests.support.sources import PACKAGES, ROOT
from tests.support.waiting import wait_until

PORT = 9090
PORT_FREE_WITHIN_SECONDS = 120  # where no network of one's own can be had, another Titan may be about to end
RUN_WITHIN_SECONDS = 120
PRIVATE_NETWORK = [sys.executable, str(ROOT / "tests/support/private_network.py")]


class Host:
    """A machine with a Titan on its port 9090, and a way to run commands there."""

    def __init__(self, home: Path) -> None:
        self._is_private = (
            subprocess.run([*PRIVATE_NETWORK, "new", "--", "true"], check=False, timeout=120).returncode == 0
        )
        if not self._is_private:
            what = f"port {PORT}, which seed 002's first program names, is free"
            wait_until(lambda: _is_free(PORT), what, seconds=PORT_FREE_WITHIN_SECONDS)
        launcher = [*PRIVATE_NETWORK, "new", "--"] if self._is_private else []
        self.titan = RunningTitan(home, offers=("GENERAL:2", "GPU:1"), sdk_port=PORT, launcher=launcher)

    def run(self, command: Sequence[str], *, cwd: Path) -> str:
        """Run a Python command there; return what it printed."""
        enter = [*PRIVATE_NETWORK, "of", str(self.titan.pid), "--"] if self._is_private else []
        done = subprocess.run(
            [*enter, sys.executable, *command],
            cwd=cwd,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{PACKAGES}:{ROOT}"},
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_WITHIN_SECONDS,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    running = Host(tmp_path_factory.mktemp("host") / "home")
    yield running
    running.titan.stop()


OBSERVE = """
import json
from titan_sdk import TitanClient
client = TitanClient()
client.wait("nightly_pipeline", timeout=60)
print(json.dumps(client.get_dag("nightly_pipeline")))
"""


def test_program_1_extracts_then_trains_on_a_gpu_worker(host: Host, programs: Path) -> None:
    printed = host.run(["nightly_pipeline.py"], cwd=programs)

    assert printed == "[SDK] Submitting DAG: nightly_pipeline\nDAG Submitted Successfully!\n"
    dag = json.loads(host.run(["-c", OBSERVE], cwd=programs))
    extract, train = dag["jobs"]
    assert dag["status"] == "COMPLETED"
    assert (extract["name"], extract["priority"], extract["requirement"]) == ("extract_data", 5, "GENERAL")
    assert (train["name"], train["parents"], train["requirement"]) == ("train_model", ["extract_data"], "GPU")
    assert extract["ended_at"] <= train["started_at"]


def test_program_1_runs_as_a_job_and_the_dag_it_submits_is_linked_to_it(host: Host, programs: Path) -> None:
    told = host.run(
        ["-m", "tests.support.as_job", str(programs / "nightly_pipeline.py"), "nightly_pipeline"],
        cwd=programs,
    )

    answer = json.loads(told)
    assert answer["printed"].endswith("DAG Submitted Successfully!\n")
    assert answer["dag"]["status"] == "COMPLETED"
    assert answer["dag"]["made_by"] is not None


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
