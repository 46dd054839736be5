"""What a submission says, and what a client remembers of those it made."""

from __future__ import annotations

import os

from titan_sdk.errors import InvalidDag
from titan_sdk.job import TitanGate, TitanJob, wire_item

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from titan_sdk.wire import SubmittedDag

ACCEPTED = "DAG_ACCEPTED"  # the original's answer


class DagAccepted(str):
    """The string "DAG_ACCEPTED", as the original returns it, that also knows what was accepted.

    Pass it to `TitanClient.wait` or `cancel` to mean exactly this submission, whatever else has its name.
    """

    dag_id: str
    #: The DAG's name.
    name: str
    #: The run that it joined, or None.
    agent_run_id: str | None
    job_count: int
    #: Nothing new was stored: the DAG was submitted before, by this run's earlier life or under the same key.
    from_record: bool

    def __new__(cls, receipt: SubmittedDag) -> DagAccepted:
        accepted = super().__new__(cls, ACCEPTED)
        accepted.dag_id = receipt["dag_id"]
        accepted.name = receipt["name"]
        accepted.agent_run_id = receipt["agent_run_id"]
        accepted.job_count = receipt["job_count"]
        accepted.from_record = receipt.get("from_record", False)
        return accepted

    def __getnewargs__(self) -> tuple[SubmittedDag]:  # type: ignore[override]  # str's own would lose the rest
        return (
            {
                "dag_id": self.dag_id,
                "name": self.name,
                "agent_run_id": self.agent_run_id,
                "job_count": self.job_count,
                "from_record": self.from_record,
            },
        )


class Submissions:
    """The DAGs that one client submitted: what its plain job and DAG names mean."""

    def __init__(self) -> None:
        self._dag_of_job: dict[str, str] = {}
        self._dag_of_name: dict[str, str] = {}
        self._dags_of_run: dict[str | None, list[str]] = {}
        self._last_run: str | None = None

    def record(self, accepted: DagAccepted, jobs: Iterable[str]) -> None:
        """Remember a DAG and the names of its jobs; of two jobs or DAGs with one name the later counts."""
        for name in jobs:
            self._dag_of_job[plain_name(name)] = accepted.dag_id
        self._dag_of_name[accepted.name] = self._dag_of_name[accepted.dag_id] = accepted.dag_id
        self._last_run = accepted.agent_run_id
        self._dags_of_run.setdefault(self._last_run, []).append(accepted.dag_id)

    def jobs_of(self, dag_id: str) -> list[str]:
        """Return the names that mean jobs of an own DAG."""
        return [name for name, dag in self._dag_of_job.items() if dag == dag_id]

    def dag_of_job(self, name: str) -> str | None:
        """Return the id of the newest own DAG with a job of this name, or None."""
        return self._dag_of_job.get(plain_name(name))

    def dag(self, name_or_id: str) -> str | None:
        """Return the id of the newest own DAG of this name or id, or None."""
        return self._dag_of_name.get(plain_name(name_or_id))

    def dags_of_last_run(self) -> list[str]:
        """Return the ids of the own DAGs in the run of the last submission, oldest first.

        DAGs without a run count as one run.
        """
        return list(self._dags_of_run.get(self._last_run, ()))


def plain_name(name: str) -> str:
    """Return a job or DAG name without the `DAG-` that the original's server puts before it."""
    while name.startswith("DAG-"):
        name = name[4:]
    return name


def submission_body(
    name: str, jobs: Sequence[TitanJob], *, agent_run_id: str | None, agent_id: str | None, on_failure: str
) -> dict[str, object]:
    """Return the body of POST /api/dags: each different script once, and the jobs that name it by digest.

    `agent_id` defaults to TITAN_AGENT_ID when there is a run.

    Raises:
        NotSupported, InvalidInput: what `wire_item` refuses.
        InvalidDag: an item of `jobs` is no TitanJob.
    """
    scripts: dict[bytes, tuple[str, str]] = {}
    items = []
    for job in jobs:
        if not isinstance(job, TitanJob):
            raise InvalidDag(
                subject=f"dag {name!r}",
                expected="a list of TitanJob",
                found=repr(job)[:200],
                next_step="Nothing was submitted.",
            )
        has_script = not job.is_archive and not isinstance(job, TitanGate)
        if has_script and job.script not in scripts:
            scripts[job.script] = (_digest(job.script), job.payload_b64)
        items.append(wire_item(job, script_digest=scripts[job.script][0] if has_script else ""))
    if agent_run_id is not None and agent_id is None:
        agent_id = os.environ.get("TITAN_AGENT_ID") or None
    return {
        "name": name,
        "agent_run_id": agent_run_id,
        "agent_id": agent_id,
        "on_failure": on_failure,
        "scripts": dict(scripts.values()),
        "jobs": items,
    }


def _digest(content: bytes) -> str:
    import hashlib  # 2 ms; only programs that submit need it

    return hashlib.sha256(content).hexdigest()
