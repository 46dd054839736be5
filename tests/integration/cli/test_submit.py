"""`titan submit`: one script or several, waited for, followed, refused."""

import re
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine


def jobs_by_name(document: object) -> dict[str, dict[str, object]]:
    assert isinstance(document, dict)
    return {job["name"]: job for job in document["jobs"]}


def test_a_submission_names_the_next_commands(titan: CommandLine, scripts: Path) -> None:
    done = titan("submit", f"{scripts}/hello.py")

    assert done.exit_code == 0
    assert re.fullmatch(
        r"DAG hello submitted: 1 job \(id \w+\)\n"
        r"Follow its progress:  titan dags show hello --wait\n"
        r"See what it writes:  titan logs hello --dag hello --follow\n",
        done.text,
    )


def test_a_submission_as_json_is_the_servers_answer(titan: CommandLine, scripts: Path) -> None:
    done = titan("submit", f"{scripts}/hello.py", "--name", "greeting", "--run", "GREET_1", "--json")

    assert {**done.document, "dag_id": "?"} == {
        "dag_id": "?",
        "name": "greeting",
        "agent_run_id": "GREET_1",
        "job_count": 1,
        "from_record": False,
    }


def test_waiting_ends_with_the_outcome_on_stdout_and_progress_on_stderr(titan: CommandLine, scripts: Path) -> None:
    done = titan("submit", f"{scripts}/hello.py", "--wait")

    assert done.exit_code == 0
    assert done.lines[0].startswith("DAG hello  COMPLETED  1 of 1 job completed in ")
    assert "hello COMPLETED in " in done.stderr


def test_a_failure_that_was_waited_for_is_exit_code_one(titan: CommandLine, scripts: Path) -> None:
    done = titan("submit", f"{scripts}/fail.py", "--wait")

    assert done.exit_code == 1
    assert "exit code 3" in done.text
    assert "fail FAILED" in done.stderr


def test_waiting_with_json_gives_the_final_dag_and_nothing_else(titan: CommandLine, scripts: Path) -> None:
    done = titan("submit", f"{scripts}/hello.py", f"{scripts}/fail.py", "--wait", "--json")

    assert done.exit_code == 1
    assert done.stderr == ""
    assert done.document["status"] == "PARTIAL"
    assert {name: job["status"] for name, job in jobs_by_name(done.document).items()} == {
        "hello": "COMPLETED",
        "fail": "FAILED",
    }


def test_following_one_job_writes_its_bytes_and_nothing_else_to_stdout(titan: CommandLine, scripts: Path) -> None:
    done = titan("submit", f"{scripts}/binary.py", "--follow")

    assert done.exit_code == 0
    assert done.stdout == bytes(range(256)) * 1000


def test_following_several_jobs_writes_each_line_after_its_name(titan: CommandLine, scripts: Path) -> None:
    done = titan("submit", f"{scripts}/tick.py", f"{scripts}/hello.py", f"{scripts}/fail.py", "--follow")

    assert done.exit_code == 1
    assert sorted(done.lines) == [
        "fail  | about to fail",
        "hello | hello",
        "tick  | tick 0",
        "tick  | tick 1",
        "tick  | tick 2",
    ]


def test_more_jobs_than_are_followed_at_a_time_are_all_written_whole(titan: CommandLine, scripts: Path) -> None:
    named = [f"job{number}={scripts}/hello.py" for number in range(20)]

    done = titan("submit", *named, "--follow")

    assert sorted(line.split(" | ")[0].strip() for line in done.lines) == sorted(f"job{n}" for n in range(20))


def test_a_script_gets_its_arguments_and_environment(titan: CommandLine, scripts: Path) -> None:
    script = f"{scripts}/arguments.py"

    done = titan("submit", script, "--follow", "--env", "MODE=a=b", "--arg", "--x", "--", "--epochs", "3 4", "ü|;")

    assert (done.exit_code, done.stderr.count("COMPLETED")) == (0, 1)
    assert done.text == "['--x', '--epochs', '3 4', 'ü|;'] a=b\n"


def test_a_chain_runs_one_job_after_the_other(titan: CommandLine, scripts: Path) -> None:
    done = titan("submit", f"a={scripts}/hello.py", f"b={scripts}/hello.py", f"c={scripts}/hello.py",
                 "--chain", "--after", "c=a", "--wait", "--json")  # fmt: skip

    jobs = jobs_by_name(done.document)
    assert {name: job["parents"] for name, job in jobs.items()} == {"a": [], "b": ["a"], "c": ["b", "a"]}
    assert str(jobs["a"]["ended_at"]) <= str(jobs["b"]["started_at"]) <= str(jobs["c"]["started_at"])


def test_a_setting_counts_for_all_jobs_or_for_one(titan: CommandLine, scripts: Path) -> None:
    done = titan("submit", f"{scripts}/hello.py", f"{scripts}/fail.py", "--retries", "fail=2", "--backoff", "10ms",
                 "--priority", "7", "--wait", "--json")  # fmt: skip
    attempts = titan("jobs", "show", "fail", "--dag", str(done.document["dag_id"]), "--json").document["attempts"]

    assert [job["priority"] for job in jobs_by_name(done.document).values()] == [7, 7]
    assert isinstance(attempts, list)
    assert [attempt["outcome"] for attempt in attempts] == ["failed"] * 3


def test_a_timeout_ends_the_job(titan: CommandLine, scripts: Path) -> None:
    done = titan("submit", f"{scripts}/forever.py", "--timeout", "500ms", "--wait")

    assert done.exit_code == 1
    assert "longer than its timeout of 0.5 s" in done.text


def test_a_stage_joins_its_run_and_may_wait_for_an_earlier_one(titan: CommandLine, scripts: Path) -> None:
    titan("submit", f"plan={scripts}/hello.py", "--run", "CHAINED_1", "--name", "CHAINED_1_PLAN", "--wait")

    done = titan("submit", f"act={scripts}/hello.py", "--run", "CHAINED_1", "--after", "act=plan", "--wait")

    assert done.exit_code == 0


def test_a_cycle_is_refused_and_nothing_is_stored(titan: CommandLine, scripts: Path) -> None:
    done = titan("submit", f"{scripts}/hello.py", f"{scripts}/fail.py", "--name", "cycle",
                 "--after", "hello=fail", "--after", "fail=hello")  # fmt: skip

    assert done.exit_code == 5
    assert done.stdout == b""
    assert done.stderr.startswith("titan: dag 'cycle': expected no cycle of parents; found ")
    assert titan("dags", "show", "cycle").exit_code == 3


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--name", "../x"], "titan: dag '../x': expected"),
        (["--name", "a\nb"], r"titan: dag 'a\nb': expected"),
        (["--requires", "no label"], "titan: label 'no label': expected"),
        (["--env", "TITAN_HOST=x"], "titan: environment variable 'TITAN_HOST': expected"),
        (["--retries", "-1"], "titan: job 'hello': expected retries from 0 to"),
    ],
)
def test_bad_input_gets_the_servers_one_clear_line(
    titan: CommandLine, scripts: Path, words: list[str], found: str
) -> None:
    done = titan("submit", f"{scripts}/hello.py", *words)

    assert (done.exit_code, done.stdout) == (5, b"")
    assert done.stderr.startswith(found)
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["none.py"], "found No such file or directory"),
        (["hello.py", "--after", "hello"], "expected JOB=PARENT[,PARENT]"),
        (["hello.py", "--timeout", "soon"], "expected a length of time such as 90"),
        (["hello.py", "--retries", "many"], "expected a whole number; found 'many'"),
        (["hello.py", "--epochs", "3"], "Put options of the script after --"),
        (["hello.py", "--follow", "--json"], "expected one JSON document on stdout, or what the jobs write"),
        (["hello.py", "--on-failure", "panic"], "'--on-failure'"),
        ([], "Missing argument 'SCRIPT'. See `titan submit --help`."),
    ],
)
def test_a_command_line_that_makes_no_sense_is_exit_code_two(
    titan: CommandLine, scripts: Path, words: list[str], found: str
) -> None:
    done = titan("submit", *(f"{scripts}/{word}" if word.endswith(".py") else word for word in words))

    assert done.exit_code == 2
    assert found in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_script_that_is_run_writes_its_output_and_ends_with_its_exit_code(titan: CommandLine, scripts: Path) -> None:
    (scripts / "told.py").write_text("import os, sys\nprint(sys.argv[1:], os.environ['SEED'])\nsys.exit(7)\n")

    done = titan("run", "--env", "SEED=3", str(scripts / "told.py"), "--epochs", "3", "--server", "x")

    assert (done.exit_code, done.text) == (7, "['--epochs', '3', '--server', 'x'] 3\n")
    assert "told FAILED" in done.stderr


def test_a_script_that_is_run_and_killed_ends_as_a_shell_says_it(titan: CommandLine, scripts: Path) -> None:
    (scripts / "killed.py").write_text("import os\nos.kill(os.getpid(), 9)\n")

    assert titan("run", "--json", str(scripts / "killed.py")).exit_code == 128 + 9
    assert titan("run", str(scripts / "hello.py")).exit_code == 0


def test_a_world_behind_the_script_is_refused_with_the_right_order(titan: CommandLine, scripts: Path) -> None:
    script = scripts / "told.py"
    script.write_text("print('it runs')")

    for option in (["--world", "shop"], ["--world=shop"]):
        refused = titan("run", str(script), *option, "--task", "cancel-1")
        assert refused.exit_code == 2
        assert f"titan run --world WORKFLOW --task TASK {script}" in refused.stderr
    assert titan("run", str(script), "--", "--world", "shop").exit_code == 0
