"""A deleted run takes what agentsentinel-sdk told of replaying it along: it holds what the run recorded."""

from __future__ import annotations

from tests.support.raw_http import ask, ask_json
from tests.support.replayed import AT_NS, a_call, record, report_a_replay
from tests.support.running_titan import RunningTitan
from tests.support.submissions import a_name
from tests.support.waiting import wait_until


def test_deleting_a_run_deletes_all_reports_of_its_replays(titan: RunningTitan) -> None:
    port, run, canary = titan.sdk_port, a_name("patient"), a_name("canary")
    over = {"type": "run", "at_ns": AT_NS + 2000, "end": "completed"}
    record(port, run, a_call("a1", inputs={"patient": canary}), over)
    call = {"id": "e1", "action": "look", "outcome": "replayed", "run_id": run, "outputs": f"{canary} " * 20_000}
    body = {"run_id": run, "agent_id": "ann", "entries": [call]}
    assert ask_json(port, "POST", "/api/v1/ingest", body).status == 202

    goes_on = ask(port, "DELETE", f"/api/v1/runs/{run}")
    report_a_replay(port, run, canary=canary)
    report_a_replay(port, f"{run}:replay", canary=canary)
    deleted = ask(port, "DELETE", f"/api/v1/runs/{run}")

    assert (goes_on.refusal, deleted.status) == ((409, "Conflict"), 200)
    assert f"{run}:replay" in goes_on.message
    for gone in (run, f"{run}:replay", f"{run}:replay:replay"):
        assert ask(port, "GET", f"/api/v1/runs/{gone}").status == 404
    wait_until(lambda: not _holding(titan, canary), "no byte of it is left", seconds=30)


def test_a_run_that_only_has_the_name_of_a_replay_stays(port: int) -> None:
    run = a_name("named")
    over = {"type": "run", "at_ns": AT_NS + 2000, "end": "completed"}
    for name in (run, f"{run}:replay"):
        record(port, name, a_call("a1"), over)

    assert ask(port, "DELETE", f"/api/v1/runs/{run}").status == 200

    assert ask(port, "GET", f"/api/v1/runs/{run}:replay").value["tally"]["calls"] == 1


def _holding(titan: RunningTitan, text: str) -> list[str]:
    """Return the files of a server's home that hold a text."""
    files = [path for path in titan.home.rglob("*") if path.is_file()]
    return [str(path) for path in files if text.encode() in path.read_bytes()]
