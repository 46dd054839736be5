"""What a worker does to execute a stored run's code again: the job of a replay, whose archive has all that it needs.

The job reads the recording and the code from its archive, executes the program in a sandbox, and reports to the server.
It alone has a token; the program that it executes has none, and no network.
"""

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from titan.insight.export_lines import ActionLine, Line, RunLine
from titan.insight.replay.comparison import compare
from titan.replay.calls import recorded_actions
from titan.replay.execution import Confinement, Place, Program, ReplayFailed
from titan.replay.fork_job import forked
from titan.replay.investigation import Investigator
from titan.replay.orders import CODE, EXECUTION, ORDER, RECORDING, STAGES, Order, Stages
from titan.replay.sandbox import UNCONFINED, NoSandbox, Sandbox, find_sandbox, homes_around
from titan.replay.stored import CannotExecute, write_program, write_scripts
from titan.replay.views import report_of
from titan.wire.replays import ReplayReport
from titan_sdk import TitanClient

ALLOWED: Final = "TITAN_REPLAY_NO_SANDBOX"
_NO: Final = frozenset({"", "0", "false", "no", "off"})


class Reporter:
    """Reports to the server how far the replay is, and what it found."""

    def __init__(self, path: str) -> None:
        self._client = TitanClient(announce=lambda _: None)
        self._path = path

    def step(self, what_for: str) -> None:
        """Say what is done now."""
        self._post({"step": what_for})

    def found(self, report: ReplayReport) -> None:
        """Hand in what was found."""
        self._post({"report": msgspec.to_builtins(report)})

    def ended(self, exit_code: int) -> None:
        """Say how the program of a fork ended."""
        self._post({"exit_code": exit_code})

    def failed(self, error: str) -> None:
        """Say why nothing was."""
        self._post({"error": error})

    def _post(self, body: Mapping[str, object]) -> None:
        self._client.transport.request_json("POST", f"{self._path}/report", body=dict(body))


def main(folder: Path) -> int:
    """Do the job whose archive was unpacked into `folder`; return its exit code."""
    order = msgspec.json.decode((folder / ORDER).read_bytes(), type=Order)
    reporter = Reporter(order.path)
    try:
        if order.fork is not None:
            reporter.ended(forked(folder, order, order.fork, sandbox_for(order.no_sandbox, os.environ)))
        else:
            reporter.found(_replayed(folder, order, reporter))
    except (ReplayFailed, CannotExecute, NoSandbox) as error:
        reporter.failed(f"no_sandbox: {error}" if isinstance(error, NoSandbox) else str(error))
    finally:
        for name in (CODE, EXECUTION):  # else they would count as files that the job left
            shutil.rmtree(folder / name, ignore_errors=True)
    return 0


def sandbox_for(order_asks_for_none: bool, environment: Mapping[str, str]) -> Sandbox:
    """Return what a program is executed in.

    Raises:
        NoSandbox: this machine has none, and neither the order nor this worker's setting lets it go without.
    """
    if order_asks_for_none:
        return UNCONFINED
    try:
        return find_sandbox()
    except NoSandbox:
        if environment.get(ALLOWED, "").lower() in _NO:
            raise
        return UNCONFINED


def _replayed(folder: Path, order: Order, reporter: Reporter) -> ReplayReport:
    recording, stages = folder / RECORDING, folder / STAGES
    run, lines = _read(recording)
    is_whole = stages.is_dir()
    code, place = folder / CODE, folder / EXECUTION
    if order.submits:
        code.mkdir()
        command = ["the stored stages"]
    else:
        command = write_program(run, code)
        if is_whole:
            write_scripts(stages, code)
    actions = recorded_actions(lines, is_whole=is_whole)
    program = Program(
        command=command,
        recording=recording,
        run_id=run.run_id,
        actions=len(actions),
        folder=place / "code",
        timeout=order.timeout,
        place=Place(source=code, folder=place),
        confinement=Confinement(
            sandbox=sandbox_for(order.no_sandbox, os.environ),
            readable=[stages] if is_whole else [],
            hidden=homes_around([folder]),
        ),
        stages=Stages(folder=stages, submits=order.submits) if is_whole else None,
    )
    investigator = Investigator(program, actions, on_execution=reporter.step, is_quiet=True)
    found = investigator.investigate(runs=order.runs, finds_cause=order.finds_cause)
    comparison = compare(actions, investigator.replayed(found.executions[0]))
    shown = shlex.join(["python", *command[1:]]) if not order.submits else command[0]
    return report_of(comparison, found, failed=run.status == "failed", command=shown)


def _read(path: Path) -> tuple[RunLine, list[ActionLine]]:
    decoder = msgspec.json.Decoder(Line)
    with path.open("rb") as file:
        lines = [decoder.decode(line) for line in file]
    [run] = [line for line in lines if isinstance(line, RunLine)]
    return run, [line for line in lines if isinstance(line, ActionLine)]


if __name__ == "__main__":
    sys.exit(main(Path.cwd()))
