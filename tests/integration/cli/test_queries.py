"""The commands that look: lists, single things, output, stories."""

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine


@pytest.fixture
def nightly(titan: CommandLine, scripts: Path) -> str:
    """A DAG that has ended: `extract` completed, `train` failed, `report` was cancelled for it."""
    done = titan(
        *("submit", f"extract={scripts}/hello.py", f"train={scripts}/fail.py", f"report={scripts}/hello.py"),
        *("--chain", "--name", "nightly", "--run", "NIGHT_1", "--wait", "--json"),
    )
    return str(done.document["dag_id"])


def test_a_dag_shows_each_job_and_why_it_is_where_it_is(titan: CommandLine, nightly: str) -> None:
    done = titan("dags", "show", nightly)

    assert done.exit_code == 0
    assert done.lines[0] == "DAG nightly  PARTIAL  1 of 3 jobs completed, 1 failed, 1 cancelled"
    assert done.lines[1].startswith(f"id {nightly} · run NIGHT_1 · submitted ")
    assert [line.split()[:2] for line in done.lines[4:]] == [
        ["extract", "COMPLETED"],
        ["train", "FAILED"],
        ["report", "CANCELLED"],
    ]
    assert done.lines[5].endswith("exit code 3")
    assert done.lines[6].endswith("parent 'train' failed")


def test_waiting_for_a_dag_that_has_ended_answers_at_once_with_its_outcome(titan: CommandLine, nightly: str) -> None:
    assert titan("dags", "show", nightly, "--wait").exit_code == 1


def test_lists_show_the_newest_first(titan: CommandLine, nightly: str) -> None:
    dags, jobs = (titan(command, "--limit", "3") for command in ("dags", "jobs"))

    assert [done.lines[0].split()[0] for done in (dags, jobs)] == ["DAG", "JOB"]
    assert dags.lines[1].split()[:3] == ["nightly", "PARTIAL", "1/3"]
    assert {line.split()[0] for line in jobs.lines[1:]} == {"extract", "train", "report"}


def test_runs_with_stages_are_listed_with_their_current_state(titan: CommandLine, nightly: str) -> None:
    for words in (["runs"], ["runs", "list"]):
        assert "NIGHT_1" in [line.split()[0] for line in titan(*words, "--stages", "--limit", "500").lines]


def test_lists_can_be_narrowed(titan: CommandLine, nightly: str) -> None:
    failed = titan("jobs", "--dag", nightly, "--status", "failed", "--json").document["jobs"]
    of_run = titan("dags", "--run", "NIGHT_1", "--name", "nightly", "--limit", "1", "--json").document["dags"]
    none = titan("dags", "--name", "no-such-name")

    assert isinstance(failed, list)
    assert [job["name"] for job in failed] == ["train"]
    assert isinstance(of_run, list)
    assert [dag["dag_id"] for dag in of_run] == [nightly]
    assert none.text == "No such DAGs. `titan dags` lists all of them.\n"


def test_a_run_shows_its_stages(titan: CommandLine, nightly: str) -> None:
    done = titan("runs", "show", "NIGHT_1")

    assert done.lines[0].startswith("Run NIGHT_1  ")
    assert "nightly PARTIAL" in done.lines[3]
    assert done.lines[-1].split()[:3] == ["nightly", "PARTIAL", "1/3"]


def test_a_job_shows_its_attempts(titan: CommandLine, nightly: str) -> None:
    done = titan("jobs", "show", "train", "--dag", nightly)

    assert done.lines[0] == "Job train  FAILED  exit code 3"
    assert "runs fail.py" in done.text
    assert "after extract" in done.lines
    assert done.lines[-1].split()[:3] == ["1", "failed", "3"]


def test_a_history_lists_events_in_order(titan: CommandLine, nightly: str) -> None:
    done = titan("jobs", "show", "--history", "report", "--dag", nightly)

    assert done.lines[0] == f"Job report (id {nightly}.00002) is CANCELLED: parent 'train' failed"
    assert done.lines[2].split() == ["WHEN", "WHAT", "HAPPENED", "CAUSE"]
    assert "submitted in DAG nightly with 3 job(s)" in done.lines[3]
    assert "cancelled: parent 'train' failed" in done.text


def test_logs_are_written_byte_for_byte(titan: CommandLine, scripts: Path) -> None:
    titan("submit", f"{scripts}/binary.py", "--wait")

    done = titan("logs", "binary")

    assert done.stdout == bytes(range(256)) * 1000


def test_logs_with_escapes_and_markup_are_not_interpreted(titan: CommandLine, scripts: Path) -> None:
    titan("submit", f"{scripts}/colours.py", "--wait")

    assert titan("logs", "colours").stdout == b"\x1b[31m[bold]red[/bold] :smile:\n"


def test_logs_as_json_hold_the_text(titan: CommandLine, nightly: str) -> None:
    document = titan("logs", "train", "--dag", nightly, "--json").document

    assert document == {
        "job_id": f"{nightly}.00001",
        "name": "train",
        "size_bytes": len("about to fail\n"),
        "text": "about to fail\n",
    }


def test_logs_of_one_attempt_leave_out_the_others(titan: CommandLine, scripts: Path) -> None:
    titan("submit", f"{scripts}/fail.py", "--retries", "1", "--wait")

    assert titan("logs", "fail").lines == ["about to fail"] * 2
    assert titan("logs", "fail", "--attempt", "2").lines == ["about to fail"]


@pytest.mark.parametrize("more", [[], ["--follow"]])
def test_logs_of_several_attempts_are_separated_on_stderr(titan: CommandLine, scripts: Path, more: list[str]) -> None:
    script = scripts / "tried.py"
    script.write_text("import os, sys; n = os.environ['TITAN_ATTEMPT']; print('try', n, end=''); sys.exit(n != '3')")
    titan("submit", str(script), "--retries", "2", *([] if more else ["--wait"]))

    done = titan("logs", "tried", *more)

    assert done.text == "try 1try 2try 3"
    headings = [line for line in done.stderr.splitlines() if line.startswith("---")]
    assert headings[-2:] == ["--- attempt 2 of tried ---", "--- attempt 3 of tried ---"]
    assert headings[:-2] == ["--- attempt 1 of tried ---"] or more  # who follows sees the first before there is another


def test_logs_follow_until_the_job_has_ended(titan: CommandLine, scripts: Path) -> None:
    titan("submit", f"{scripts}/tick.py")

    assert titan("logs", "tick", "--follow").lines == ["tick 0", "tick 1", "tick 2"]


def test_silence_is_explained_on_stderr(titan: CommandLine, scripts: Path) -> None:
    titan("submit", f"{scripts}/silent.py", "--wait")
    titan("submit", f"nobody={scripts}/hello.py", "--requires", "NOBODY")

    assert titan("logs", "silent").stderr == "silent has written nothing.\n"
    assert titan("logs", "nobody").stderr.startswith(
        "nobody is READY: no worker offers NOBODY. Wait for it: titan logs"
    )


def test_workers_show_their_slots(titan: CommandLine) -> None:
    done = titan("workers")

    assert done.lines[1].split()[1:3] == ["connected", "GENERAL"]
    assert "/4" in done.lines[1]


@pytest.mark.parametrize(
    ("words", "subject"),
    [
        (["dags", "show", "nix"], "dag 'nix'"),
        (["jobs", "show", "nix"], "job 'nix'"),
        (["logs", "nix"], "job 'nix'"),
        (["jobs", "show", "a?b#c%2Fd"], "job 'a?b#c%2Fd'"),
        (["jobs", "show", "a/../b"], "job 'a/../b'"),
        (["jobs", "show", ".."], "job '..'"),
        (["runs", "show", "nix"], "run 'nix'"),
        (["jobs", "--dag", "nix"], "dag 'nix'"),
        (["cancel", "nix"], "job 'nix'"),
        (["cancel", "--dag", "nix"], "dag 'nix'"),
        (["cancel", "--run", "ünïx"], "run '\\xfcn\\xefx'"),
    ],
)
def test_an_unknown_object_is_exit_code_three_and_one_line(titan: CommandLine, words: list[str], subject: str) -> None:
    done = titan(*words)

    assert (done.exit_code, done.stdout) == (3, b"")
    assert done.stderr.startswith(f"titan: {subject}: expected ")
    assert len(done.stderr.splitlines()) == 1


def test_an_error_with_json_is_a_document_shaped_as_the_servers(titan: CommandLine) -> None:
    done = titan("jobs", "show", "nix", "--json")

    error = done.document["error"]
    assert isinstance(error, dict)
    assert sorted(error) == ["expected", "found", "message", "next_step", "subject", "type"]
    assert (error["type"], error["subject"]) == ("UnknownJob", "job 'nix'")


def test_a_dag_given_for_a_job_is_explained(titan: CommandLine, nightly: str) -> None:
    done = titan("logs", "nightly")

    assert done.exit_code == 3
    assert "found a DAG of that name with 3 jobs (extract, train, report)" in done.stderr


def test_a_job_is_looked_for_only_where_the_person_says(titan: CommandLine, scripts: Path, nightly: str) -> None:
    titan("submit", f"elsewhere={scripts}/hello.py", "--wait")

    in_dag, in_run = (
        titan("logs", "elsewhere", "--dag", nightly),
        titan("jobs", "show", "elsewhere", "--run", "NIGHT_1"),
    )

    assert (in_dag.exit_code, in_run.exit_code) == (3, 3)
    assert f"expected a job of DAG '{nightly}'; found none of that name there" in in_dag.stderr
    assert "expected a job of agent run 'NIGHT_1'" in in_run.stderr


def test_an_empty_name_is_a_usage_error(titan: CommandLine) -> None:
    done = titan("dags", "show", "")

    assert done.exit_code == 2
    assert "expected at least one character; found an empty text" in done.stderr


def test_the_output_of_an_attempt_that_there_was_not_is_not_found(titan: CommandLine, scripts: Path) -> None:
    titan("submit", f"{scripts}/hello.py", "--name", "one-attempt", "--wait")

    done = titan("logs", "hello", "--dag", "one-attempt", "--attempt", "9")

    assert done.exit_code == 3
    assert "expected an attempt from 1 to 1; found --attempt 9" in done.stderr


def test_a_mistyped_job_or_dag_is_answered_with_the_nearest(titan: CommandLine, nightly: str) -> None:
    job, dag = titan("jobs", "show", "trian"), titan("dags", "show", "nighlty", "--json")

    assert (job.exit_code, dag.exit_code) == (3, 3)
    assert "found no such name. Did you mean train" in job.stderr
    assert "Did you mean " in dag.stderr
