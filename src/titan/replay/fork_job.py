"""Executes a fork on a worker: the stored program in a sandbox, recorded as a run of its own at the server.

The program reaches the server by a unix socket, with the token of this job; its stages are jobs of the server as any.
"""

import json
import os
import ssl
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from titan.insight.export_lines import Line, RunLine
from titan.replay.bridge import bridged, crossing
from titan.replay.execution import ReplayFailed, harmless
from titan.replay.forks import has_reached_edit, planned
from titan.replay.orders import EXECUTION, RECORDING, STAGES, ForkOrder, Order
from titan.replay.sandbox import Sandbox, homes_around
from titan.replay.stored import write_program, write_scripts
from titan_sdk import TitanClient, TitanError
from titan_sdk.http.address import address_of
from titan_sdk.replaying.recording import Plan

STAGES_SECONDS: Final = 3600.0  # for jobs that go on when the program has ended: they need what lies here
LOOK_SECONDS: Final = 0.3


def forked(folder: Path, order: Order, fork: ForkOrder, sandbox: Sandbox) -> int:
    """Execute the program of a recorded run as a fork, and return its exit code when its stages have ended, too.

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
    )
    client = TitanClient(announce=lambda _: None)
    exit_code = _executed(command, plan, place, order, sandbox)
    if not has_reached_edit(plan):
        raise ReplayFailed(f"the program ended with exit code {exit_code} before it came to the edited action")
    _await_stages(client, fork.run_id)
    return exit_code


def _executed(command: list[str], plan: Plan, place: Path, order: Order, sandbox: Sandbox) -> int:
    address = address_of()
    own = {"TITAN_TOKEN": os.environ.get("TITAN_TOKEN", ""), "TITAN_SPOOL": str(place / "spool")}
    environment = harmless(os.environ) | planned(plan, place) | own | {"HOME": str(place)}
    confined = sandbox.command(
        crossing(command, environment, folder=place),
        folder=place / "code",
        writable=place,
        readable=[Path(plan.recording)],
        hidden=homes_around([place]),
        environment=harmless(os.environ),
    )
    tls = ssl.create_default_context(cafile=address.ca_file) if address.is_tls else None
    with bridged(place, address.host, address.port, tls=tls):
        try:
            return subprocess.run(
                confined, stdin=subprocess.DEVNULL, stdout=sys.stderr, timeout=order.timeout, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            raise ReplayFailed(f"the program took longer than {order.timeout:g} s") from None


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
    """Return when an action started, as the recording writes it: programs compare it as text."""
    with recording.open("rb") as file:
        return str(next(line["started_at"] for line in map(json.loads, file) if line.get("id") == action_id))
