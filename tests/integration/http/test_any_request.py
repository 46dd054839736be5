"""Whatever is sent to whichever route, the answer is an answer: never a mistake of the server's own."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from tests.support.raw_http import ask
from tests.support.running_titan import RunningTitan
from tests.support.submissions import DIGEST, WireWorker, a_dag_body, submit
from titan.rules.access import Permission
from titan.server.http.responses import is_for_telemetry
from titan.server.http.route import Route
from titan.server.http.table import ROUTES

REQUESTS_PER_SEED = 150
SEEDS = (1, 2, 3)
STREAMS = {"/api/events"}  # it has no end; test_events.py reads it

ODD_PARTS = [
    "a",
    "..",
    "%2e%2e%2f",
    "%00",
    "%ff",
    "DAG-",
    "%F0%9F%98%80",
    "'; drop table jobs; --",
    "a" * 3000,
    "%",
    "-1",
    "*",
]
ODD_TEXTS = ["", "a", "DAG-a", "\0", "\n", "😀", "..", "a/b", "x" * 5000, "-1", "null", DIGEST, "2026-01-01T00:00:00Z"]
ODD_NUMBERS = [0, -1, 1, 0.5, -0.0, 2**31, 2**63 - 1, 2**63, 2**64, 10**30, -(10**30), 10**5000, 1e300]
ODD_BODIES = [b"", b"{}", b"[]", b"null", b"\xff", b"{" * 5000, b"[" * 50_000, b'{"\\ud800": 1}', b"0" * 10_000]


def odd_value(choices: random.Random, depth: int = 0) -> Any:
    """Return a JSON value somebody might send by mistake."""
    kind = choices.randrange(6 if depth < 3 else 4)
    if kind == 0:
        return choices.choice(ODD_TEXTS)
    if kind == 1:
        return choices.choice(ODD_NUMBERS)
    if kind == 2:
        return choices.choice([None, True, False])
    if kind == 3:
        return []
    if kind == 4:
        return [odd_value(choices, depth + 1) for _ in range(choices.randrange(4))]
    return {choices.choice(ODD_TEXTS): odd_value(choices, depth + 1) for _ in range(choices.randrange(3))}


def spoilt(choices: random.Random, value: Any) -> Any:
    """Return `value` with something in it replaced by something odd."""
    if isinstance(value, dict) and value and choices.random() < 0.9:
        name = choices.choice(list(value))
        return {**value, name: spoilt(choices, value[name])}
    if isinstance(value, list) and value and choices.random() < 0.8:
        return [spoilt(choices, value[0]), *value[1:]]
    return odd_value(choices)


def a_body(choices: random.Random, route: Route, good: Mapping[str, Any]) -> bytes:
    """Return a body for `route`: mostly one that is nearly right."""
    if route.body is None or route.body is bytes or choices.random() < 0.2:
        return choices.choice(ODD_BODIES)
    return dumped(spoilt(choices, good.get(f"{route.method} {route.path}", {})))


def dumped(value: Any) -> bytes:
    """Return JSON, with numbers of any length."""
    return json.dumps(value).encode() if not has_long_number(value) else b'{"n": ' + b"1" * 5000 + b"}"


def has_long_number(value: Any) -> bool:
    """Tell whether Python refuses to write a number of `value` down."""
    if isinstance(value, dict):
        return any(map(has_long_number, value.values()))
    if isinstance(value, list):
        return any(map(has_long_number, value))
    return isinstance(value, int) and value.bit_length() > 10_000


def a_target(choices: random.Random, route: Route, known: list[str]) -> str:
    """Return a path and query for `route`; half of the path's parts are known names."""
    path = route.path
    while "{" in path:
        start, end = path.index("{"), path.index("}")
        part = choices.choice(known if choices.random() < 0.5 else ODD_PARTS)
        path = f"{path[:start]}{part}{path[end + 1 :]}"
    names = [field.name for field in msgspec.structs.fields(route.query)] + ["unknown"]
    chosen = [name for name in names if choices.random() < 0.3 and name not in ("wait_seconds", "follow")]
    query = "&".join(f"{name}={choices.choice([*ODD_PARTS, '5', '1e9', 'true', *known])}" for name in chosen)
    return f"{path}?{query}".replace(" ", "%20") if query else path.replace(" ", "%20")


@pytest.mark.parametrize("seed", SEEDS)
def test_no_request_finds_a_mistake_of_the_server(titan: RunningTitan, seed: int) -> None:
    choices = random.Random(seed)
    port = titan.sdk_port
    worker = WireWorker(port)
    job_id, lease_id = worker.a_running_job()
    dag_id = submit(port, a_dag_body(agent_run_id=f"run-{seed}"))
    known = [dag_id, job_id, lease_id, worker.worker_id, f"run-{seed}", DIGEST, "a"]
    good = good_bodies(worker, lease_id)
    routes = [route for route in ROUTES if route.path not in STREAMS]

    for number in range(REQUESTS_PER_SEED):
        route = choices.choice(routes)
        target, body = a_target(choices, route, known), a_body(choices, route, good)
        answer = ask(port, route.method, target, body)

        said = f"seed {seed}, request {number}: {route.method} {target} {body[:300]!r}"
        assert answer.status < 500 or answer.value["error"]["type"] == "ModelNotConfigured", said
        assert answer.status < 400 or set(answer.value) in refusals_of(route), said
    assert ask(port, "GET", "/api/health").status == 200


def refusals_of(route: Route) -> list[set[str]]:
    """Return of which fields a refusal by `route` may be."""
    if is_for_telemetry(route.path):
        return [{"error", "code", "message"}]
    if route.permission is Permission.ACT:
        return [{"error"}, {"error", "detail"}]  # what agents in a world read of it: specification 2.4
    return [{"error"}]


def good_bodies(worker: WireWorker, lease_id: str) -> dict[str, dict[str, Any]]:
    """Return, by route, a body that would be fine."""
    report = {
        "lease_id": lease_id,
        "outcome": "succeeded",
        "exit_code": 0,
        "signal": None,
        "started_at": "2026-01-01T00:00:00Z",
        "duration_ns": 1,
        "peak_memory_bytes": 1,
        "error": None,
        "log_offset": 0,
        "log_tail": "YWJj",
    }
    return {
        "POST /api/dags": a_dag_body(agent_run_id="fuzzed", agent_id="agent", on_failure="stop"),
        "POST /api/v1/runs/{run}/end": {"status": "failed", "error": "why"},
        "PUT /api/store": {"key": "fuzzed", "value": "v", "artifact": None},
        "POST /api/store/sets": {"key": "fuzzed", "member": "m"},
        "POST /api/store/wait": {"keys": ["fuzzed"], "dags": [], "jobs": [], "timeout_seconds": 0},
        "PUT /api/workers/{worker}": {
            "name": worker.worker_id,
            "host": "here",
            "pid": 1,
            "offers": {worker.label: 1},
            "version": "0",
        },
        "POST /api/workers/{worker}/claim": {"holding": [lease_id], "stopping": [lease_id], "wait_seconds": 0},
        "POST /api/workers/{worker}/heartbeat": {"holding": [lease_id]},
        "POST /api/workers/{worker}/complete": {"reports": [report]},
        "POST /v1/chat/completions": {"messages": [{"role": "user", "content": "?"}], "max_tokens": 5},
    }
