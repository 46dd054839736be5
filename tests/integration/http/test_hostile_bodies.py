"""Deep, wide, long and odd JSON at every route and in every record: refused or stored, and every view still answers."""

from __future__ import annotations

import json

import msgspec
import pytest

from tests.support.raw_http import ask
from tests.support.running_titan import RunningTitan
from tests.support.submissions import a_name
from titan.server.http.route import Route
from titan.server.http.table import ROUTES

AT_NS = 1_735_396_200_000_000_000


def deep(levels: int, start: str = "[", end: str = "]", inside: str = "1") -> bytes:
    return (start * levels + inside + end * levels).encode()


VALUES: dict[str, bytes] = {
    **{f"{levels} lists": deep(levels) for levels in (90, 101, 300, 450, 900, 5_000, 50_000)},
    **{f"{levels} objects": deep(levels, '{"a":', "}") for levels in (90, 101, 300, 450, 900, 5_000)},
    "typed": deep(450, '{"$tuple":[', "]}"),
    "wide": b"[" + b"1," * 20_000 + b"1]",
    "names": json.dumps({f"n{at}": at for at in range(2_000)}).encode(),
    "long integer": b"1" * 100_000,
    "integer": b"1" + b"0" * 30,
    "64 bits": b"18446744073709551615",
    "number": b"1e308",
    "too large number": b"1e400",
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "surrogate": b'"\\ud800"',
    "NUL": b'"\\u0000"',
    "NUL name": b'{"\\u0000": "\\u0000"}',
    "one and true": b'{"1": true, "true": 1, "x": [1, true, 1.0, "1"]}',
    "tag": b'{"$datetime": "no time", "$opaque": 5}',
    "no text": b'"\xff"',
    "cost": b"-1",
    "empty": b"",
}
STREAMS = ("/api/events", "/api/v1/runs/{run}/events")


def path_of(route: Route, run: str = "nowhere") -> str:
    path = route.path.replace("{run}", run).replace("{project}", "default").replace("{action}", "a1")
    while "{" in path:
        start, end = path.index("{"), path.index("}")
        path = f"{path[:start]}hostile{path[end + 1 :]}"
    return path


def bodies_for(route: Route, value: bytes) -> list[bytes]:
    """Return the value as a body, and in each field that the route's body has."""
    names = msgspec.structs.fields(route.body) if isinstance(route.body, type(msgspec.Struct)) else ()
    return [value, *(f'{{"{one.encode_name}": '.encode() + value + b"}" for one in names)]


@pytest.mark.parametrize("name", VALUES)
def test_no_body_finds_a_mistake_of_the_server_at_any_route(titan: RunningTitan, name: str) -> None:
    for route in ROUTES:
        if route.body is None:
            continue
        for body in bodies_for(route, VALUES[name]):
            headers = {"Content-Type": "application/json"} if "/v1/" in route.path else {}
            answer = ask(titan.sdk_port, route.method, path_of(route), body, headers)

            said = f"{route.method} {route.path} {body[:200]!r}: {answer.body[:500]!r}"
            assert answer.status < 500 or answer.value["error"]["type"] == "ModelNotConfigured", said
    assert ask(titan.sdk_port, "GET", "/api/health").status == 200


def records_of(value: bytes, run: str, agent: str) -> dict[str, tuple[str, bytes]]:
    """Return requests that record a value in every place where a client may put one."""
    ids = f'"traceId": "{run.encode().hex()[:32]:0<32}", "spanId": "b7ad6b7169203331"'
    times = f'"startTimeUnixNano": "{AT_NS}", "endTimeUnixNano": "{AT_NS + 1}"'
    resource = f'"resource": {{"attributes": [{{"key": "titan.agent_run_id", "value": {{"stringValue": "{run}"}}}}]}}'
    text = json.dumps(value.decode("utf-8", "replace"))
    call = (
        f'"type": "action", "name": "step", "kind": "call", "outcome": "success", "started_at_ns": {AT_NS}, '
        f'"ended_at_ns": {AT_NS}'
    )

    def actions(entry: str) -> tuple[str, bytes]:
        before, after = entry.split("VALUE")
        body = f'{{"run_id": "{run}", "agent_id": "{agent}", "entries": [{before}'.encode() + value
        return "/api/v1/actions", body + f"{after}]}}".encode()

    def span(attribute: str) -> tuple[str, bytes]:
        start = f'{{"resourceSpans": [{{{resource}, "scopeSpans": [{{"spans": [{{{ids}, {times}, "name": "chat", '
        return "/v1/traces", f'{start}"attributes": [{attribute}]}}]}}]}}]}}'.encode()

    return {
        "inputs": actions(f'{{{call}, "id": "a1", "inputs": VALUE}}'),
        "outputs": actions(f'{{{call}, "id": "a1", "outputs": VALUE}}'),
        "details": actions(f'{{{call}, "id": "a1", "details": {{"attributes": VALUE}}}}'),
        "details of a run": actions(f'{{"type": "run", "at_ns": {AT_NS}, "details": {{"x": VALUE}}}}'),
        "program": actions(f'{{"type": "run", "at_ns": {AT_NS}, "program": VALUE}}'),
        "process": actions(f'{{"type": "run", "at_ns": {AT_NS}, "process": {{"x": VALUE}}}}'),
        "cost": actions(f'{{{call}, "id": "a1", "cost_usd": VALUE}}'),
        "tokens": actions(f'{{{call}, "id": "a1", "use": {{"input_tokens": VALUE}}}}'),
        "messages": actions(f'{{{call}, "id": "a1", "inputs": {{"messages": [{{"role": "u", "content": VALUE}}]}}}}'),
        "span": span(f'{{"key": "gen_ai.input.messages", "value": {{"stringValue": {text}}}}}'),
        "span's cost": span(f'{{"key": "gen_ai.usage.cost", "value": {{"stringValue": {text}}}}}'),
        "span's input": span(f'{{"key": "input.value", "value": {{"stringValue": {text}}}}}'),
        "sentinel": (
            "/api/v1/ingest",
            f'{{"run_id": "{run}", "entries": [{{"id": "a1", "action": "s", "outcome": "success", "inputs": '.encode()
            + value
            + b', "outputs": '
            + value
            + b"}]}",
        ),
        "import": (
            "/api/v1/import?partial=true",
            f'{{"type": "action", "run_id": "{run}", "id": "a1", "name": "step", "kind": "call", "outcome": "success",'
            f' "started_at": "2026-01-01T00:00:00Z", "inputs": '.encode()
            + value
            + b"}\n",
        ),
    }


@pytest.mark.parametrize("name", VALUES)
def test_every_view_answers_for_any_recorded_value(titan: RunningTitan, name: str) -> None:
    port, agent = titan.sdk_port, a_name("agent")
    for place in records_of(b"1", "run", agent):
        run = a_name("run")
        target, body = records_of(VALUES[name], run, agent)[place]
        told = ask(port, "POST", target, body, {"Content-Type": "application/json"})
        assert told.status < 500, f"{place}: {told.body[:500]!r}"
        ask(port, "POST", f"/api/v1/runs/{run}/end", b'{"status": "completed"}')

        for route in ROUTES:
            if route.method == "GET" and "/runs/{run}" in route.path and route.path not in STREAMS:
                shown = ask(port, "GET", path_of(route, run))
                assert shown.status < 500, f"{place} {route.path}: {shown.body[:500]!r}"
        for view in (
            f"runs?window=all&agent_id={agent}&sort=cost",
            f"runs/export?format=jsonl&run_id={run}",
            f"runs/export?format=csv&run_id={run}",
            f"ledger?run_id={run}&q=step",
            f"ledger/stats?run_id={run}",
            f"agents?q={agent}",
            f"agents/{agent}/stats",
            f"replay/{run}/bundle",
        ):
            shown = ask(port, "GET", f"/api/v1/{view}")
            assert shown.status < 500, f"{place} {view}: {shown.body[:500]!r}"
    assert ask(port, "GET", "/api/health").status == 200


def test_a_harmless_value_is_recorded_in_every_place(titan: RunningTitan) -> None:
    found = {
        place: ask(titan.sdk_port, "POST", target, body, {"Content-Type": "application/json"}).status
        for place, (target, body) in records_of(b'{"x": 1}', a_name("run"), "agent").items()
    }

    assert {place for place, status in found.items() if status >= 300} == {"cost", "tokens"}


@pytest.mark.parametrize("name", VALUES)
def test_every_view_answers_for_any_value_in_a_definition(titan: RunningTitan, name: str) -> None:
    port, value, workflow = titan.sdk_port, VALUES[name], a_name("workflow")
    path = f"/api/projects/default/workflows/{workflow}"
    tool = b'{"name": "note", "input_schema": {}}'
    initial = b'{"entities": {"e": {"1": {"x": ' + value + b"}}}}"

    def world(tools: bytes, state: bytes = b"{}") -> bytes:
        return (
            b'{"definition": {"world": {"name": "w", "tools": ['
            + tools
            + b'], "initial_state": '
            + state
            + b'}, "fields": []}}'
        )

    def task(seed: bytes, scorers: bytes = b"[]") -> bytes:
        return b'{"tasks": [{"id": "t", "odyssey_seed": ' + seed + b', "scorers": ' + scorers + b'}], "reseed": true}'

    assert ask(port, "PUT", path, world(tool)).status == 200
    for method, target, body in (
        ("PUT", path, world(tool, initial)),
        ("PUT", path, world(b'{"name": "note", "input_schema": ' + value + b"}")),
        ("PUT", path, world(b'{"name": "note", "input_schema": {"properties": {"a": ' + value + b"}}}")),
        ("PUT", path, world(b'{"name": "note", "input_schema": {}, "output_schema": {"enum": ' + value + b"}}")),
        ("PUT", path, world(b'{"name": "note", "input_schema": {}, "response": ' + value + b"}")),
        ("POST", f"{path}/tasks", task(b'{"initial_state": ' + initial + b"}")),
        ("POST", f"{path}/tasks", task(b'{"user_instruction": ' + value + b"}")),
        ("POST", f"{path}/tasks", task(b"{}", b'[{"type": "expected_state", "state": ' + initial + b"}]")),
        ("POST", f"{path}/tasks/t/re-seed", b'{"odyssey_seed": {"initial_state": ' + initial + b"}}"),
        *(("POST", f"{path}/import-tasks?format={kind}", value) for kind in ("csv", "json", "jsonl", "yaml")),
    ):
        answer = ask(port, method, target, body)
        assert answer.status < 500, f"{method} {target} {body[:200]!r}: {answer.body[:500]!r}"
        for view in (path, path.rpartition("/")[0], f"{path}/tasks", f"{path}/tasks/t", f"{path}/agent-runs"):
            assert ask(port, "GET", view).status < 500, f"{view} after {body[:200]!r}"
