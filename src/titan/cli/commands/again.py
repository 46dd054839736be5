"""`titan retry`, `replay`, `redeploy`, `resume` and `result`: going on where something stopped."""

import os
import shlex
import socket
import subprocess
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from titan.cli import completion
from titan.cli.answers import Document, Orchestrator, Result, Resumed, Retried, Submitted, read
from titan.cli.exits import CommandFailed, ExitCode, usage_error
from titan.cli.formats import count, listed
from titan.cli.lookup import find_job
from titan.cli.options import (
    DagArgument,
    DagScope,
    JobArgument,
    JsonOption,
    RunArgument,
    RunScope,
    ServerOption,
    examples,
)
from titan.cli.recorded_answers import Run
from titan.cli.screen import remark, say, show_json
from titan.cli.server import Server, connect

app = typer.Typer()

Target: TypeAlias = Annotated[
    str | None,
    typer.Argument(
        metavar="[JOB|DAG|RUN]",
        help="What to try again, by name or id: a job, else a DAG, else an agent run.",
        autocompletion=completion.job_names,
        show_default=False,
    ),
]
DagAlone: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--dag",
        metavar="DAG",
        help="Alone: this DAG. Beside a job: look for it there.",
        autocompletion=completion.dag_names,
    ),
]
RunAlone: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--run",
        metavar="RUN",
        help="Alone: this agent run. Beside a job: look for it there.",
        autocompletion=completion.run_ids,
    ),
]
PrintOnly: TypeAlias = Annotated[
    bool, typer.Option("--print", help="Only print the command that starts its program; change nothing.")
]


@app.command(
    epilog=examples(
        "titan retry train",
        "titan retry train --dag nightly",
        "titan retry --dag nightly",
        "titan retry RESEARCH_cb5e13",
    )
)
def retry(
    name: Target = None,
    *,
    dag: DagAlone = None,
    run: RunAlone = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Try again what failed, and what was cancelled because of it; what completed is kept."""
    if name is None and (dag is None) == (run is None):
        raise usage_error(
            "titan retry",
            expected="a job, a DAG or an agent run",
            found="none of them" if dag is None else "--dag and --run without a job",
            next_step="For example: titan retry --dag nightly",
        )
    answer = _retry(connect(server), name, dag=dag, run=run)
    if as_json:
        show_json(answer)
        return
    done = read(answer, Retried)
    kept = f" {count(done.kept, 'completed job')} kept." if done.kept else ""
    say(f"Trying again: {listed(done.retried)}.{kept}")


def _retry(server: Server, name: str | None, *, dag: str | None, run: str | None) -> Document:
    if name is None:
        path = ("dags", dag) if dag is not None else ("v1", "runs", run or "")
        return server.post("api", *path, "retry")
    if dag is not None or run is not None:
        return server.post("api", "jobs", find_job(server, name, dag=dag, run=run).job_id, "retry")
    for kind in (("jobs",), ("dags",), ("v1", "runs")):
        try:
            return server.post("api", *kind, name, "retry")
        except CommandFailed as failure:
            if failure.exit_code is not ExitCode.NOT_FOUND:
                raise
    raise CommandFailed(
        f"{name!r}",
        exit_code=ExitCode.NOT_FOUND,
        expected="the name or id of a job, a DAG or an agent run",
        found="none such",
        next_step="List them: titan jobs, titan dags, titan runs.",
        kind="UnknownJob",
    )


@app.command(epilog=examples("titan replay train", "titan replay train --dag nightly"))
def replay(
    name: JobArgument,
    *,
    dag: DagScope = None,
    run: RunScope = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Run one job once more with its script, arguments and environment, as a DAG of its own."""
    titan = connect(server)
    answer = titan.post("api", "jobs", find_job(titan, name, dag=dag, run=run).job_id, "replay")
    _show_submitted(answer, as_json=as_json)


@app.command(epilog=examples("titan redeploy nightly"))
def redeploy(name: DagArgument, *, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Submit a DAG once more, all of it, under the same name."""
    _show_submitted(connect(server).post("api", "dags", name, "redeploy"), as_json=as_json)


@app.command(epilog=examples("titan resume RESEARCH_cb5e13", "titan resume RESEARCH_cb5e13 --print"))
def resume(
    agent_run_id: RunArgument,
    *,
    print_only: PrintOnly = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Start an agent run's orchestrator again; stages that completed are answered from the record.

    An orchestrator that is a job is retried. One that is a program is started in its folder, in the foreground,
    with TITAN_RESUME_RUN_ID set; titan_sdk.new_run_id gives it the run's id again.
    """
    titan = connect(server)
    program = read(titan.get("api", "v1", "runs", agent_run_id), Run).orchestrator
    environment = {"TITAN_RESUME_RUN_ID": agent_run_id, **titan.environment}
    if program is not None:
        command = _typed(program, environment)
        if print_only:
            say(command)
            return
        if not as_json:
            _check_here(agent_run_id, program, command)
    answer = titan.post("api", "v1", "runs", agent_run_id, "resume")
    if as_json:
        show_json(answer)
        return
    resumed = read(answer, Resumed)
    if resumed.orchestrator is None:
        say(f"Run {agent_run_id} goes on: its orchestrator, job {resumed.retried_job}, is tried again.")
        return
    program = resumed.orchestrator
    remark(f"Run {agent_run_id} goes on: {shlex.join(program.command)}")
    raise typer.Exit(_run(agent_run_id, program, environment))


@app.command(epilog=examples("titan result train", "titan result train --dag nightly | jq .accuracy"))
def result(
    name: JobArgument,
    *,
    dag: DagScope = None,
    run: RunScope = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Write the JSON that a job set as its result; exit 3 when it set none."""
    titan = connect(server)
    job = find_job(titan, name, dag=dag, run=run)
    answer = titan.get("api", "jobs", job.job_id, "result")
    found = read(answer, Result)
    if not found.is_set:
        raise CommandFailed(
            f"job {job.name!r} ({job.job_id})",
            exit_code=ExitCode.NOT_FOUND,
            expected="a result",
            found=f"none; it is {job.status}",
            next_step="A job sets one with titan_sdk.set_result(value).",
            kind="UnknownResult",
        )
    show_json(answer if as_json else found.value)


def _show_submitted(answer: Document, *, as_json: bool) -> None:
    if as_json:
        show_json(answer)
        return
    submitted = read(answer, Submitted)
    say(f"DAG {submitted.name} submitted: {count(submitted.job_count, 'job')} (id {submitted.dag_id})")
    say(f"See how it goes on:  titan dag {submitted.dag_id} --wait")


def _typed(program: Orchestrator, environment: dict[str, str]) -> str:
    """Return what a person would type to start the program again."""
    assignments = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
    return f"cd {shlex.quote(program.directory)} && {assignments} {shlex.join(program.command)}"


def _check_here(agent_run_id: str, program: Orchestrator, command: str) -> None:
    here = socket.gethostname()
    if program.host == here and Path(program.directory).is_dir():
        return
    place = f"machine {program.host!r}" if program.host != here else f"folder {program.directory}, which is gone"
    raise CommandFailed(
        f"run {agent_run_id!r}",
        exit_code=ExitCode.REFUSED,
        expected="an orchestrator that ran on this machine, in a folder that is still there",
        found=f"one of {place}",
        next_step=f"Start it where it belongs: {command}",
    )


def _run(agent_run_id: str, program: Orchestrator, environment: dict[str, str]) -> int:
    try:
        with subprocess.Popen(program.command, cwd=program.directory, env={**os.environ, **environment}) as process:
            while True:
                try:
                    return process.wait()
                except KeyboardInterrupt:
                    continue  # the program got it too, and ends in its own way
    except OSError as error:
        raise CommandFailed(
            f"run {agent_run_id!r}",
            exit_code=ExitCode.REFUSED,
            expected=f"a program that can be started: {shlex.join(program.command)}",
            found=error.strerror or str(error),
            next_step="The run is reopened: start its orchestrator yourself with TITAN_RESUME_RUN_ID set.",
        ) from error
