"""`titan fork` and `titan runs resume`: run a recorded run's program again, as a run of its own or to its end."""

import os
import shlex
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from titan.cli.commands import runs
from titan.cli.commands.replay import compare
from titan.cli.exit_codes import ExitCode, refused, usage_error
from titan.cli.options import EVERYDAY, Answer, RunArgument, asks, option
from titan.cli.recordings import fetched, is_trusted, read_recording, replay_failed
from titan.cli.server import Server, read
from titan.cli.terminal import remark, say
from titan.insight.export_lines import ActionLine, RunLine
from titan.replay.execution import ReplayFailed, has_reached_edit, planned, run_program
from titan.wire.runs import RunView
from titan.wire.work import OrchestratorView, Resumed
from titan_sdk.replaying.recording import Plan

everyday = typer.Typer()

EXAMPLE: Final = "titan fork RUN --at ACTION --output JSON -- python agent.py"
END_SECONDS: Final = 60.0  # for the end of a run whose program has ended: its jobs may still run

At = Annotated[
    str | None,
    option("--at ACTION", "The action to edit: its id, or a name: the first that has it.", show_default=False),
]
Output = Annotated[str | None, option("--output JSON", "What that action gives instead.", show_default=False)]
Input = Annotated[
    str | None, option("--input JSON", "What its function is called with instead; it runs.", show_default=False)
]
Live = Annotated[
    list[str], option("--live NAME", "Actions of this name may run where the recording has no answer. Repeatable.")
]
MaxUsd = Annotated[str | None, option("--max-usd X", "Live calls may cost so many US dollars.", show_default=False)]
MaxCalls = Annotated[int | None, option("--max-calls N", "At most so many calls run live.", min=1, show_default=False)]


@asks(
    everyday,
    """titan fork WEATHER_5f2c1a --at forecast --output '"snow"' -- python weather.py""",
    "titan fork WEATHER_5f2c1a --live forecast --max-usd 0.50 --max-calls 10 -- python weather.py",
    panel=EVERYDAY,
)
def fork(
    titan: Server,
    context: typer.Context,
    run: RunArgument,
    *,
    at: At = None,
    output: Output = None,
    input_: Input = None,
    live: Live = [],  # noqa: B006  # typer takes no other
    max_usd: MaxUsd = None,
    max_calls: MaxCalls = None,
) -> Answer:
    """Run a program again from a recorded run, with one action edited or its code; record it as a fork of the run.

    Calls are answered from the recording up to the edit, and after it while their inputs are the recorded ones. Others
    run if --live names them, within --max-usd and --max-calls; else they end the program. At its end the fork is
    compared with its parent. Exits 1 where its program fails.
    """
    command = context.obj or []
    _check(command, at, [output, input_], needs_limits=bool(live) or input_ is not None, limits=(max_usd, max_calls))
    with tempfile.TemporaryDirectory(prefix="titan-fork-") as name:
        folder = Path(name)
        recording = fetched(titan, run, folder)
        parent, actions = read_recording(recording, run)
        edited = None if at is None else _found(parent, actions, at)
        plan = Plan(
            recording=str(recording),
            parent_run_id=parent.run_id,
            run_id=f"{parent.agent_id or 'fork'}_{os.urandom(3).hex()}",
            ledger=str(folder / "ledger.jsonl"),
            at=edited,
            exact_after="" if edited is None else _started(recording, edited),
            outputs=output,
            inputs=input_,
            live=list(live),
            max_usd=max_usd or "0",
            max_calls=max_calls or 0,
            is_trusted=is_trusted(titan, parent.run_id),
        )
        _begin(titan, parent, plan)
        try:
            exit_code = run_program(command, {**titan.environment, **planned(plan, folder)}, output=sys.stderr)
        except ReplayFailed as error:
            _end(titan, plan.run_id, str(error))
            raise replay_failed(f"fork of run {parent.run_id}", "a program that starts", error) from error
        if plan.at is not None and not has_reached_edit(plan):
            remark(f"The program did not come to the edited action {plan.at}.")
    _await_end(titan, plan.run_id, exit_code)
    answer = compare(titan, parent.run_id, plan.run_id)
    assert answer is not None
    return replace(answer, exit_code=ExitCode.FAILED if exit_code else ExitCode.OK)


def _check(
    command: Sequence[str],
    at: str | None,
    edits: Sequence[str | None],
    *,
    needs_limits: bool,
    limits: tuple[str | None, int | None],
) -> None:
    if not command:
        raise usage_error("titan fork", f"a program after --: {EXAMPLE}", "none")
    said = [edit for edit in edits if edit is not None]
    if len(said) > 1 or (said and at is None):
        raise usage_error("titan fork", "--at with one of --output and --input", "both" if said[1:] else "no --at")
    for edit in said:
        try:
            msgspec.json.decode(edit)
        except msgspec.DecodeError as error:
            raise usage_error("titan fork", 'JSON, such as \'{"city": "Graz"}\'', f"{edit}: {error}") from error
    if needs_limits and None in limits:
        raise usage_error("titan fork", "--max-usd and --max-calls, since calls run live", "one or both are missing")
    try:
        Decimal(limits[0] or "0")
    except InvalidOperation as error:
        raise usage_error("titan fork: --max-usd", "US dollars, such as 0.50", str(limits[0])) from error


def _found(parent: RunLine, actions: Sequence[ActionLine], at: str) -> str:
    """Return the id of the action that is edited."""
    own = [line for line in actions if "sdk" in line.sources]  # only those can be answered
    found = [line.id for line in own if line.id == at] or [line.id for line in own if line.action == at]
    if found:
        return found[0]
    expected = "the id or the name of an action that its program recorded with titan_sdk"
    next_step = f"`titan runs show {parent.run_id} --ids` lists them."
    raise refused(f"action {at!r} of run {parent.run_id}", expected, "none", next_step)


def _started(recording: Path, action_id: str) -> str:
    """Return an action's start as the recording writes it; programs compare it as text."""
    with recording.open("rb") as file:
        lines = map(msgspec.json.decode, file)
        return str(next(line["started_at"] for line in lines if line.get("id") == action_id))


def _begin(titan: Server, parent: RunLine, plan: Plan) -> None:
    """Record the fork's beginning with its parent, which is kept even if the program fails."""
    entry = {
        "type": "run",
        "at_ns": time.time_ns(),
        "run_id": plan.run_id,
        "agent_id": parent.agent_id,
        "name": parent.name,
        "parent_run_id": parent.run_id,
        "forked_at_action_id": plan.at,
    }
    titan.post("api", "v1", "actions", body={"entries": [entry]})
    remark(f"Fork {plan.run_id} of run {parent.run_id}")


def _await_end(titan: Server, run: str, exit_code: int) -> None:
    """Wait until a fork has ended; where its program never began to record, it ends as the program did."""
    until = time.monotonic() + END_SECONDS
    while (found := titan.get("api", "v1", "runs", run))["status"] in ("pending", "running"):
        if not found["has_stages"] or time.monotonic() > until:
            _end(titan, run, f"exit code {exit_code}" if exit_code else None)
            return
        time.sleep(0.2)


def _end(titan: Server, run: str, error: str | None) -> None:
    body = {"status": "completed" if error is None else "failed", "error": error}
    titan.post("api", "v1", "runs", run, "end", body=body)


# --- resume ---

PrintOnly = Annotated[bool, option("--print", "Only print the command that starts its program; change nothing.")]


@asks(
    runs.app,
    "titan runs resume RESEARCH_cb5e13",
    "titan runs resume RESEARCH_cb5e13 --print",
    "titan runs resume WEATHER_5f2c1a -- python weather.py",
)
def resume(
    titan: Server, context: typer.Context, run: RunArgument, *, print_only: PrintOnly = False, as_json: bool = False
) -> Answer | None:
    """Start a run's program again; calls and stages that completed are answered from the record.

    It goes on live at the first call that has no answer, recorded into the same run. An orchestrator that is a job is
    retried. One that is a program is started in its folder, in the foreground, with TITAN_RESUME_RUN_ID set;
    titan_sdk.new_run_id gives it the run's id again. Give the program of a run without stages after --.
    """
    known = read(titan.get("api", "v1", "runs", run), RunView)
    run, program = known.run_id, known.orchestrator or None
    if not context.obj and known.imported_at is not None and known.trusted_at is None:
        expected = "a run that was recorded here, or whose code somebody trusts"
        raise refused(f"run {run!r}", expected, "an imported one", f"Read its code, then: titan runs trust {run}")
    if context.obj:
        program = OrchestratorView(command=context.obj, directory=str(Path.cwd()), host=socket.gethostname())
    if not known.has_stages and not context.obj:
        expected = "the program of a run that submitted no stages, after --"
        raise usage_error(f"run {run!r}", expected, "none", f"titan runs resume {run} -- python agent.py")
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
    """Return the shell command that starts the program again."""
    assignments = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
    return f"cd {shlex.quote(program.directory)} && {assignments} {shlex.join(program.command)}"


def _check_here(agent_run_id: str, program: OrchestratorView, command: str) -> None:
    here = socket.gethostname()
    if program.host == here and Path(program.directory).is_dir():
        return
    place = f"machine {program.host!r}" if program.host != here else f"folder {program.directory}, which is gone"
    expected = "an orchestrator that ran on this machine, in a folder that is still there"
    raise refused(f"run {agent_run_id!r}", expected, f"one of {place}", f"Start it where it belongs: {command}")


def _run(titan: Server, run: RunView, program: OrchestratorView, environment: dict[str, str]) -> int:
    """Run the program; calls of the run that have ended are answered from its recording."""
    with tempfile.TemporaryDirectory(prefix="titan-resume-") as name:
        folder = Path(name)
        if run.tally.calls:
            plan = Plan(
                recording=str(fetched(titan, run.run_id, folder)),
                parent_run_id=run.run_id,
                run_id=run.run_id,
                ledger=str(folder / "ledger.jsonl"),
                is_trusted=run.imported_at is None or run.trusted_at is not None,
            )
            environment = environment | planned(plan, folder)
        try:
            return run_program(program.command, environment, directory=program.directory)
        except ReplayFailed as error:
            expected = f"a program that can be started: {shlex.join(program.command)}"
            next_step = "The run is reopened: start its orchestrator yourself with TITAN_RESUME_RUN_ID set."
            raise refused(f"run {run.run_id!r}", expected, str(error), next_step) from error
