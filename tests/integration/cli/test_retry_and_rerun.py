"""`titan retry`, `replay`, `redeploy`, `resume` and `result`: going on where something stopped."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.command_line import PROGRAM, CommandLine
from tests.support.running_titan import RunningTitan
from tests.support.sources import PACKAGES

#: Fails until a file beside it says that the fault is mended.
FRAGILE = "import os, sys\nprint('tried')\nsys.exit(0 if os.path.exists(sys.argv[1]) else 3)\n"


def submit_fragile(titan: CommandLine, scripts: Path, name: str, *words: str) -> str:
    """Submit hello → fragile → silent, wait until it failed, and return the DAG's id."""
    (scripts / "fragile.py").write_text(FRAGILE)
    jobs = (f"{scripts}/hello.py", f"{scripts}/fragile.py", f"{scripts}/silent.py")
    mark = f"fragile={scripts}/mended"
    done = titan("submit", *jobs, "--chain", "--name", name, "--arg", mark, "--wait", "--json", *words)
    assert done.exit_code == 1
    return str(done.document["dag_id"])


def test_a_retried_dag_runs_failed_jobs_and_keeps_completed_ones(titan: CommandLine, scripts: Path) -> None:
    dag_id = submit_fragile(titan, scripts, "fragile-dag")
    (scripts / "mended").touch()

    done = titan("retry", "--dag", dag_id)

    assert done.lines == ["Trying again: 2 jobs (fragile, silent). 1 completed job kept."]
    assert titan("dags", "show", dag_id, "--wait").exit_code == 0
    assert titan("logs", "fragile", "--dag", dag_id).text == "tried\ntried\n"
    assert titan("logs", "hello", "--dag", dag_id).text == "hello\n"


def test_a_job_a_dag_and_a_run_are_distinguished_by_name(titan: CommandLine, scripts: Path) -> None:
    submit_fragile(titan, scripts, "told-apart", "--run", "APART_1")

    by_job = titan("retry", "fragile", "--dag", "told-apart")
    titan("dags", "show", "told-apart", "--wait")
    by_dag = titan("retry", "told-apart")
    titan("dags", "show", "told-apart", "--wait")
    by_run = titan("retry", "APART_1")
    titan("dags", "show", "told-apart", "--wait")

    assert {done.lines[0] for done in (by_job, by_dag, by_run)} == {
        "Trying again: 2 jobs (fragile, silent). 1 completed job kept."
    }


def test_a_completed_job_is_not_retried(titan: CommandLine, scripts: Path) -> None:
    titan("submit", f"{scripts}/hello.py", "--name", "fine", "--wait")

    done = titan("retry", "hello", "--dag", "fine")

    assert done.exit_code == 5
    assert "titan rerun" in done.stderr


def test_a_replayed_job_runs_once_more_with_its_arguments(titan: CommandLine, scripts: Path) -> None:
    titan("submit", f"{scripts}/arguments.py", "--name", "inputs", "--wait", "--env", "MODE=fast", "--", "a b", "c")

    done = titan("rerun", "arguments", "--dag", "inputs", "--json")

    dag_id = str(done.document["dag_id"])
    assert titan("dags", "show", dag_id, "--wait").exit_code == 0
    assert titan("logs", "arguments", "--dag", dag_id).text == "['a b', 'c'] fast\n"


def test_a_redeployed_dag_is_a_new_one_of_the_same_name(titan: CommandLine, scripts: Path) -> None:
    first = titan("submit", f"{scripts}/hello.py", "--name", "twice", "--wait", "--json").document["dag_id"]

    done = titan("rerun", "--dag", "twice", "--json")

    assert (done.document["name"], done.document["dag_id"] != first) == ("twice", True)
    assert titan("dags", "show", str(done.document["dag_id"]), "--wait").exit_code == 0


def test_a_job_without_a_result_says_so(titan: CommandLine, scripts: Path) -> None:
    titan("submit", f"{scripts}/hello.py", "--name", "without-result", "--wait")

    done = titan("jobs", "show", "--result", "hello", "--dag", "without-result")

    assert done.exit_code == 3
    assert "set_result" in done.stderr


def test_a_job_shows_its_result(titan: CommandLine, scripts: Path) -> None:
    found = scripts / "found.py"
    found.write_text("import titan_sdk\ntitan_sdk.set_result({'accuracy': 0.5})\n")
    titan("submit", str(found), "--name", "with-result", "--wait")

    done = titan("jobs", "show", "--result", "found", "--dag", "with-result")

    assert done.document == {"accuracy": 0.5}


AGENT = """
import os, sys
from titan_sdk import TitanClient, TitanJob, new_run_id

client = TitanClient(announce=lambda line: None)
run_id = new_run_id("BROKEN")
here = os.path.dirname(os.path.abspath(__file__))
for stage in ("plan", "work", "report"):
    dag = client.submit_dag(f"{run_id}_{stage.upper()}", [TitanJob(stage, f"{here}/{stage}.py")], agent_run_id=run_id)
    status = client.wait(dag)
    print(stage, status, "from the record" if dag.from_record else "anew", flush=True)
    if status != "COMPLETED":
        sys.exit(f"{run_id} broke")
"""


def test_a_resumed_run_starts_its_program_again_and_repeats_nothing_that_completed(
    titan: CommandLine, server: RunningTitan, tmp_path: Path
) -> None:
    environment = {**os.environ, **server.environment, "PYTHONPATH": PACKAGES}
    for stage in ("plan", "report"):
        (tmp_path / f"{stage}.py").write_text(f"print('{stage} ran')\n")
    (tmp_path / "work.py").write_text("raise SystemExit('broken')\n")
    (tmp_path / "agent.py").write_text(AGENT)
    broken = subprocess.run(
        [sys.executable, "agent.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    run_id = broken.stderr.split()[0]
    (tmp_path / "work.py").write_text("print('work ran')\n")

    resumed = subprocess.run(
        [*PROGRAM, "runs", "resume", run_id, "--server", titan.server],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert broken.stdout.splitlines() == ["plan COMPLETED anew", "work FAILED anew"]
    assert resumed.stdout.splitlines() == [
        "plan COMPLETED from the record",
        "work COMPLETED anew",
        "report COMPLETED anew",
    ], resumed.stderr
    assert resumed.returncode == 0
    assert titan("logs", "plan", "--run", run_id).text == "plan ran\n"


def test_a_resume_can_only_print_the_command(titan: CommandLine, server: RunningTitan, tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text(AGENT)
    (tmp_path / "plan.py").write_text("raise SystemExit(1)\n")
    environment = {**os.environ, **server.environment, "PYTHONPATH": PACKAGES}
    broken = subprocess.run(
        [sys.executable, "agent.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    run_id = broken.stderr.split()[0]

    done = titan("runs", "resume", run_id, "--print")

    assert done.exit_code == 0
    assert f"cd {tmp_path} && TITAN_RESUME_RUN_ID={run_id}" in done.text
    assert done.text.rstrip().endswith("agent.py")
