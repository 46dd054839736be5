"""A program of the server's own machine and home needs no token of its own, as `titan` does not."""

from __future__ import annotations

from pathlib import Path

from tests.support.programs import run_program
from tests.support.running_titan import RunningTitan
from tests.support.submissions import a_name
from tests.support.token_holder import Holder

PROGRAM = """
import sys, titan_sdk
with titan_sdk.run(run_id=sys.argv[1]), titan_sdk.action("call"):
    pass
print(titan_sdk.TitanClient().store_put(sys.argv[1], "home"), titan_sdk.flush(30))
"""


def test_a_program_beside_a_server_that_asks_for_a_token_shows_the_homes(
    titan: RunningTitan, admin: Holder, tmp_path: Path
) -> None:
    script, run = tmp_path / "program.py", a_name("run")
    script.write_text(PROGRAM)

    done = run_program(script, run, cwd=tmp_path, env={"TITAN_HOME": str(titan.home)})

    assert (done.returncode, done.stdout, done.stderr) == (0, "OK True\n", "")
    ledger = admin.ask_json("GET", f"/api/v1/ledger?run_id={run}").value
    assert [each["name"] for each in ledger["data"]] == ["call"]
