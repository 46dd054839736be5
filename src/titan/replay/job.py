"""The job that executes a stored run's code on a worker: for a replay or a fork.

The job reads the recording and the code from its archive, executes the program in a sandbox, and reports to the server.
It alone has a token; the program that it executes has none, and no network.
"""

import json
import os
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

import msgspec

from titan.home.identity import read_home_id
from titan.home.socket import BRIDGE, connect_in
from titan.insight.export_lines import ActionLine, Line, RunLine
from titan.insight.replay.comparison import compare
from titan.replay.bridge import bridged, crossing
from titan.replay.execution import Confinement, Place, Program, ReplayFailed, harmless, has_reached_edit, planned
from titan.replay.investigation import Investigator, recorded_actions, report_of
from titan.replay.orders import (
    CODE,
    EXECUTION,
    ORDER,
    RECORDING,
    STAGE_VALUE,
    STAGES,
    CannotExecute,
    ForkOrder,
    Order,
    Stages,
    write_program,
    write_scripts,
)
from titan.replay.sandbox import UNCONFINED, NoSandbox, Sandbox, find_sandbox, homes_around
from titan.settings import is_on
from titan.wire.replays import ReplayReport
from titan_sdk import TitanClient, TitanError
from titan_sdk.http.address import address_of
from titan_sdk.replaying.recording import Plan

ALLOWED: Final = "TITAN_REPLAY_NO_SANDBOX"


class Reporter:
    """Reports progress and results of a replay to the server."""

    def __init__(self, path: str) -> None:
        self._client = TitanClient(announce=lambda _: None)
        self._path = path

    def step(self, what_for: str) -> None:
        """Report the current step."""
        self._post({"step": what_for})

    def found(self, report: ReplayReport) -> None:
        """Report the result."""
        self._post({"report": msgspec.to_builtins(report)})

    def ended(self, exit_code: int) -> None:
        """Report the exit code of a fork's program."""
        self._post({"exit_code": exit_code})

    def failed(self, error: str) -> None:
        """Report the cause of a failure."""
        self._post({"error": error})

    def _post(self, body: Mapping[str, object]) -> None:
        self._client.transport.request_json("POST", f"{self._path}/report", body=dict(body))


def main(folder: Path) -> int:
    """Execute the job whose archive was unpacked into `folder`; return its exit code."""
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
        for name in (CODE, EXECUTION, STAGES):  # else they would count as files that the job left
            shutil.rmtree(folder / name, ignore_errors=True)
        (folder / RECORDING).unlink(missing_ok=True)  # a sandbox may have made it readable
    return 0


def sandbox_for(order_asks_for_none: bool, environment: Mapping[str, str]) -> Sandbox:
    """Return the sandbox for a program.

    Raises:
        NoSandbox: this machine has none, and neither the order nor this worker's setting lets it go without.
    """
    if order_asks_for_none:
        return UNCONFINED
    try:
        return find_sandbox()
    except NoSandbox:
        if not is_on(ALLOWED, environment):
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
    values = {name: value for name, value in os.environ.items() if name.startswith(STAGE_VALUE)}
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
        stages=Stages(folder=stages, submits=order.submits, values=values) if is_whole else None,
        is_trusted=True,  # else the server would not have asked for it
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


STAGES_SECONDS: Final = 3600.0  # for jobs that go on when the program has ended: they need what lies here
LOOK_SECONDS: Final = 0.3
ASKED_SECONDS: Final = 30.0


def forked(folder: Path, order: Order, fork: ForkOrder, sandbox: Sandbox) -> int:
    """Execute the program of a recorded run as a fork; return its exit code after its stages have ended.

    Raises:
        CannotExecute: its code is not stored.
        ReplayFailed: it took too long, or did not come to the edited action.
    """
    place = folder / EXECUTION
    code = place / "code"
    command = write_program(_run_in(folder / RECORDING), code)
    if (folder / STAGES).is_dir():
        write_scripts(folder / STAGES, code)
    plan = Plan(
        recording=str(folder / RECORDING),
        parent_run_id=order.run_id,
        run_id=fork.run_id,
        ledger=str(place / "ledger.jsonl"),
        at=fork.at,
        exact_after=_started(folder / RECORDING, fork.at),
        outputs=fork.outputs,
        inputs=fork.inputs,
        live=fork.live,
        max_usd=fork.max_usd,
        max_calls=fork.max_calls,
        is_trusted=True,
    )
    client = TitanClient(announce=lambda _: None)
    exit_code = _executed(command, plan, place, order, sandbox)
    if not has_reached_edit(plan):
        raise ReplayFailed(f"the program ended with exit code {exit_code} before it came to the edited action")
    _await_stages(client, fork.run_id)
    return exit_code


def _executed(command: list[str], plan: Plan, place: Path, order: Order, sandbox: Sandbox) -> int:
    connect = _way_to_server(Path(order.home), order.home_id)
    token = os.environ.get("TITAN_TOKEN", "")
    own = {"TITAN_TOKEN": token, "TITAN_SPOOL": str(place / "spool")}
    environment = harmless(os.environ, key=token) | planned(plan, place) | own | {"HOME": str(place)}
    confined = sandbox.command(
        crossing(command, environment, folder=place),
        folder=place / "code",
        writable=place,
        readable=[Path(plan.recording)],
        hidden=homes_around([place]),
        environment=harmless(os.environ),
    )
    with bridged(place, connect):
        try:
            return subprocess.run(
                confined,
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr,
                env=harmless(os.environ),
                timeout=order.timeout,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            raise ReplayFailed(f"the program took longer than {order.timeout:g} s") from None


def _way_to_server(home: Path, home_id: str) -> Callable[[], socket.socket]:
    """Return what connects to the server where every request needs a token, also one from this machine.

    That is the socket for it in the server's home, else the address of the server, if it asks everybody for a token.

    Raises:
        ReplayFailed: neither is there.
    """
    if read_home_id(home) == home_id:
        with suppress(OSError):
            connect_in(home, BRIDGE, timeout_seconds=None).close()
            return partial(connect_in, home, BRIDGE, timeout_seconds=None)
    address = address_of()
    tls = ssl.create_default_context(cafile=address.ca_file) if address.is_tls else None

    def connect() -> socket.socket:
        found = socket.create_connection((address.host, address.port))
        return found if tls is None else tls.wrap_socket(found, server_hostname=address.host)

    with closing(HTTPConnection(address.host, address.port, timeout=ASKED_SECONDS)) as asked:
        asked.sock = connect()
        asked.request("GET", "/api/dags")
        if (status := asked.getresponse().status) == HTTPStatus.UNAUTHORIZED:
            return connect
    raise ReplayFailed(
        f"the server at {address.url} answers without a token ({status}), so the program could leave its sandbox"
        " through it. Fork on a worker that can read the server's home, or start the server with --require-token"
    )


def _await_stages(client: TitanClient, run_id: str) -> None:
    until = time.monotonic() + STAGES_SECONDS
    with suppress(TitanError):  # of a run without stages a job may know nothing
        while time.monotonic() < until:
            run = client.transport.request_json("GET", f"/api/v1/runs/{run_id}")
            if not run["has_stages"] or run["status"] not in ("pending", "running"):
                return
            time.sleep(LOOK_SECONDS)


def _run_in(recording: Path) -> RunLine:
    decoder = msgspec.json.Decoder(Line)
    with recording.open("rb") as file:
        return next(line for line in map(decoder.decode, file) if isinstance(line, RunLine))


def _started(recording: Path, action_id: str) -> str:
    """Return the start of an action as written in the recording: programs compare it as text."""
    with recording.open("rb") as file:
        return str(next(line["started_at"] for line in map(json.loads, file) if line.get("id") == action_id))
