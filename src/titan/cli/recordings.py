"""Recordings of one run: read its export, and execute its program with the calls answered from it."""

import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from titan.cli.exit_codes import CommandFailed, ExitCode, usage_error
from titan.cli.server import Server
from titan.cli.terminal import remark
from titan.insight.export_lines import ActionLine, Line, RunLine
from titan.insight.replay.comparison import Comparison, compare
from titan.replay.execution import Program, ReplayFailed
from titan.replay.investigation import Investigation, Investigator, recorded_actions, report_of
from titan.wire.replays import ReplayReport

LONGEST_NAME: Final = 255  # of a file


def is_file(run: str) -> bool:
    """Return whether `run` is the path of a file."""
    return len(run) < LONGEST_NAME and Path(run).is_file()


def fetched(titan: Server, run: str, folder: Path) -> Path:
    """Write a run's export to a file in `folder`; return its path."""
    path = folder / "recording.jsonl"
    with path.open("wb") as file:
        file.writelines(titan.stream("api", "v1", "runs", "export", format="jsonl", run_id=run))
    return path


def is_trusted(titan: Server, run: str) -> bool:
    """Return whether a run was recorded here, or somebody trusts it (`titan runs trust`)."""
    found = titan.get("api", "v1", "runs", run)
    return found["imported_at"] is None or found["trusted_at"] is not None


def read_recording(path: Path, named: str) -> tuple[RunLine, list[ActionLine]]:
    """Return the run of an export and its actions.

    Raises:
        CommandFailed: the file is none, or holds several runs.
    """
    decoder = msgspec.json.Decoder(Line)
    try:
        with path.open("rb") as file:
            lines = [decoder.decode(line) for line in file]
    except msgspec.DecodeError as error:
        raise usage_error(str(path), "an export in JSON Lines", str(error)) from error
    runs = [line for line in lines if isinstance(line, RunLine)]
    if len(runs) != 1:
        raise usage_error(named, "an export of one run", f"{len(runs)} runs")
    return runs[0], [line for line in lines if isinstance(line, ActionLine)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """The result of executing a program against its recording."""

    run_id: str
    report: ReplayReport
    comparison: Comparison
    found: Investigation
    replay_id: str | None  #: under which it is stored; None: the recording is a file


def executed(
    titan: Server,
    run: str,
    command: Sequence[str],
    *,
    runs: int,
    finds_cause: bool,
    timeout: float | None,
    needs_calls: bool = False,
) -> Executed:
    """Execute a program against a run, or against a file with its export, and store the report under the run.

    Raises:
        ReplayFailed: it cannot be executed against this recording; with `needs_calls` also: it makes no calls.
    """
    with tempfile.TemporaryDirectory(prefix="titan-replay-") as folder:
        path = Path(run) if is_file(run) else fetched(titan, run, Path(folder))
        run_line, lines = read_recording(path, run)
        recording = recorded_actions(lines)
        program = Program(
            command=command,
            recording=path,
            run_id=run_line.run_id,
            actions=len(recording),
            timeout=timeout,
            is_trusted=not is_file(run) and is_trusted(titan, run),
        )
        investigator = Investigator(program, recording, on_execution=lambda what_for: remark(f"Replaying: {what_for}"))
        found = investigator.investigate(runs=runs, finds_cause=finds_cause)
    if needs_calls and not any(execution.calls for execution in found.executions):
        raise ReplayFailed("The program made no call that titan_sdk records, so there is nothing to compare.")
    comparison = compare(recording, investigator.replayed(found.executions[0]))
    report = report_of(comparison, found, failed=run_line.status == "failed", command=shlex.join(command))
    replay_id: str | None = None
    if not is_file(run):
        body = {"level": "re_execute", "report": msgspec.to_builtins(report)}
        replay_id = str(titan.post("api", "v1", "runs", run_line.run_id, "replays", body=body)["id"])
    return Executed(run_id=run_line.run_id, report=report, comparison=comparison, found=found, replay_id=replay_id)


def replay_failed(
    subject: str, expected: str, error: ReplayFailed, exit_code: ExitCode = ExitCode.REFUSED
) -> CommandFailed:
    """Return the error for a program that cannot be executed against a recording."""
    return CommandFailed(subject, expected, str(error), exit_code=exit_code, kind="ReplayFailed", message=str(error))
