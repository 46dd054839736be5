"""What our SDK records of a pause, a cancelled task and an interrupted program: a reason, and no error."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import a_process
from tests.support.raw_http import ask
from tests.support.running_titan import RunningTitan
from tests.support.sources import PACKAGES
from tests.support.waiting import wait_until

SECONDS = 60

START = """
import asyncio
import signal
import titan_sdk

class GraphInterrupt(Exception):
    pass

@titan_sdk.action
def well():
    return 1

@titan_sdk.action
def tool(error):
    raise error

@titan_sdk.action
async def slow():
    await asyncio.sleep(600)

async def cancel():
    task = asyncio.create_task(slow())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass

def catch(error):
    try:
        tool(error)
    except BaseException:
        pass

@titan_sdk.action
def ended():
    print("ready", flush=True)
    signal.pause()

"""


def run_of(titan: RunningTitan, tmp_path: Path, body: str, run_id: str, *, ends: bool = False) -> dict[str, Any]:
    """Return a run whose program succeeds once and then does `body`."""
    script = tmp_path / "paused.py"
    block = f"with titan_sdk.run('PAUSED', run_id={run_id!r}):\n    well()\n    {body}\n"
    script.write_text(START + block)
    env = {"PYTHONPATH": PACKAGES, "TITAN_HOST": "127.0.0.1", "TITAN_PORT": str(titan.sdk_port), "HOME": str(tmp_path)}
    with a_process([sys.executable, str(script)], env=env, cwd=tmp_path) as process:
        assert process.stdout is not None
        if ends:
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGTERM)
        process.wait(timeout=SECONDS)

    def is_counted() -> bool:
        found = ask(titan.sdk_port, "GET", f"/api/v1/runs/{run_id}")
        return bool(found.status == 200 and found.value["ended_at"] and found.value["tally"]["success"] == 1)

    wait_until(is_counted, "the run is counted")
    found: dict[str, Any] = ask(titan.sdk_port, "GET", f"/api/v1/runs/{run_id}").value
    return found


@pytest.mark.parametrize(
    ("body", "name", "reason", "kind"),
    [
        ("catch(GraphInterrupt('ok?'))", "tool", "waiting", "GraphInterrupt"),
        ("asyncio.run(cancel())", "slow", "cancelled", "CancelledError"),
        ("catch(KeyboardInterrupt())", "tool", "interrupted", "KeyboardInterrupt"),
        ("catch(GeneratorExit())", "tool", "cancelled", "GeneratorExit"),
        ("ended()", "ended", "interrupted", "ProgramEnded"),
    ],
)
def test_what_waits_was_left_or_interrupted_has_a_reason_and_counts_in_no_rate(
    titan: RunningTitan, tmp_path: Path, body: str, name: str, reason: str, kind: str
) -> None:
    run_id = f"PAUSED_{tmp_path.name}"

    run = run_of(titan, tmp_path, body, run_id, ends=name == "ended")

    tally = run["tally"]
    was_failed = int(name == "ended")  # a program that SIGTERM ends has a failed run, and its action no error
    assert (tally["success_rate"], tally["error"], tally["running"], run["troubles"]) == (1.0, 0, 0, was_failed)
    rows = ask(titan.sdk_port, "GET", f"/api/v1/runs/{run_id}/skeleton").value
    names = [rows["names"][place] for place in rows["name"]]
    paused = rows["id"][names.index(name)]
    action = ask(titan.sdk_port, "GET", f"/api/v1/runs/{run_id}/actions/{paused}").value["action"]
    assert (action["outcome"], action["reason"], action["error_type"].rpartition(".")[2]) == (None, reason, kind)
