"""A scripted server for workers: it hands out, stops and loses attempts, and disconnects."""

import contextlib
import hashlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from socketserver import TCPServer
from urllib.parse import parse_qs, urlsplit

import msgspec

from tests.support.ports import a_held_port, port_of
from tests.support.waiting import wait_until
from titan.home.socket import listen_in
from titan.wire.protocol import (
    Assignment,
    ClaimAnswer,
    ClaimRequest,
    CompleteAnswer,
    CompleteRequest,
    ContentAnswer,
    HeartbeatAnswer,
    HeartbeatRequest,
    LeaveAnswer,
    LogAnswer,
    NotedFile,
    NoteFilesAnswer,
    NoteFilesRequest,
    Registered,
    Registration,
    Report,
    WorkspacesAnswer,
    WorkspacesRequest,
)


class WorkerServer:
    """Keeps what the real server would keep of workers, in memory, and records what they say."""

    def __init__(self) -> None:
        self.registrations: list[tuple[str, Registration]] = []
        self.reports: dict[str, Report] = {}  #: the accepted ones, by lease
        self.stale_reports: list[Report] = []
        self.progress: list[CompleteRequest] = []
        self.logs: dict[str, bytes] = {}
        self.log_parts: list[tuple[str, int, int]] = []  #: (lease, offset, size in bytes)
        self.files: dict[str, dict[str, NotedFile]] = {}  #: lease → path → what was said last
        self.contents_sent: list[str] = []  #: digests that came in requests of their own
        self.holds_contents = False  #: whether such a request waits
        self.contents_on_hold = 0
        self.refuses_files = False
        self.heartbeats: list[list[str]] = []
        self.claims: list[ClaimRequest] = []
        self.open_claims = 0
        self.has_left = False
        self.recorded: list[tuple[str, bytes]] = []  #: (lease, body) of what jobs left
        self.records_with = 200  #: the status of the answer to that
        self.old_workspaces: set[str] = set()  #: what it calls old, asked for or not
        self.workspaces_asked: dict[str, float] = {}
        self.live: dict[str, Assignment] = {}
        self.stopping: set[str] = set()
        self.contents: dict[str, bytes] = {}
        self.drop_next: set[str] = set()  #: verbs whose next answer gets lost on the wire
        self.forgets_workers = False
        self._numbers = count(1)
        self._changed = threading.Condition()
        self._known: set[str] = set()
        self._http: list[_Server] = []
        self._home: Path | None = None
        self._held = a_held_port()
        self.come_back()

    @property
    def port(self) -> int:
        """The port it listens on now, or did before it went away."""
        return port_of(self._held)

    @property
    def url(self) -> str:
        """Where workers find it."""
        return f"http://127.0.0.1:{self.port}"

    def give(self, text: str, /, *args: str, **more: object) -> str:
        """Lease an attempt of the script `text` to the worker; return the lease."""
        number = next(self._numbers)
        content = text.encode()
        digest = hashlib.sha256(content).hexdigest()
        self.contents.setdefault(digest, content)
        assignment = Assignment(
            lease_id=f"lease{number}",
            attempt=1,
            job_id=f"d1.{number}",
            job_name=f"job{number}",
            dag_id="d1",
            dag_name="pipeline",
            agent_run_id=None,
            workspace="dag-d1",
            filename="job.py",
            script=digest,
            args=list(args),
            env={},
            timeout_seconds=None,
            cold=False,
            token="secret",
        )
        with self._changed:
            self.live[assignment.lease_id] = msgspec.structs.replace(assignment, **more)
            self._changed.notify_all()
        return assignment.lease_id

    def stop(self, lease_id: str) -> None:
        """Ask the worker to stop an attempt."""
        with self._changed:
            self.stopping.add(lease_id)
            self._changed.notify_all()

    def lose(self, lease_id: str) -> None:
        """Give an attempt up, as when its lease runs out."""
        with self._changed:
            del self.live[lease_id]
            self._changed.notify_all()

    def forget_output(self, lease_id: str) -> None:
        """Lose an attempt's log, as a crash of the machine might."""
        with self._changed:
            self.logs[lease_id] = b""

    def release_contents(self) -> None:
        """Let requests go on that wait since `holds_contents` was set."""
        with self._changed:
            self.holds_contents = False
            self._changed.notify_all()

    def forget_workers(self) -> None:
        """Know no worker any more, as a server whose store was replaced."""
        with self._changed:
            self._known.clear()

    @property
    def started(self) -> list[str]:
        """The prefetched leases that the worker said it began, in that order."""
        return [lease_id for request in self.progress for lease_id in request.started]

    @property
    def returned(self) -> list[str]:
        """The prefetched leases that the worker gave back."""
        return [lease_id for request in self.progress for lease_id in request.returned]

    def wait_for_report(self, lease_id: str, *, seconds: float = 20.0) -> Report:
        """Return the accepted report of an attempt once it is there."""
        wait_until(lambda: lease_id in self.reports, f"the report of {lease_id}", seconds=seconds)
        return self.reports[lease_id]

    def wait_for_output(self, lease_id: str, text: str) -> str:
        """Wait until the log holds a line with `text`; return what follows it on that line."""
        wait_until(lambda: text in self._whole_lines(lease_id), f"{lease_id} writes {text!r}")
        return self._whole_lines(lease_id).split(text, 1)[1].split("\n", 1)[0].strip()

    def go_away(self) -> None:
        """Stop listening and break every connection."""
        while self._http:
            self._http.pop().end()

    def close(self) -> None:
        """Go away for good."""
        self.go_away()
        self._held.close()

    def move(self) -> None:
        """Take another port, where it will listen when it comes back."""
        self._held.close()
        self._held = a_held_port()

    def come_back(self) -> None:
        """Listen again."""
        self._serve(_Server(self, self.port))
        if self._home is not None:
            self._serve(_HomeServer(self, self._home))

    def serve_in(self, home: Path) -> None:
        """Listen by the socket in a home, too, where its local workers come."""
        self._home = home
        home.mkdir(exist_ok=True)
        self._serve(_HomeServer(self, home))

    def _serve(self, server: "_Server") -> None:
        self._http.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, verb: str, worker_id: str, rest: str, body: bytes, offset: int) -> tuple[int, object]:
        """Return status and body of the answer to one request of a worker."""
        with self._changed:
            if verb == "register":
                self._known.add(worker_id)
                self.registrations.append((worker_id, msgspec.json.decode(body, type=Registration)))
                return 200, Registered()
            if worker_id not in self._known:
                return 404, _error("UnknownWorker", worker_id)
            match verb:
                case "claim":
                    return 200, self._claim(msgspec.json.decode(body, type=ClaimRequest))
                case "heartbeat":
                    return 200, self._heartbeat(msgspec.json.decode(body, type=HeartbeatRequest).holding)
                case "complete":
                    return 200, self._complete(msgspec.json.decode(body, type=CompleteRequest))
                case "workspaces":
                    self.workspaces_asked |= msgspec.json.decode(body, type=WorkspacesRequest).idle_seconds
                    return 200, WorkspacesAnswer(old=sorted(self.old_workspaces))
                case "leave":
                    self.has_left = True
                    return 200, LeaveAnswer(returned=list(self.live))
                case "files" | "content":
                    return self._take_files(verb, rest, body)
                case _:
                    return self._append_log(rest, offset, body)

    def record(self, lease_id: str | None, body: bytes) -> tuple[int, object]:
        """Take recorded actions from a worker; to a job itself, which names no lease, the server is busy."""
        if lease_id is None:
            return 503, _error("StoreUnavailable", "busy")
        if self.records_with == 200:
            self.recorded.append((lease_id, body))
        return self.records_with, {}

    def _take_files(self, verb: str, rest: str, body: bytes) -> tuple[int, object]:
        if verb == "content":
            return self._take_content(rest.rpartition("/")[2], body)
        if self.refuses_files:
            return 400, _error("InvalidInput", "a file nobody wants")
        return self._note_files(rest, msgspec.json.decode(body, type=NoteFilesRequest))

    def _claim(self, request: ClaimRequest) -> ClaimAnswer:
        self.claims.append(request)
        self.open_claims += 1
        try:
            self._changed.wait_for(lambda: self._orders(request) != ClaimAnswer(), min(request.wait_seconds, 5))
            return self._orders(request)
        finally:
            self.open_claims -= 1

    def _orders(self, request: ClaimRequest) -> ClaimAnswer:
        return ClaimAnswer(
            assignments=[a for lease_id, a in self.live.items() if lease_id not in request.holding],
            stop=[each for each in self.stopping & set(self.live) if each not in request.stopping],
            lost=[lease_id for lease_id in request.holding if lease_id not in self.live],
        )

    def _heartbeat(self, holding: list[str]) -> HeartbeatAnswer:
        self.heartbeats.append(holding)
        return HeartbeatAnswer(
            stop=list(self.stopping & set(self.live)), lost=[each for each in holding if each not in self.live]
        )

    def _complete(self, request: CompleteRequest) -> CompleteAnswer:
        self.progress.append(request)
        reports, returned = request.reports, [each for each in request.returned if self.live.pop(each, None)]
        stale = [report for report in reports if report.lease_id not in self.live]
        sizes = {report.lease_id: len(self.logs.get(report.lease_id, b"")) for report in reports if report not in stale}
        gaps = {r.lease_id: sizes[r.lease_id] for r in reports if r not in stale and r.log_offset > sizes[r.lease_id]}
        accepted = [report for report in reports if report not in stale and report.lease_id not in gaps]
        for report in accepted:
            self._store_log(report.lease_id, report.log_offset, report.log_tail)
            self.reports[report.lease_id] = report
            del self.live[report.lease_id]
        self.stale_reports += stale
        self._changed.notify_all()
        return CompleteAnswer(
            accepted=[*(report.lease_id for report in accepted), *returned],
            stale=[report.lease_id for report in stale],
            gaps=gaps,
        )

    def _note_files(self, lease_id: str, request: NoteFilesRequest) -> tuple[int, object]:
        if lease_id not in self.live and lease_id not in self.reports:
            return 409, _error("StaleLease", "one that is over")
        for content in request.contents:
            self.contents[hashlib.sha256(content).hexdigest()] = content
        self.files.setdefault(lease_id, {}).update({file.path: file for file in request.files})
        missing = [file.digest for file in request.files if file.digest and file.digest not in self.contents]
        return 200, NoteFilesAnswer(missing=missing)

    def _take_content(self, digest: str, content: bytes) -> tuple[int, object]:
        if hashlib.sha256(content).hexdigest() != digest:
            return 400, _error("InvalidInput", "another content")
        self.contents_on_hold += self.holds_contents
        self._changed.wait_for(lambda: not self.holds_contents, 60)
        self.contents[digest] = content
        self.contents_sent.append(digest)
        return 200, ContentAnswer(digest=digest, size_bytes=len(content))

    def _append_log(self, lease_id: str, offset: int, content: bytes) -> tuple[int, object]:
        if lease_id not in self.live:
            return 409, _error("StaleLease", "one that is over")
        if offset > len(self.logs.get(lease_id, b"")):
            return 409, _error("Conflict", str(len(self.logs.get(lease_id, b""))))
        self.log_parts.append((lease_id, offset, len(content)))
        self._store_log(lease_id, offset, content)
        return 200, LogAnswer(size_bytes=len(self.logs[lease_id]))

    def _store_log(self, lease_id: str, offset: int, content: bytes) -> None:
        stored = self.logs.get(lease_id, b"")
        assert offset <= len(stored), f"a gap in the log of {lease_id}: {offset} after {len(stored)}"
        self.logs[lease_id] = stored + content[len(stored) - offset :]

    def _whole_lines(self, lease_id: str) -> str:
        return self.logs.get(lease_id, b"").decode().rpartition("\n")[0] + "\n"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False

    def __init__(self, owner: WorkerServer, port: int) -> None:
        self.owner = owner
        self.connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def end(self) -> None:
        self.shutdown()
        self.server_close()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: connections break here on purpose."""


class _HomeServer(_Server):
    def __init__(self, owner: WorkerServer, home: Path) -> None:
        self.owner = owner
        self.connections = set()
        TCPServer.__init__(self, ("", 0), _HomeHandler, bind_and_activate=False)
        self.socket.close()
        self.socket = listen_in(home)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        super().finish()

    def do_PUT(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        digest = self.path.rpartition("/")[2]
        content = self.server.owner.contents.get(digest)
        if content is None:
            self._send(404, msgspec.json.encode(_error("UnknownArtifact", digest)))
        else:
            self._send(200, content)

    def _serve(self) -> None:
        owner = self.server.owner
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        if parts.path == "/api/v1/actions":
            content = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = owner.record(query.get("lease", [None])[0], content)
            return self._send(status, msgspec.json.encode(answer))
        _, _, _, worker_id, *more = parts.path.split("/")
        verb, rest = (more[0] if more else "register"), "/".join(more[1:])
        verb = "content" if verb == "files" and "/" in rest else verb
        body = self.rfile.read(int(self.headers["Content-Length"]))
        offset = int(query.get("offset", ["0"])[0])
        status, answer = owner.answer(verb, worker_id, rest, body, offset)
        if verb in owner.drop_next:
            owner.drop_next.discard(verb)
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return None
        return self._send(status, msgspec.json.encode(answer))

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _HomeHandler(_Handler):
    disable_nagle_algorithm = False  # TCP's


def _error(kind: str, found: str) -> dict[str, dict[str, str]]:
    parts = {"subject": "the request", "expected": "something else", "found": found, "next_step": ""}
    return {"error": {"type": kind, "message": f"expected something else; found {found}", **parts}}
