"""DAGs, jobs and runs on the screen: piped, on a narrow terminal, with odd names."""

import io
from datetime import timedelta

import pytest
from rich.console import Console

from tests.support.cli_answers import NOON, a_tally, an_answer, an_answered_dag, an_answered_job
from titan.cli.terminal import Column, Columns, Status, make_table, say, show_json, show_table
from titan.cli.views.jobs import show_dag, show_job, show_outcome, summary
from titan.cli.views.runs import show_run
from titan.model.dags import StageStatus
from titan.model.jobs import JobStatus
from titan.model.run_control import RunStatus
from titan.wire.runs import RunView


def test_a_dag_is_shown_with_its_jobs_and_why_they_are_where_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    dag = an_answered_dag(
        an_answered_job("extract", JobStatus.COMPLETED, took=timedelta(seconds=1.2)),
        an_answered_job("train", JobStatus.FAILED, parents=("extract",), reason="exit code 3"),
        an_answered_job("report", JobStatus.CANCELLED, parents=("train",), reason="parent train failed"),
        status=StageStatus.PARTIAL,
    )

    show_dag(dag, at=NOON)

    head, facts, blank, *table = capsys.readouterr().out.splitlines()
    assert head == "DAG pipeline  PARTIAL  1 of 3 jobs completed, 1 failed, 1 cancelled"
    assert facts.startswith("id d1 · submitted ")
    assert facts.endswith("(1m) · took 30.0 s")
    assert blank == ""
    assert table == [
        "JOB      STATUS      TOOK  AFTER    WORKER  WHY",
        "extract  COMPLETED  1.2 s  -        -       -",
        "train    FAILED         -  extract  -       exit code 3",
        "report   CANCELLED      -  train    -       parent train failed",
    ]


def test_names_are_text_and_never_markup(capsys: pytest.CaptureFixture[str]) -> None:
    show_dag(an_answered_dag(an_answered_job("[bold]x[/bold] :smile: \x1b[31m"), name="[red]"), at=NOON)

    written = capsys.readouterr().out
    assert written.startswith("DAG [red]  RUNNING")
    assert r"[bold]x[/bold] :smile: \x1b[31m" in written
    assert "\x1b" not in written


def test_of_a_fan_in_three_parents_are_named_and_the_rest_counted(capsys: pytest.CaptureFixture[str]) -> None:
    parents = tuple(f"p{number}" for number in range(1000))

    show_dag(an_answered_dag(an_answered_job("sum", parents=parents)), at=NOON)

    assert "p0, p1, p2 and 997 more" in capsys.readouterr().out


def test_a_large_dag_is_shown_up_to_two_hundred_jobs(capsys: pytest.CaptureFixture[str]) -> None:
    jobs = [an_answered_job(f"job{number}") for number in range(1250)]

    show_dag(an_answered_dag(*jobs), at=NOON)

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 + 1 + 200 + 1
    assert lines[-1] == "… and 1,050 more jobs: --json lists all of them."


def test_the_outcome_of_a_large_dag_lists_uncompleted_jobs(capsys: pytest.CaptureFixture[str]) -> None:
    jobs = [an_answered_job(f"job{number}", JobStatus.COMPLETED) for number in range(30)]

    show_outcome(an_answered_dag(*jobs, an_answered_job("bad", JobStatus.FAILED, reason="exit code 1")), at=NOON)

    assert capsys.readouterr().out.splitlines() == [
        "DAG pipeline  RUNNING  30 of 31 jobs completed, 1 failed in 30.0 s",
        "",
        "JOB  STATUS  TOOK  AFTER  WORKER  WHY",
        "bad  FAILED     -  -      -       exit code 1",
    ]


def test_a_job_is_shown_with_the_command_it_runs(capsys: pytest.CaptureFixture[str]) -> None:
    show_job(an_answered_job("train", reason="no worker offers GPU"), at=NOON)

    assert capsys.readouterr().out.splitlines()[0] == "Job train  READY  no worker offers GPU"


def test_a_run_is_a_chain_of_its_stages(capsys: pytest.CaptureFixture[str]) -> None:
    stages = [
        an_answered_dag(an_answered_job(status=status), name=f"RESEARCH_1a_{label}", label=label)
        for label, status in [("PLAN", JobStatus.COMPLETED), ("ITER1", JobStatus.RUNNING)]
    ]
    run = an_answer(
        RunView,
        tags=[],
        run_id="RESEARCH_1a",
        agent_id="RESEARCH",
        status=RunStatus.RUNNING,
        started_at=NOON - timedelta(minutes=1),
        tally=a_tally(),
        stages=tuple(stages),
    )

    show_run(run, [], [], at=NOON)

    written = capsys.readouterr().out.splitlines()
    assert written[0] == "Run RESEARCH_1a  running"
    assert written[3] == "  PLAN COMPLETED  →  ITER1 RUNNING"


def test_a_summary_leaves_out_zero_counts() -> None:
    dag = an_answered_dag(an_answered_job("a", JobStatus.WAITING), an_answered_job("b"))

    assert summary(dag.counts) == "0 of 2 jobs completed, 2 waiting"


def test_on_a_narrow_terminal_names_fold_and_lesser_columns_leave() -> None:
    columns: Columns[str] = (
        Column("JOB", lambda name, _: name, folds=True),
        Column("STATUS", lambda _name, _: Status("RUNNING")),
        Column("WORKER", lambda _name, _: "w", least_columns=100),
    )
    table = make_table(columns, ["a-name-of-thirty-characters-abc"], terminal_columns=30, at=NOON)
    screen = io.StringIO()

    Console(file=screen, width=30).print(table)

    lines = [line.rstrip() for line in screen.getvalue().splitlines()]
    assert lines == ["JOB                    STATUS", "a-name-of-thirty-char  RUNNING", "acters-abc"]


def test_a_piped_table_has_whole_lines_and_no_trailing_blanks(capsys: pytest.CaptureFixture[str]) -> None:
    columns: Columns[tuple[str, str]] = (Column("A", lambda row, _: row[0]), Column("B", lambda row, _: row[1]))

    show_table(columns, [("x" * 300, "1"), ("y", "2")])

    assert capsys.readouterr().out.splitlines() == [f"A{' ' * 301}B", f"{'x' * 300}  1", f"y{' ' * 301}2"]


def test_a_line_of_facts_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    say("job ", "two\nlines", " is ", Status("FAILED"))

    assert capsys.readouterr().out == "job two\\nlines is FAILED\n"


def test_json_is_written_in_utf8_and_unescaped(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    show_json({"name": "表 [x]", "at": None})

    assert capsysbinary.readouterr().out.decode() == '{\n  "name": "表 [x]",\n  "at": null\n}\n'
