"""Bodies of POST /api/dags, and a worker made of plain HTTP requests."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.raw_http import Answer, a_key, ask, ask_json

SCRIPT = b"print('never run')\n"
DIGEST = hashlib.sha256(SCRIPT).hexdigest()
NOBODY = "NOBODY"  # a label no worker of these tests offers


def a_job_body(name: str = "a", **fields: object) -> dict[str, Any]:
    """Return a job of a submission that no worker takes, with other `fields`."""
    return {"id": name, "filename": "a.py", "script": DIGEST, "requirement": NOBODY, **fields}


def a_dag_body(
    jobs: Sequence[Mapping[str, Any]] | None = None, *, name: str | None = None, **fields: object
) -> dict[str, Any]:
    """Return a submission; without `jobs`, of one job. Every name of its own, unless given."""
    return {
        "name": name or a_name("dag"),
        "jobs": [a_job_body()] if jobs is None else list(jobs),
        "scripts": {DIGEST: base64.b64encode(SCRIPT).decode()},
        **fields,
    }


def a_name(kind: str) -> str:
    """Return a name nothing else has."""
    return f"{kind}-{uuid.uuid4().hex[:12]}"


def submit(port: int, body: Mapping[str, Any]) -> str:
    """Submit a DAG that is fine and return its id."""
    answer = ask_json(port, "POST", "/api/dags", body, a_key())
    assert answer.status == 201, answer.body
    dag_id: str = answer.value["dag_id"]
    return dag_id


class WireWorker:
    """A worker with a label of its own, which does what its test says and nothing else."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.worker_id = a_name("worker")
        self.label = self.worker_id.upper()
        self.path = f"/api/workers/{self.worker_id}"
        registration = {
            "name": self.worker_id,
            "host": "here",
            "pid": 1,
            "offers": {self.label: 1},
            "version": "0",
        }
        assert ask_json(port, "PUT", self.path, registration).status == 200

    def a_running_job(self, **fields: Any) -> tuple[str, str]:
        """Submit a job only this worker takes, with other `fields`, take it; return its id and the lease's."""
        submit(self.port, a_dag_body([a_job_body(requirement=self.label, **fields)]))
        claimed = ask_json(self.port, "POST", f"{self.path}/claim", {"holding": [], "wait_seconds": 10})
        (assignment,) = claimed.value["assignments"]
        return assignment["job_id"], assignment["lease_id"]

    def claim(self, *, wait_seconds: float) -> list[dict[str, Any]]:
        """Ask for work, holding nothing; return the assignments."""
        answer = ask_json(self.port, "POST", f"{self.path}/claim", {"holding": [], "wait_seconds": wait_seconds})
        assignments: list[dict[str, Any]] = answer.value["assignments"]
        return assignments

    def print_of(self, lease_id: str, text: bytes, *, offset: int) -> Answer:
        """Send a part of an attempt's output."""
        return ask(self.port, "PUT", f"{self.path}/log/{lease_id}?offset={offset}", text)

    def report(self, lease_id: str, **fields: object) -> Answer:
        """Report an attempt as succeeded, with other `fields`."""
        report = {
            "lease_id": lease_id,
            "outcome": "succeeded",
            "exit_code": 0,
            "started_at": "2026-01-01T00:00:00Z",
            "duration_ns": 1,
            **fields,
        }
        return ask_json(self.port, "POST", f"{self.path}/complete", {"reports": [report]})
