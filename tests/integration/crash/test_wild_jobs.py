"""Jobs that escape into sessions of their own, fork and close their outputs: all of it ends with the attempt."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.support.running_titan import running_titan
from tests.support.waiting import is_running, wait_until, wait_until_gone
from tests.support.witness import Witness, a_submission

#: Leaves a child behind that has a session, a parent and outputs of its own, as a daemon does; tells its id.
DAEMON = """
import os, sys, time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for descriptor in range(3):
            os.close(descriptor)
        with open(sys.argv[1] + ".partial", "w") as file:
            file.write(str(os.getpid()))
        os.rename(sys.argv[1] + ".partial", sys.argv[1])
        time.sleep(600)
    os._exit(0)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.01)
time.sleep(float(sys.argv[2]))
"""

SILENT = """
import os, sys, time

print("before", flush=True)
os.close(1)
os.close(2)
time.sleep(0.5)
open(sys.argv[1], "w").close()
sys.exit(7)
"""


@pytest.fixture(scope="module")
def witness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Witness]:
    folder = tmp_path_factory.mktemp("titan")
    with running_titan(folder / "home") as titan:
        witness = Witness(titan, folder, Random(1))
        yield witness
        witness.remember_processes()
    witness.see_that_nothing_is_left()


def daemon_of(witness: Witness, folder: Path, *, seconds: float) -> tuple[str, int]:
    """Run DAEMON, whose own process lasts `seconds`; return the DAG's id and the daemon's process id."""
    pid_file = folder / "pid"
    job = {"id": "daemon", "args": [str(pid_file), str(seconds)], "max_lost": 0}
    dag_id = str(witness.post("/api/dags", a_submission("daemon", [job], DAEMON))["dag_id"])
    wait_until(pid_file.exists, "the daemon runs")
    return dag_id, int(pid_file.read_text())


def test_a_daemon_that_a_job_leaves_behind_ends_with_the_job(witness: Witness, tmp_path: Path) -> None:
    dag_id, daemon = daemon_of(witness, tmp_path, seconds=0)

    witness.wait_for_status(dag_id, "COMPLETED")

    assert not is_running(daemon)


@pytest.mark.parametrize(
    "path", ["/api/dags/{dag_id}/cancel", "/api/jobs/{dag_id}.00000/cancel"], ids=["of its dag", "of its job"]
)
def test_a_cancel_ends_the_daemon_too(witness: Witness, tmp_path: Path, path: str) -> None:
    dag_id, daemon = daemon_of(witness, tmp_path, seconds=600)

    answer = witness.post(path.format(dag_id=dag_id))
    witness.wait_for_status(dag_id, "FAILED")

    assert answer == {"cancelled": [], "stopping": ["daemon"], "skipped": []}
    assert witness.ask(f"/api/jobs/{dag_id}.00000")["status"] == "CANCELLED"
    assert not is_running(daemon)


def test_a_killed_worker_takes_the_daemons_of_its_jobs_with_it(witness: Witness, tmp_path: Path) -> None:
    dag_id, daemon = daemon_of(witness, tmp_path, seconds=600)

    witness.kill_worker()

    wait_until_gone(daemon)
    witness.wait_for_status(dag_id, "FAILED")
    assert witness.outcomes(f"{dag_id}.00000") == ["lost"]


def test_a_job_that_closes_its_outputs_lasts_until_it_ends(witness: Witness, tmp_path: Path) -> None:
    job = {"id": "silent", "args": [str(tmp_path / "ended")]}

    dag_id = witness.post("/api/dags", a_submission("silent", [job], SILENT))["dag_id"]
    witness.wait_for_status(dag_id, "FAILED")

    found = witness.ask(f"/api/jobs/{dag_id}.00000")
    assert (found["exit_code"], found["reason"]) == (7, "exit code 7")
    assert (tmp_path / "ended").exists()
    assert witness.client.transport.read(f"/api/jobs/{dag_id}.00000/log") == b"before\n"


def test_a_job_that_runs_too_long_ends_with_its_daemon(witness: Witness, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    job = {"id": "late", "args": [str(pid_file), "600"], "timeout_seconds": 0.8}

    dag_id = witness.post("/api/dags", a_submission("late", [job], DAEMON))["dag_id"]
    witness.wait_for_status(dag_id, "FAILED")

    assert witness.outcomes(f"{dag_id}.00000") == ["timed_out"]
    assert not is_running(int(pid_file.read_text()))
