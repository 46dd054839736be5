"""Jobs that a test claims over HTTP itself, so that it holds their attempts' tokens."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.submissions import a_dag_body, a_job_body, a_name
from tests.support.token_holder import Holder


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningJob:
    """A job with a live attempt."""

    holder: Holder  #: asks with the attempt's token
    worker: Holder
    worker_path: str
    lease_id: str
    job_id: str
    name: str
    dag_id: str

    def end(self) -> None:
        """Report the attempt as succeeded."""
        report = {
            "lease_id": self.lease_id,
            "outcome": "succeeded",
            "exit_code": 0,
            "started_at": "2026-01-01T00:00:00Z",
            "duration_ns": 1,
        }
        assert self.worker.ask_json("POST", f"{self.worker_path}/complete", {"reports": [report]}).status == 200


def a_running_job(worker: Holder, submitter: Holder, *, name: str = "main", run: str | None = None) -> RunningJob:
    """Submit a DAG of one job as `submitter`, have a worker with the token of `worker` claim it, and return it."""
    label = a_name("label").upper()
    path = f"/api/workers/{a_name('worker')}"
    registration = {"name": "w", "host": "here", "pid": 1, "offers": {label: 1}, "version": "0"}
    assert worker.ask_json("PUT", path, registration).status == 200
    body = a_dag_body([a_job_body(name, requirement=label)], **({} if run is None else {"agent_run_id": run}))
    submitted = submitter.ask_json("POST", "/api/dags", body)
    assert submitted.status == 201, submitted.body
    claimed = worker.ask_json("POST", f"{path}/claim", {"holding": [], "wait_seconds": 10}).value
    (assignment,) = claimed["assignments"]
    return RunningJob(
        holder=Holder(worker.port, assignment["token"]),
        worker=worker,
        worker_path=path,
        lease_id=assignment["lease_id"],
        job_id=assignment["job_id"],
        name=name,
        dag_id=assignment["dag_id"],
    )
