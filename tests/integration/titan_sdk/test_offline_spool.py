"""What programs recorded while no server answered comes in by itself when one is back on their home."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.programs import run_program
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.waiting import wait_until
from titan_sdk import TitanClient
from titan_sdk.errors import NotFound
from titan_sdk.recording.delivery import Spool

AGENT = "import titan_sdk\nwith titan_sdk.run('A', 'A_1'), titan_sdk.action('call'):\n    pass\n"
AT_NS = 1_700_000_000_000_000_000


def entry_of(run_id: str) -> str:
    """Return an entry of one run, as a program leaves it."""
    call = {"type": "action", "id": f"{run_id}-1", "run_id": run_id, "kind": "call", "name": "call"}
    return json.dumps({**call, "started_at_ns": AT_NS})


def is_known(titan: RunningTitan, run_id: str) -> bool:
    with TitanClient("127.0.0.1", titan.sdk_port, announce=lambda _line: None) as client:
        try:
            client.transport.request_json("GET", f"/api/v1/runs/{run_id}")
        except NotFound:
            return False
        return True


def left_for(titan: RunningTitan, server: str) -> Spool:
    return Spool(str(titan.home / "spool" / server))


def test_a_starting_server_takes_in_its_own_spool_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text(AGENT)
    with running_titan(tmp_path / "home", offers=()) as titan:
        titan.terminate()
        env = {**titan.environment, "TITAN_HOME": str(titan.home)}
        assert "recorded entries wait" in run_program(tmp_path / "agent.py", cwd=tmp_path, env=env).stderr
        own, by_name, foreign = (
            left_for(titan, name) for name in ("home", f"localhost_{titan.sdk_port}", "other_9090")
        )
        for spool, run_id in ((own, "B_1"), (by_name, "C_1"), (foreign, "D_1")):
            spool.add([entry_of(run_id)])

        titan.start_again()

        for run_id in ("A_1", "B_1", "C_1"):
            wait_until(lambda run_id=run_id: is_known(titan, run_id), run_id)  # type: ignore[misc]
        wait_until(lambda: not (own.paths() or by_name.paths()), "nothing of it waits")
        assert (len(foreign.paths()), is_known(titan, "D_1")) == (1, False)


def test_a_running_server_takes_in_new_spool_files_and_skips_invalid_entries(tmp_path: Path) -> None:
    with running_titan(tmp_path / "home", offers=()) as titan:
        spool = left_for(titan, "home")
        spool.add(["no JSON", "7", "[]", '{"type": "run", "at_ns": 1}', entry_of("A_1")])

        wait_until(lambda: is_known(titan, "A_1"), "the run")
        wait_until(lambda: not spool.paths(), "nothing waits")

    assert f"in {spool.folder}: 4 recorded entries are lost: " in titan.log
    assert "Traceback" not in titan.log
