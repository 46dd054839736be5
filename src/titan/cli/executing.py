"""A run's program executed again with its calls answered from the recording, for the commands that do so."""

import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from titan.cli.recordings import fetched, is_file, read_recording
from titan.cli.server import Document, Server
from titan.cli.terminal import remark
from titan.insight.replay.comparison import Comparison, compare
from titan.replay.execution import Program, ReplayFailed
from titan.replay.investigation import Investigation, Investigator, recorded_actions, report_of
from titan.wire.replays import ReplayReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """What executing a program again showed."""

    run_id: str
    report: ReplayReport
    comparison: Comparison
    found: Investigation
    replay_id: str | None  #: under which it is stored; None: the recording is a file

    @property
    def document(self) -> Document:
        """The report as JSON."""
        document: Document = msgspec.to_builtins(self.report)
        return document


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
            command=command, recording=path, run_id=run_line.run_id, actions=len(recording), timeout=timeout
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
