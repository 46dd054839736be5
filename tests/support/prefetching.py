"""Jobs that a worker has prefetched, on a desk."""

from datetime import datetime

from tests.support.builders import a_new_dag, a_spec
from tests.support.desk import Desk
from titan.model.attempts import Attempt, AttemptOutcome, AttemptReport
from titan.model.workers import Worker
from titan.orchestrator import worker_registry
from titan.orchestrator.attempts import Progress, complete
from titan.orchestrator.worker_registry import Orders


def a_prefetched_job(desk: Desk, name: str = "next") -> Attempt:
    """Have w1 run a job `now` and prefetch another; return the attempt that it prefetched."""
    desk.submit(a_new_dag(a_spec("now"), a_spec(name)))
    _now, prefetched = desk.prefetch(1)
    assert desk.job_of(prefetched).name == name
    return prefetched


def orders(desk: Desk, *holding: Attempt, worker_id: str = "w1") -> Orders:
    """Return what a worker that holds these leases is told."""
    leases = [attempt.lease_id for attempt in holding]
    return desk.store.read(lambda reader: worker_registry.orders(reader, worker_id, holding=leases, stopping=[]))


def worker(desk: Desk, worker_id: str = "w1") -> Worker:
    found = desk.store.read(lambda reader: reader.worker(worker_id))
    assert found is not None
    return found


def attempts(desk: Desk, name: str) -> list[Attempt]:
    job_id = desk.job(name).id
    return desk.store.read(lambda reader: reader.attempts_of_job(job_id))


def names(desk: Desk, leased: list[Attempt]) -> list[str]:
    return [desk.job_of(attempt).name for attempt in leased]


def end(
    desk: Desk, attempt: Attempt, *, began_at: datetime, outcome: AttemptOutcome = AttemptOutcome.SUCCEEDED
) -> None:
    """Report the end of an attempt with when it began, by its worker's clock."""
    report = AttemptReport(lease_id=attempt.lease_id, outcome=outcome, started_at=began_at)
    desk.perform(lambda tx: complete(tx, attempt.worker_id, Progress(reports=[report])))
