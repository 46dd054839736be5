"""What is told of a run beside its words comes out again: by HTTP, in exports, and of an import."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.captured import captured_requests
from tests.support.raw_http import ask, given
from tests.support.replayed import AT_NS, a_call, record, report_a_replay
from tests.support.running_titan import Two, running_titan
from tests.support.submissions import a_name

CLIENTS = ("0.4.0", "0.2.0", "0.4.0-langchain")


def attributes(values: dict[str, str]) -> list[dict[str, Any]]:
    return [{"key": name, "value": {"stringValue": value}} for name, value in values.items()]


def trace(port: int, run: str, *services: str) -> None:
    """Send a trace through some services, the first of which has the root; each in a request of its own."""
    for place, service in enumerate(services):
        at = AT_NS + place * 1000
        span = {
            "traceId": run.encode().hex()[-32:].rjust(32, "0"),
            "spanId": f"{place + 1:016x}",
            "parentSpanId": f"{place:016x}" if place else "",
            "name": "execute_tool look",
            "startTimeUnixNano": str(at),
            "endTimeUnixNano": str(at + 10**6),
            "attributes": attributes({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look"}),
        }
        who = {"titan.agent_run_id": run, "service.name": service, "deployment.environment": f"env-{service}"}
        body = {"resourceSpans": [{"resource": {"attributes": attributes(who)}, "scopeSpans": [{"spans": [span]}]}]}
        headers = {"content-type": "application/json"}
        assert ask(port, "POST", "/v1/traces", json.dumps(body).encode(), headers).status == 200


def run_at(port: int, run: str) -> dict[str, Any]:
    shown: dict[str, Any] = given(port, f"/api/v1/runs/{quote(run, safe='')}")
    return shown


def entries_of(port: int, run: str) -> int:
    count: int = given(port, f"/api/v1/runs/{quote(run, safe='')}/chain")["entries"]
    return count


def export(port: int, run: str) -> bytes:
    return ask(port, "GET", f"/api/v1/runs/export?format=jsonl&run_id={quote(run, safe='')}").body


def test_a_run_shows_the_resources_of_all_services_that_reported_it(two: Two) -> None:
    run = a_name("traced")
    trace(two.source, run, "shop", "bank", "shop")

    shown = run_at(two.source, run)

    assert shown["has_details"]
    environments = [told["resource"]["deployment.environment"] for told in shown["details"]]
    assert environments == ["env-shop", "env-bank"]
    [listed] = ask(two.source, "GET", f"/api/v1/runs?window=all&q={run}").value["data"]
    assert listed["has_details"]
    assert "details" not in listed


def test_a_run_without_further_reports_has_no_details(two: Two) -> None:
    run = a_name("bare")
    record(two.source, run, a_call("a1"))

    shown = run_at(two.source, run)

    assert (shown["has_details"], shown["details"]) == (False, [])


@pytest.mark.parametrize("services", [("shop",), ("shop", "bank")])
def test_details_go_out_and_come_in_again(two: Two, services: tuple[str, ...]) -> None:
    run = a_name("carried")
    trace(two.source, run, *services)
    content = export(two.source, run)

    came = ask(two.target, "POST", "/api/v1/import", content)

    assert came.status == 200, came.body
    assert run_at(two.target, run)["details"] == run_at(two.source, run)["details"] != []
    assert export(two.target, run) == content
    [document] = json.loads(ask(two.target, "GET", f"/api/v1/runs/export?format=json&run_id={run}").body)["runs"]
    told = document["details"]
    assert (told if isinstance(told, list) else [told]) == run_at(two.source, run)["details"]


def test_details_that_are_no_objects_are_refused_by_their_line(two: Two) -> None:
    run = a_name("odd")
    trace(two.source, run, "shop")
    [line, *_] = export(two.source, run).replace(run.encode(), b"never-kept").splitlines()
    odd = json.dumps({**json.loads(line), "details": [{"a": 1}, 2]}).encode()

    answer = ask(two.target, "POST", "/api/v1/import", odd)

    assert answer.refusal == (400, "InvalidInput")
    assert "line 1 of the import" in answer.message
    assert ask(two.target, "GET", "/api/v1/runs/never-kept").status == 404


def test_the_result_of_a_replay_is_shown_with_its_run(two: Two) -> None:
    run = a_name("replayed")
    record(two.source, run, a_call("a1"), {"type": "run", "at_ns": AT_NS + 2000, "end": "completed"})
    report_a_replay(two.source, run, canary="Ms Example")

    [told] = run_at(two.source, f"{run}:replay")["details"]

    assert told["replay_of"] == run
    assert told["replay"]["status"] == "partial"
    assert told["replay"]["divergences"][0]["expected_inputs"] == {"patient": "Ms Example"}


def test_importing_this_servers_own_export_adds_nothing_to_its_recordings(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with running_titan(tmp_path_factory.mktemp("own") / "home", offers=()) as titan:
        port = titan.sdk_port
        for client in CLIENTS:
            for request in captured_requests(f"unit/ingest/captured_sentinel/agentsentinel-sdk-{client}.jsonl"):
                headers = {**request.headers, "content-type": "application/json"}
                ask(port, request.method, request.path, request.body, headers)
        trace(port, "traced", "shop", "bank")
        messages = {"messages": [{"role": "user", "content": "hi"}]}
        record(port, "goes-on", a_call("a1", ended_at_ns=None), {"type": "run", "at_ns": AT_NS, "done": 1, "total": 9})
        record(port, "large", a_call("a1", inputs=messages, outputs="x" * 100_000, cost_usd=0.5, outcome="error"))
        runs = [run["run_id"] for run in ask(port, "GET", "/api/v1/runs?window=all&limit=200").value["data"]]
        before = {run: (entries_of(port, run), run_at(port, run)) for run in runs}
        content = ask(port, "GET", "/api/v1/runs/export?format=jsonl&window=all").body

        came = ask(port, "POST", "/api/v1/import", content)

        assert {run: (entries_of(port, run), run_at(port, run)) for run in runs} == before
        assert (came.value["stored"], came.value["runs"]) == (0, len(runs))


def test_an_import_ends_an_action_that_was_running_here(two: Two) -> None:
    run = a_name("ends")
    record(two.source, run, a_call("a1", ended_at_ns=None), a_call("a2"))
    begun = export(two.source, run)
    assert ask(two.target, "POST", "/api/v1/import", begun).status == 200
    record(two.source, run, a_call("a1", outcome="error", outputs="late"))

    content = export(two.source, run)

    came, again = (ask(two.target, "POST", "/api/v1/import", content) for _ in range(2))

    assert [came.value["stored"], again.value["stored"]] == [1, 0]  # the action's end
    assert export(two.target, run) == content
