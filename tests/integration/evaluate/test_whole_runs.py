"""The run of an agent that was tried is one like every other: Trace, Telemetry, replays, exports, integrity."""

from tests.support.agent_server import Asked, agent_server
from tests.support.evaluations import http_agent, tried
from tests.support.raw_http import ask, ask_json, given
from tests.support.waiting import wait_until


def cancels(asked: Asked) -> object:
    asked.call("get_order", order_id="O1")
    return asked.call("cancel_order", order_id="O1")["response"]["message"]


def test_an_evaluated_run_has_all_parts_of_any_run(port: int) -> None:
    with agent_server(cancels) as url:
        run = tried(port, "whole", http_agent(url))["run_id"]

    of_run = f"/api/v1/runs/{run}"
    skeleton = given(port, f"{of_run}/skeleton")
    assert (skeleton["run"]["status"], skeleton["names"]) == ("completed", ["get_order", "cancel_order"])
    rows = given(port, f"/api/v1/ledger?run_id={run}")["data"]
    assert {row["name"] for row in rows} == {"get_order", "cancel_order"}
    assert run in {row["run_id"] for row in given(port, "/api/v1/runs?window=all&origin=evaluation&q=whole")["data"]}
    assert given(port, f"{of_run}/chain")["verified"] is True
    assert len(given(port, f"/api/v1/replay/{run}/bundle")["entries"]) == 2
    assert run.encode() in ask(port, "GET", f"/api/v1/runs/export?format=jsonl&window=all&ids={run}").body


def test_it_can_be_replayed_and_compared(port: int) -> None:
    with agent_server(cancels) as url:
        first, second = (tried(port, "replayed", http_agent(url))["run_id"] for _ in range(2))

    def result(body: dict[str, str]) -> dict[str, object]:
        replay = ask_json(port, "POST", f"/api/v1/runs/{first}/replays", body).value["id"]
        shown: dict[str, object] = {}

        def is_over() -> bool:
            shown.update(given(port, f"/api/v1/runs/{first}/replays/{replay}"))
            return shown["state"] != "running"

        wait_until(is_over, "the replay's end")
        metrics: dict[str, object] = shown["metrics"]  # type: ignore[assignment]
        return metrics

    check = result({"level": "self_check"})
    assert (check["is_available"], check["replayable"]) == (True, 2)
    comparison = result({"level": "compare", "with_run": second})
    assert comparison["divergences"] == 0
