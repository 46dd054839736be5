"""A worker that runs nothing: the machine of a measurement is the browser's and the server's."""

from __future__ import annotations

import json
import random
import threading
from collections import deque
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import Any, Final

from benchmarks.titan_server import BenchmarkFailed

LABEL: Final = "BENCH"  #: what its jobs require
SLOTS: Final = 16
BEAT_SECONDS: Final = 0.2
ENDS_A_BEAT: Final = 6  # 30 jobs a second end, 30 begin, 30 become ready; some pass through two states unseen


class IdleWorker:
    """Claims jobs over the wire and reports them done, some every beat."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._path = f"/api/workers/bench{random.getrandbits(40):x}"
        self._held: deque[str] = deque()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> IdleWorker:
        offers = {LABEL: SLOTS}
        self._ask("PUT", "", {"name": "bench", "host": "here", "pid": 1, "offers": offers, "version": "0"})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stopping.wait(BEAT_SECONDS):
            now = datetime.now(UTC).isoformat()
            ending = [self._held.popleft() for _ in range(min(ENDS_A_BEAT, max(0, len(self._held) - 5)))]
            if not ending and self._held:
                ending = [self._held.popleft()]
            if ending:
                self._ask("POST", "/complete", {"reports": [_report(lease, now) for lease in ending]})
            answer = self._ask("POST", "/claim", {"holding": list(self._held), "wait_seconds": 0.0})
            self._held.extend(assignment["lease_id"] for assignment in answer["assignments"])

    def _ask(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request(method, self._path + path, body=json.dumps(body), headers=headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status >= 300:
            raise BenchmarkFailed(f"{method} {self._path}{path}: {response.status} {content[:500]!r}")
        answer: dict[str, Any] = json.loads(content)
        return answer


def _report(lease_id: str, now: str) -> dict[str, object]:
    return {"lease_id": lease_id, "outcome": "succeeded", "exit_code": 0, "started_at": now, "duration_ns": 400_000_000}
