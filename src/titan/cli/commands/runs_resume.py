"""`titan runs resume`: a run whose program was killed goes on where it was."""

import shlex
import socket
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from titan.cli.commands.runs import app
from titan.cli.exit_codes import refused, usage_error
from titan.cli.options import Answer, RunArgument, asks, option
from titan.cli.recordings import fetched
from titan.cli.server import Server, read
from titan.cli.terminal import remark, say
from titan.replay.execution import ReplayFailed, planned, run_program
from titan.wire.runs import RunView
from titan.wire.work import OrchestratorView, Resumed
from titan_sdk.replaying.plan import Plan

PrintOnly = Annotated[bool, option("--print", "Only print the command that starts its program; change nothing.")]


@asks(
    app,
    "titan runs resume RESEARCH_cb5e13",
    "titan runs resume RESEARCH_cb5e13 --print",
    "titan runs resume WEATHER_5f2c1a -- python weather.py",
)
def resume(
    titan: Server,
    context: typer.Context,
    run: RunArgument,
    *,
    print_only: PrintOnly = False,
    as_json: bool = False,
) -> Answer | None:
    """Start a run's program again; calls and stages that completed are answered from the record.

    It goes on live at the first call that has no answer, recorded into the same run. An orchestrator that is a job is
    retried. One that is a program is started in its folder, in the foreground, with TITAN_RESUME_RUN_ID set;
    titan_sdk.new_run_id gives it the run's id again. Behind -- stands the program of a run that submitted no stages.
    """
    known = read(titan.get("api", "v1", "runs", run), RunView)
    run, program = known.run_id, known.orchestrator or None
    if context.obj:
        program = OrchestratorView(command=context.obj, directory=str(Path.cwd()), host=socket.gethostname())
    if not known.has_stages and not context.obj:
        raise usage_error(
            f"run {run!r}",
            "the program of a run that submitted no stages, behind --",
            "none",
            f"titan runs resume {run} -- python agent.py",
        )
    environment = {"TITAN_RESUME_RUN_ID": run, **titan.environment}
    if program is not None:
        command = _typed(program, environment)
        if print_only:
            say(command)
            return None
        if not as_json:
            _check_here(run, program, command)
    if known.has_stages or not context.obj:
        answer = titan.post("api", "v1", "runs", run, "resume")
        resumed = read(answer, Resumed)
        if as_json or program is None or resumed.orchestrator is None:
            text = f"Run {run} goes on: its orchestrator, job {resumed.retried_job}, is tried again."
            return Answer(answer, lambda: say(text))
    assert program is not None
    remark(f"Run {run} goes on: {shlex.join(program.command)}")
    raise typer.Exit(_run(titan, known, program, environment))


def _typed(program: OrchestratorView, environment: dict[str, str]) -> str:
    """Return what a person would type to start the program again."""
    assignments = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
    return f"cd {shlex.quote(program.directory)} && {assignments} {shlex.join(program.command)}"


def _check_here(agent_run_id: str, program: OrchestratorView, command: str) -> None:
    here = socket.gethostname()
    if program.host == here and Path(program.directory).is_dir():
        return
    place = f"machine {program.host!r}" if program.host != here else f"folder {program.directory}, which is gone"
    raise refused(
        f"run {agent_run_id!r}",
        "an orchestrator that ran on this machine, in a folder that is still there",
        f"one of {place}",
        f"Start it where it belongs: {command}",
    )


def _run(titan: Server, run: RunView, program: OrchestratorView, environment: dict[str, str]) -> int:
    """Run the program with the calls of the run answered that have ended."""
    with tempfile.TemporaryDirectory(prefix="titan-resume-") as name:
        folder = Path(name)
        if run.tally.calls:
            plan = Plan(
                recording=str(fetched(titan, run.run_id, folder)),
                parent_run_id=run.run_id,
                run_id=run.run_id,
                ledger=str(folder / "ledger.jsonl"),
            )
            environment = environment | planned(plan, folder)
        try:
            return run_program(program.command, environment, directory=program.directory)
        except ReplayFailed as error:
            raise refused(
                f"run {run.run_id!r}",
                f"a program that can be started: {shlex.join(program.command)}",
                str(error),
                "The run is reopened: start its orchestrator yourself with TITAN_RESUME_RUN_ID set.",
            ) from error
