"""Programs 2 to 4 of seed 002, word for word, started by a user and as jobs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.as_job import run_as_job
from tests.support.programs import run_program
from tests.support.running_titan import RunningTitan, running_titan
from titan_sdk import TitanClient, TitanJob

FINISH_WITHIN_SECONDS = 60


@pytest.fixture
def client(titan: RunningTitan) -> Iterator[TitanClient]:
    with TitanClient("127.0.0.1", titan.sdk_port, announce=lambda _: None) as connected:
        yield connected


def run_by_user(program: Path, titan: RunningTitan, **env: str) -> str:
    """Run a program as a user does; return what it printed."""
    done = run_program(program, cwd=program.parent, env={**titan.environment, **env})
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def final_statuses(client: TitanClient, dag: str) -> dict[str, str]:
    client.wait(dag, timeout=FINISH_WITHIN_SECONDS)
    return {job["name"]: job["status"] for job in client.get_dag(dag)["jobs"]}


def test_program_2_sends_one_light_job_under_high_traffic(
    titan: RunningTitan, client: TitanClient, programs: Path
) -> None:
    printed = run_by_user(programs / "logic_switch.py", titan, TRAFFIC="90")

    assert printed == (
        "[HIGH] High Traffic. Switching to lightweight 'FAST' pipeline.\n[SDK] Submitting DAG: fast_scan\n"
    )
    assert final_statuses(client, "fast_scan") == {"fast_scan": "COMPLETED"}
    assert client.fetch_logs("fast_scan") == "fast\n"


def test_program_2_sends_ten_deep_jobs_under_normal_traffic(
    titan: RunningTitan, client: TitanClient, programs: Path
) -> None:
    printed = run_by_user(programs / "logic_switch.py", titan, TRAFFIC="10")

    assert printed == (
        "[LOW] Normal Traffic. Generating distributed 'DEEP' analysis DAG.\n[SDK] Submitting DAG: DEEP_PIPELINE\n"
    )
    assert final_statuses(client, "DEEP_PIPELINE") == {f"deep_{i}": "COMPLETED" for i in range(10)}


@pytest.mark.parametrize(("traffic", "dag", "job_count"), [("90", "fast_scan", 1), ("10", "DEEP_PIPELINE", 10)])
def test_program_2_runs_as_a_job(client: TitanClient, programs: Path, traffic: str, dag: str, job_count: int) -> None:
    printed = run_as_job(client, programs / "logic_switch.py", {"TRAFFIC": traffic})

    assert printed.endswith(f"[SDK] Submitting DAG: {dag}\n")
    assert list(final_statuses(client, dag).values()) == ["COMPLETED"] * job_count
    assert client.get_dag(dag)["made_by"] == client.get_job("program")["job_id"]


def test_program_3_finds_nothing_to_heal_where_no_such_job_ever_ran(
    tmp_path_factory: pytest.TempPathFactory, programs: Path
) -> None:
    with running_titan(tmp_path_factory.mktemp("fresh") / "home") as fresh:
        assert run_by_user(programs / "self_healing.py", fresh) == "[SUCCESS] Run healthy. Agent sequence complete.\n"


@pytest.mark.parametrize("is_a_job", [False, True])
def test_program_3_heals_a_job_that_ran_out_of_memory(
    titan: RunningTitan, client: TitanClient, programs: Path, is_a_job: bool
) -> None:
    flaky = client.submit_job(TitanJob("flaky_training_run", str(programs / "flaky_training_run.py")))
    assert client.wait(flaky, timeout=FINISH_WITHIN_SECONDS) == "FAILED"

    program = programs / "self_healing.py"
    printed = run_as_job(client, program) if is_a_job else run_by_user(program, titan)

    assert printed == (
        "[ERROR] CRITICAL ERROR in flaky_training_run. Agent is deploying a patch...\n"
        "[SDK] Submitting DAG: flaky_training_run_fix\n"
    )
    assert final_statuses(client, "flaky_training_run_fix") == {"flaky_training_run_fix": "COMPLETED"}
    assert client.fetch_logs("flaky_training_run_fix") == "patched\n"


@pytest.mark.parametrize("is_a_job", [False, True])
def test_program_4_submits_itself_until_it_succeeds_or_has_failed_three_times(
    titan: RunningTitan, client: TitanClient, programs: Path, is_a_job: bool
) -> None:
    client.store_put("agent_retry_count", "0")
    program = programs / "autonomous_agent.py"

    if is_a_job:
        client.submit_job(TitanJob("agent", str(program)))
        client.wait("agent", timeout=FINISH_WITHIN_SECONDS)
        log = client.fetch_logs("agent")
    else:
        log = run_by_user(program, titan)
    logs = [log, *logs_of_clones(client, log)]

    *failed, last = logs
    assert [f"(Attempt {number} of 3)" in log for number, log in enumerate(logs, start=1)] == [True] * len(logs)
    assert ["respawning" in log for log in failed] == [True] * len(failed)
    assert ("[SUCCESS]" in last) or ("[ESCALATION]" in last and len(failed) == 3)
    assert client.store_get("agent_retry_count") == "0"


def test_program_4_escalates_when_it_has_failed_three_times(client: TitanClient, programs: Path) -> None:
    client.store_put("agent_retry_count", "3")

    client.submit_job(TitanJob("agent", str(programs / "autonomous_agent.py")))

    assert client.wait("agent", timeout=FINISH_WITHIN_SECONDS) == "FAILED"
    assert client.fetch_logs("agent").endswith("Halting recursion and alerting human.\n")
    assert (client.get_job("agent")["exit_code"], client.store_get("agent_retry_count")) == (1, "0")


def logs_of_clones(client: TitanClient, log: str) -> Iterator[str]:
    """Yield the log of each clone that the one before has submitted, once it has ended."""
    number = 1
    while "respawning" in log:
        name = f"agent_retry_{number}"
        client.wait(name, timeout=FINISH_WITHIN_SECONDS)
        log = client.fetch_logs(name)
        number += 1
        yield log
