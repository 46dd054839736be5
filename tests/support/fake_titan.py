"""A Titan server in miniature, for tests of its clients: routes in memory, and failures on demand."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.ports import a_held_port, port_of

FINAL = {"COMPLETED", "FAILED", "CANCELLED"}


class Failure(StrEnum):
    """What goes wrong with one request."""

    DROPPED = "the connection breaks before anything is done"
    ANSWER_LOST = "it is done, and the connection breaks before the answer"
    UNAVAILABLE = "the server answers 503"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    #: The client's port: the same for requests of one connection.
    client_port: int

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


@dataclass(slots=True, kw_only=True)
class Answer:
    """What goes back."""

    status: int = 200
    json: Any = None
    content: bytes | None = None

    @property
    def body(self) -> bytes:
        """The bytes of the body."""
        return self.content if self.content is not None else json.dumps(self.json).encode()


@dataclass(slots=True, kw_only=True)
class _Facts:
    """What the fake keeps over a restart."""

    values: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    sets: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    dags: list[dict[str, Any]] = field(default_factory=list)
    logs: dict[str, bytes] = field(default_factory=dict)
    ended_runs: dict[str, dict[str, str]] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    #: What was recorded, each entry once, as the clients sent it.
    entries: list[dict[str, Any]] = field(default_factory=list)


class FakeTitan:
    """A running fake. Its jobs do nothing until `finish` says how they ended."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.failures: deque[Failure] = deque()
        #: What the model says next; an int is answered as that status with ModelUnavailable.
        self.model_answers: deque[str | int] = deque()
        self.facts = _Facts()
        self.changed = threading.Condition()
        #: Posts of recorded entries are answered once this is set.
        self.takes_entries = threading.Event()
        self.takes_entries.set()
        #: Called with a job's name when its log was asked for, before the answer goes out.
        self.after_log: Callable[[str], None] = lambda _name: None
        self._held = a_held_port()
        self.port: int = port_of(self._held)
        self._http = self._listen()

    def stop(self) -> None:
        """Close the port and all connections. The facts stay."""
        self._http.shutdown()
        self._http.server_close()
        for connection in list(self._http.connections):
            connection.close()

    def start_again(self) -> None:
        """Listen on the same port again."""
        self._http = self._listen()

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        self._held.close()

    def finish(self, job_name: str, status: str, *, log: bytes = b"") -> None:
        """End a job, and its DAG when it was the last."""
        with self.changed:
            for dag in self.facts.dags:
                for job in dag["jobs"]:
                    if job["name"] == job_name:
                        job["status"] = status
                        self.facts.logs[job["job_id"]] = log
                statuses = {job["status"] for job in dag["jobs"]}
                dag["is_final"] = statuses <= FINAL
                if dag["is_final"]:
                    good = "COMPLETED" if statuses == {"COMPLETED"} else "PARTIAL"
                    dag["status"] = good if "COMPLETED" in statuses else "FAILED"
            self.changed.notify_all()

    def set_value(self, key: str, value: str) -> None:
        """Set a key as another client would."""
        with self.changed:
            self.facts.values[key] = (value, None)
            self.changed.notify_all()

    def _listen(self) -> _Http:
        http = _Http(self.port, self)
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        return http


@contextmanager
def fake_titan() -> Iterator[FakeTitan]:
    """Run a fake for a `with` block."""
    fake = FakeTitan()
    try:
        yield fake
    finally:
        fake.close()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int, fake: FakeTitan) -> None:
        self.fake = fake
        self.connections: set[_Handler] = set()
        super().__init__(("127.0.0.1", port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave as one piece
    server: _Http

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self)

    def finish(self) -> None:
        self.server.connections.discard(self)
        super().finish()

    def close(self) -> None:
        """Break the connection from another thread."""
        with suppress(OSError):  # it has just gone by itself
            self.connection.shutdown(SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, ValueError):
            return  # the client has gone, or the fake was stopped

    def do_GET(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        fake = self.server.fake
        request = self._read()
        fake.received.append(request)
        failure = fake.failures.popleft() if fake.failures else None
        if failure is Failure.DROPPED:
            self.close_connection = True
            return
        if failure is Failure.UNAVAILABLE:
            self._write(_error(503, "StoreUnavailable", "the store is being opened"))
            return
        answer = _perform_once(fake, request)
        if failure is Failure.ANSWER_LOST:
            self.close_connection = True
            return
        self._write(answer)

    def _read(self) -> Received:
        parts = urlsplit(self.path)
        return Received(
            method=self.command,
            path=parts.path,
            query={name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()},
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("content-length", 0))),
            client_port=self.client_address[1],
        )

    def _write(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()


def _perform_once(fake: FakeTitan, request: Received) -> Answer:
    """A repeated idempotency key gets the first answer."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return _perform(fake, request)
    if key not in fake.facts.answers:
        fake.facts.answers[key] = _perform(fake, request)
    return fake.facts.answers[key]


def _perform(fake: FakeTitan, request: Received) -> Answer:
    match (request.method, *request.path.strip("/").split("/")):
        case ("GET", "api", "health"):
            return Answer(json={"status": "ok"})
        case (_, "api", "store", *rest):
            return {"": _store, "sets": _sets, "wait": _wait_for_keys}["".join(rest)](fake, request)
        case (_, "api", "files" | "blobs", name):
            return _files(fake, request, unquote(name))
        case ("POST", "api", "dags"):
            return _submit(fake, request.json)
        case ("GET" | "POST", "api", "dags" | "jobs" as kind, name, *rest):
            return _ask(fake, request, kind, unquote(name), rest)
        case ("POST", "api", "v1", "runs", run, "end"):
            fake.facts.ended_runs[unquote(run)] = request.json
            return Answer(json={"run_id": unquote(run), "status": request.json["status"]})
        case ("POST", "api", "v1", "actions"):
            return _record(fake, request.json["entries"])
        case ("POST", "v1", "chat", "completions"):
            return _complete(fake)
        case _:
            return _error(404, "NotFound", f"no route {request.path}")


def _store(fake: FakeTitan, request: Received) -> Answer:
    if request.method == "PUT":
        with fake.changed:
            fake.facts.values[request.json["key"]] = (request.json["value"], request.json.get("artifact"))
            fake.changed.notify_all()
        return Answer(json={"status": "OK"})
    key = request.query["key"]
    value, artifact = fake.facts.values.get(key, (None, None))
    return Answer(json={"key": key, "value": value, "artifact": artifact, "expires_at": None})


def _sets(fake: FakeTitan, request: Received) -> Answer:
    if request.method == "GET":
        return Answer(json={"members": fake.facts.sets.get(request.query["key"], [])})
    members = fake.facts.sets.setdefault(request.json["key"], [])
    is_new = request.json["member"] not in members
    if is_new:
        members.append(request.json["member"])
    return Answer(json={"added": int(is_new)})


def _files(fake: FakeTitan, request: Received, name: str) -> Answer:
    if request.method == "PUT":
        digest = hashlib.sha256(request.body).hexdigest()
        fake.facts.blobs[digest] = request.body
        fake.facts.files[name] = digest
        return Answer(status=201, json={"name": name, "digest": digest, "size_bytes": len(request.body)})
    content = fake.facts.blobs.get(fake.facts.files.get(name, name))
    return _unknown("UnknownArtifact", name) if content is None else Answer(content=content)


def _wait_for_keys(fake: FakeTitan, request: Received) -> Answer:
    asked = request.json

    def present() -> list[str]:
        return [key for key in asked["keys"] if key in fake.facts.values]

    def ended() -> bool:
        named = [*asked["dags"], *asked["jobs"]]
        return bool(named) and all(_is_final(fake, name) for name in named)

    with fake.changed:
        fake.changed.wait_for(lambda: present() or ended(), timeout=asked["timeout_seconds"])
        return Answer(json={"present": present(), "ended": ended()})


def _is_final(fake: FakeTitan, dag_or_job_id: str) -> bool:
    statuses = [
        job["status"]
        for dag in fake.facts.dags
        for job in dag["jobs"]
        if dag_or_job_id in (dag["dag_id"], job["job_id"])
    ]
    return set(statuses) <= FINAL


def _submit(fake: FakeTitan, asked: dict[str, Any]) -> Answer:
    if not asked["jobs"]:
        return _error(400, "InvalidDag", "a DAG without jobs")
    for digest, content in asked["scripts"].items():
        fake.facts.blobs[digest] = base64.b64decode(content)
    dag_id = f"d{len(fake.facts.dags) + 1}"
    named = {"dag_id": dag_id, "name": asked["name"], "agent_run_id": asked["agent_run_id"]}
    jobs = [
        {"job_id": f"{dag_id}.{number}", "name": job["id"], "dag_id": dag_id, "status": "READY", "reason": None}
        for number, job in enumerate(asked["jobs"])
    ]
    fake.facts.dags.append({**named, "status": "WAITING", "is_final": False, "jobs": jobs})
    return Answer(status=201, json={**named, "job_count": len(jobs)})


def _ask(fake: FakeTitan, request: Received, kind: str, name: str, rest: list[str]) -> Answer:
    find = _find_dag if kind == "dags" else _find_job
    found = find(fake, name, request.query.get("dag"))
    if found is None:
        return _unknown("UnknownDag" if kind == "dags" else "UnknownJob", name)
    if rest == ["cancel"]:
        return Answer(json={"cancelled": [found["name"]], "stopping": [], "skipped": []})
    if rest == ["log"]:
        answer = Answer(content=fake.facts.logs.get(found["job_id"], b"")[int(request.query.get("offset", 0)) :])
        fake.after_log(found["name"])
        return answer
    deadline = time.monotonic() + float(request.query.get("wait_seconds", 0))
    with fake.changed:
        fake.changed.wait_for(
            lambda: found.get("is_final") or found["status"] in FINAL, timeout=deadline - time.monotonic()
        )
        return Answer(json=found)


def _find_dag(fake: FakeTitan, name: str, _dag: str | None) -> dict[str, Any] | None:
    return next((dag for dag in reversed(fake.facts.dags) if name in (dag["name"], dag["dag_id"])), None)


def _find_job(fake: FakeTitan, name: str, dag_id: str | None) -> dict[str, Any] | None:
    jobs = [job for dag in reversed(fake.facts.dags) for job in dag["jobs"] if name in (job["name"], job["job_id"])]
    return next((job for job in jobs if job["dag_id"] == dag_id), jobs[0] if jobs else None)


def _record(fake: FakeTitan, entries: list[dict[str, Any]]) -> Answer:
    fake.takes_entries.wait(600)
    with fake.changed:
        known = {_phase(entry) for entry in fake.facts.entries}
        new = [entry for entry in entries if _phase(entry) not in known]
        fake.facts.entries += new
        fake.changed.notify_all()
    return Answer(json={"stored": len(new), "repeated": len(entries) - len(new)})


def _phase(entry: dict[str, Any]) -> tuple[object, ...]:
    if entry["type"] == "run":
        return "run", entry.get("run_id"), entry["at_ns"]
    return "action", entry["id"], "ended_at_ns" in entry


def _complete(fake: FakeTitan) -> Answer:
    said = fake.model_answers.popleft()
    if isinstance(said, int):
        return _error(said, "ModelUnavailable", "the model is away")
    choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return Answer(json={"model": "scripted", "choices": [choice], "usage": usage})


def _unknown(kind: str, name: str) -> Answer:
    return _error(404, kind, f"nothing is called {name!r}")


def _error(status: int, kind: str, found: str) -> Answer:
    parts = {"subject": "the request", "expected": "better", "found": found, "next_step": "Ask otherwise."}
    message = f"the request: expected better; found {found}. Ask otherwise."
    return Answer(status=status, json={"error": {"type": kind, "message": message, **parts}})
