"""Agents in worlds: what a declared tool call costs in small and large worlds, a thousand tasks, repeatability."""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from benchmarks.rows import Better, Row, Target, at_least, at_most, percentile, ratio_between
from benchmarks.titan_server import BenchmarkFailed, RunningTitan, running_titan
from titan.evaluate.suites import Suite, read_suite
from titan_sdk.http.transport import Transport

SIZES: Final = (100, 1_000, 10_000)  # entities of a world
RUNS_AT_ONCE: Final = 4
RUNS: Final = 40  # of one world, for what a run costs
CALLS: Final = 900  # of a run, which may make 1,000
SHOP: Final = Path(__file__).parents[1] / "examples" / "worlds" / "shop"
SHAKY: Final = "everything-shaky"  # a task with failures by probability, latency and retries
CALLS_OF_A_TASK: Final = 4
LONGEST_RUN_SECONDS: Final = 3600

_ORDER: Final = {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]}
_TOOLS: Final = [
    {
        "name": "get_order",
        "input_schema": _ORDER,
        "ledger_read": {"op": "get", "entity_type": "order", "id_from": "order_id"},
    },
    {
        "name": "touch_order",
        "input_schema": _ORDER,
        "bindings": [{"arg": "order_id", "entity_type": "order"}],
        "preconditions": [
            {"where": [{"field": "$order.status", "value": "placed"}], "error": {"message": "It is {order.status}."}}
        ],
        "effects": [{"op": "update", "entity_type": "order", "id_from": "order_id", "increment": {"touched": 1}}],
    },
]
_AGENT: Final = f"""
import http.client, json
from urllib.parse import urlsplit

def run(task, *, proxy_url, run_token):
    address = urlsplit(proxy_url)
    connection = http.client.HTTPConnection(address.hostname, address.port)
    headers = {{"Authorization": f"Bearer {{run_token}}"}}
    for number in range({CALLS_OF_A_TASK}):
        body = json.dumps({{"order_id": f"O{{number}}"}})
        tool = ("get_order", "touch_order")[number % 2]
        connection.request("POST", f"{{address.path}}/tools/{{tool}}", body, headers)
        json.load(connection.getresponse())
    return "done"
"""


def measure_worlds(folder: Path, *, rounds: int, tasks: int, repeats: int) -> Iterator[Row]:
    """Yield the rows about worlds, each from a server of its own home."""
    with running_titan(folder / "worlds") as titan, _held_agent() as held:
        evaluation = _Evaluation(titan)
        evaluation.put_agent("held", {"kind": "http", "url": held.url, "allow_loopback": True})
        by_size: dict[int, list[float]] = {size: [] for size in SIZES}
        rates: list[float] = []
        for size in SIZES:
            evaluation.put_world(f"size-{size}", size, "held")
        for _ in range(rounds):
            for size, median in _medians_ms(evaluation, held).items():
                by_size[size].append(median)
            rates.append(_rate(evaluation, held, f"size-{SIZES[-1]}", SIZES[-1]))
        yield from _call_rows(by_size, rates)
        costs = {size: [_run_ms(evaluation, held, titan.pid, size) for _ in range(rounds)] for size in SIZES}
        for size in SIZES[1:]:
            yield Row(
                what=f"processor time of the server for a run with one call, among {size:,} entities",
                unit="ms",
                better=Better.LOWER,
                titan=costs[size],
                rival_name=f"among {SIZES[0]:,}",
                rival=costs[SIZES[0]],
                target=ratio_between(0.0, 1.5, "≤ 1.5 times"),
            )
        evaluation.put_agent("scripted", {"kind": "python", "source": _AGENT})
        evaluation.put_world("thousand", SIZES[0], "scripted", tasks=tasks, cap=8)
        yield Row(
            what=f"{tasks:,} tasks of a scripted agent, {CALLS_OF_A_TASK} calls each, until all are graded",
            unit="s",
            better=Better.LOWER,
            titan=[evaluation.seconds("thousand", tasks)],
            target=at_most(60 * tasks / 1_000, f"≤ {60 * tasks / 1_000:.0f} s"),
        )
        yield Row(
            what=f"{repeats} tries of a task with injected failures: trajectories that are byte for byte the first",
            unit="tries",
            better=Better.HIGHER,
            titan=[float(_alike(evaluation, read_suite(SHOP), repeats))],
            target=at_least(repeats, f"{repeats} of {repeats}"),
        )


def _call_rows(by_size: Mapping[int, list[float]], rates: list[float]) -> Iterator[Row]:
    smallest = SIZES[0]
    for size in SIZES:
        target: Target = at_most(3.0, "≤ 3 ms")
        yield Row(
            what=f"a declared tool call that writes, over HTTP, in a world of {size:,} entities, p50",
            unit="ms",
            better=Better.LOWER,
            titan=by_size[size],
            target=target,
        )
    for size in SIZES[1:]:
        yield Row(
            what=f"the same among {size:,} entities",
            unit="ms",
            better=Better.LOWER,
            titan=by_size[size],
            rival_name=f"among {smallest:,}",
            rival=by_size[smallest],
            target=ratio_between(0.8, 1.2, "± 20 %"),
        )
    yield Row(
        what=f"declared tool calls of {RUNS_AT_ONCE} runs at once, among {SIZES[-1]:,} entities",
        unit="calls/s",
        better=Better.HIGHER,
        titan=rates,
        target=at_least(500, "≥ 500 calls/s"),
    )


# --- evaluations ---


class _Evaluation:
    """The default project of a server."""

    def __init__(self, titan: RunningTitan) -> None:
        self._transport = Transport("127.0.0.1", titan.port)

    def put_agent(self, name: str, definition: Mapping[str, Any]) -> None:
        """Register an agent."""
        self._ask("PUT", f"agents/{name}", {"definition": definition})

    def put_world(self, name: str, size: int, agent: str, *, tasks: int = 1, cap: int = 5) -> None:
        """Make a workflow of a world with so many orders."""
        orders = {f"O{number}": {"order_id": f"O{number}", "status": "placed", "touched": 0} for number in range(size)}
        world = {
            "name": name,
            "ledger": {"entities": {"order": {"id_field": "order_id", "closed": False}}},
            "initial_state": {"entities": {"order": orders}},
            "tools": _TOOLS,
        }
        fields = [{"name": "agent", "agent": agent, "concurrency_cap": cap}]
        self._ask("PUT", f"workflows/{name}", {"definition": {"world": world, "fields": fields}})
        scorer = {"type": "tool_called", "tool": "touch_order"}
        rows = [
            {"id": f"t{number}", "odyssey_seed": {"user_instruction": "Touch it."}, "scorers": [scorer]}
            for number in range(tasks)
        ]
        self._ask("POST", f"workflows/{name}/tasks", {"tasks": rows})

    def put_suite(self, suite: Suite) -> None:
        """Register a suite."""
        for name, agent in suite.agents.items():
            self.put_agent(name, msgspec.to_builtins(agent))
        self._ask("PUT", f"workflows/{suite.workflow}", {"definition": msgspec.to_builtins(suite.definition)})
        rows = [msgspec.to_builtins(task) for task in suite.tasks]
        self._ask("POST", f"workflows/{suite.workflow}/tasks", {"tasks": rows})

    def dispatch(self, name: str, **body: Any) -> list[str]:
        """Have the tasks of a workflow tried."""
        run_ids: list[str] = self._ask("POST", f"workflows/{name}/agent-runs", body)["run_ids"]
        return run_ids

    def runs(self, name: str) -> list[dict[str, Any]]:
        """Return the newest runs of a workflow."""
        runs: list[dict[str, Any]] = self._ask("GET", f"workflows/{name}/agent-runs?limit=10000")["agent_runs"]
        return runs

    def calls(self, name: str, run: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the tool calls of a run."""
        path = f"workflows/{name}/tasks/{run['task_id']}/agent-runs/{run['run_id']}/tool-calls"
        calls: list[dict[str, Any]] = self._ask("GET", path)["tool_calls"]
        return calls

    def ended(self, name: str) -> list[dict[str, Any]]:
        """Return the runs of a workflow when all have ended.

        Raises:
            BenchmarkFailed: one did not pass; a figure would mean nothing.
        """
        while True:
            runs = self.runs(name)
            if all(run["ended_at"] is not None for run in runs):
                break
            time.sleep(0.5)
        bad = next((run for run in runs if run["verdict"] != "PASS"), None)
        if bad is not None:
            raise BenchmarkFailed(f"run {bad['run_id']}: expected PASS; found {bad['verdict']} {bad['error']}")
        return runs

    def seconds(self, name: str, tasks: int) -> float:
        """Return how long the tasks of a workflow take, from dispatch to the last verdict."""
        began = time.perf_counter()
        assert len(self.dispatch(name)) == tasks
        self.ended(name)
        return time.perf_counter() - began

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        return self._transport.request_json(method, f"/api/projects/default/{path}", body=body)


def _alike(evaluation: _Evaluation, suite: Suite, repeats: int) -> int:
    """Return of how many tries the trajectory is that of the first, times, latencies and random ids apart."""
    evaluation.put_suite(suite)
    evaluation.dispatch(suite.workflow, tasks=[SHAKY], fields=["reference"], repeat=repeats)
    told = [_trajectory(evaluation.calls(suite.workflow, run)) for run in evaluation.ended(suite.workflow)]
    return told.count(told[0])


def _trajectory(calls: list[dict[str, Any]]) -> bytes:
    varying = ("started_at", "latency_ms")
    return json.dumps([{name: call[name] for name in call if name not in varying} for call in calls]).encode()


# --- an agent whose run stays open, and calls in it ---


@dataclass(frozen=True, slots=True)
class _Run:
    """A run that is under way: where its tools are called, and with which token."""

    proxy: str
    token: str
    end: threading.Event


@dataclass(frozen=True, slots=True)
class _Held:
    url: str
    runs: Queue[_Run]


@contextmanager
def _held_agent() -> Iterator[_Held]:
    """Give an agent that hands each run to the measurement, and answers when that is done with it."""
    runs: Queue[_Run] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            run = _Run(asked["proxy_url"], self.headers["X-Titan-Run-Token"], threading.Event())
            runs.put(run)
            run.end.wait(LONGEST_RUN_SECONDS)
            body = b'{"final_response": "done"}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield _Held(f"http://127.0.0.1:{server.server_port}/", runs)
    finally:
        server.shutdown()
        server.server_close()


def _medians_ms(evaluation: _Evaluation, held: _Held) -> dict[int, float]:
    """Return the median time of a call by the size of its world: one after the other, in turns."""
    callers: dict[int, _Caller] = {}
    for size in SIZES:
        evaluation.dispatch(f"size-{size}")
        callers[size] = _Caller(held.runs.get(timeout=60), size)
    took: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(CALLS // 3):
        for size, caller in callers.items():
            took[size].append(caller.call())
    for size, caller in callers.items():
        caller.end()
        evaluation.ended(f"size-{size}")
    return {size: percentile(samples, 50) for size, samples in took.items()}


def _rate(evaluation: _Evaluation, held: _Held, name: str, size: int) -> float:
    evaluation.dispatch(name, repeat=RUNS_AT_ONCE)
    callers = [_Caller(held.runs.get(timeout=60), size) for _ in range(RUNS_AT_ONCE)]
    began = time.perf_counter()
    with ThreadPoolExecutor(RUNS_AT_ONCE) as threads:
        list(threads.map(lambda caller: [caller.call() for _ in range(CALLS)], callers))
    seconds = time.perf_counter() - began
    for caller in callers:
        caller.end()
    evaluation.ended(name)
    return RUNS_AT_ONCE * CALLS / seconds


def _run_ms(evaluation: _Evaluation, held: _Held, pid: int, size: int) -> float:
    """Return the processor time of the server for a run of one call, from dispatch to verdict: the mean of many."""
    name, before = f"size-{size}", _processor_seconds(pid)
    evaluation.dispatch(name, repeat=RUNS)
    for _ in range(RUNS):
        caller = _Caller(held.runs.get(timeout=60), size)
        caller.call()
        caller.end()
    evaluation.ended(name)
    return (_processor_seconds(pid) - before) / RUNS * 1_000


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class _Caller:
    """Calls a tool that writes, in a run that is under way, on another entity each time."""

    def __init__(self, run: _Run, size: int) -> None:
        address = urlsplit(run.proxy)
        self._run = run
        self._size = size
        self._connection = http.client.HTTPConnection(address.hostname or "", address.port)
        self._path = f"{address.path}/tools/touch_order"
        self._headers = {"Authorization": f"Bearer {run.token}", "Content-Type": "application/json"}
        self._calls = 0

    def call(self) -> float:
        """Return how long a call took, in ms.

        Raises:
            BenchmarkFailed: it was not answered by the world.
        """
        body = json.dumps({"order_id": f"O{self._calls * 7 % self._size}"})
        self._calls += 1
        began = time.perf_counter()
        self._connection.request("POST", self._path, body, self._headers)
        answer = json.load(self._connection.getresponse())
        took = (time.perf_counter() - began) * 1_000
        if answer["source"] != "odyssey" or "error" in answer["response"]:
            raise BenchmarkFailed(f"a tool call: expected an answer of the world; found {answer}")
        return took

    def end(self) -> None:
        """Let the run's agent answer."""
        self._connection.close()
        self._run.end.set()
