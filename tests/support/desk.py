"""`Desk`: the orchestrator's decisions on a real store, with a clock that the test sets."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from tests.support.builders import NOON, PROJECT
from titan.model.attempts import Attempt, AttemptOutcome, AttemptReport
from titan.model.dags import Dag, NewDag
from titan.model.jobs import GateOutcome, Job
from titan.model.workers import Worker, WorkerState
from titan.orchestrator import timers, worker_registry
from titan.orchestrator.attempts import Completed, Progress, complete, dispatch
from titan.orchestrator.cancel import cancel_jobs
from titan.orchestrator.gates import decide
from titan.orchestrator.submit import Submitter, submit
from titan.ports.jobs_store import Store, Transaction
from titan.rules.jobs.dag import check_dag
from titan.rules.jobs.gates import with_gates
from titan.store.sqlite import SqliteStore
from titan.wire.work import Cancelled, Submitted

T = TypeVar("T")


class TurnedClock:
    """Stands still until it is turned."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        """Return where it stands."""
        return self.time

    def turn(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self.time += timedelta(seconds=seconds)


class Desk:
    """Submits, leases and reports as a server would, one call a transaction."""

    def __init__(self, store: Store, clock: TurnedClock) -> None:
        self.store = store
        self.clock = clock
        self._count = 0

    def submit(self, new: NewDag, *, token: str | None = None, project_id: str = PROJECT) -> Submitted:
        """Check and store a DAG, with the gates it asks for."""
        new = with_gates(new)
        check_dag(new)
        self._count += 1
        submitter = Submitter(project_id=project_id, token=token)
        return self.store.transact(lambda tx: submit(tx, new, submitter, dag_id=f"d{self._count:03d}")).result()

    def join(self, worker_id: str = "w1", **offers: int) -> str:
        """Register a worker; without `offers` it has one GENERAL slot."""
        worker = Worker(
            id=worker_id,
            name=worker_id,
            host="here",
            pid=1,
            offers=offers or {"GENERAL": 1},
            version="1",
            state=WorkerState.CONNECTED,
            joined_at=self.clock.time,
            seen_at=self.clock.time,
        )
        self.store.transact(lambda tx: worker_registry.join(tx, worker)).result()
        return worker_id

    def hear_of(self, worker_id: str = "w1") -> None:
        """Note that a worker lives."""
        self.store.transact(lambda tx: worker_registry.touch(tx, worker_id, [])).result()

    def dispatch(self, *asking: str) -> list[Attempt]:
        """Lease to the workers that ask: without names, "w1"."""
        granted = self.store.transact(lambda tx: dispatch(tx, set(asking or ("w1",)), self._secret)).result()
        return [leased.attempt for leased in granted]

    def report(
        self, attempt: Attempt, outcome: AttemptOutcome = AttemptOutcome.SUCCEEDED, *, exit_code: int = 0
    ) -> bool:
        """Report an attempt's end as its worker; return whether it was accepted."""
        report = AttemptReport(lease_id=attempt.lease_id, outcome=outcome, exit_code=exit_code)
        answer = self.store.transact(lambda tx: complete(tx, attempt.worker_id, Progress(reports=[report]))).result()
        return attempt.lease_id in answer.accepted

    def advance(
        self,
        *,
        worker_id: str = "w1",
        ended: Sequence[Attempt] = (),
        outcome: AttemptOutcome = AttemptOutcome.SUCCEEDED,
        started: Mapping[Attempt, datetime] | None = None,
        returned: Sequence[Attempt] = (),
        prefetch: int = 0,
        asking: Sequence[str] = (),
    ) -> tuple[Completed, list[Attempt]]:
        """Report a worker's progress and lease to it, beside those that ask, up to `prefetch` jobs beyond its slots."""
        progress = Progress(
            reports=[AttemptReport(lease_id=each.lease_id, outcome=outcome) for each in ended],
            started={each.lease_id: began_at for each, began_at in (started or {}).items()},
            returned=[each.lease_id for each in returned],
        )

        def act(tx: Transaction) -> tuple[Completed, list[Attempt]]:
            done = complete(tx, worker_id, progress)
            worker = tx.worker(worker_id)
            assert worker is not None, worker_id
            room = {worker_id: dict.fromkeys(worker.offers, prefetch)}
            granted = dispatch(tx, {worker_id, *asking}, self._secret, prefetch=room)
            return done, [leased.attempt for leased in granted]

        return self.perform(act)

    def prefetch(self, count: int, *, worker_id: str = "w1", asking: Sequence[str] = ()) -> list[Attempt]:
        """Lease to a worker, beside those that ask, what it has slots for and `count` jobs of each label beyond."""
        _done, leased = self.advance(worker_id=worker_id, prefetch=count, asking=asking)
        return leased

    def run_all(self, *asking: str, failing: Sequence[str] = ()) -> list[str]:
        """Lease and end jobs until nothing is ready; return their names in the order they were leased."""
        ran = []
        while attempts := self.dispatch(*asking):
            for attempt in attempts:
                name = self.job_of(attempt).name
                ran.append(name)
                failed = name in failing
                self.report(attempt, AttemptOutcome.FAILED if failed else AttemptOutcome.SUCCEEDED, exit_code=failed)
        return ran

    def cancel(self, *names: str) -> Cancelled:
        """Cancel the newest jobs of these names."""

        def decide(tx: Transaction) -> Cancelled:
            return cancel_jobs(tx, [job for name in names if (job := tx.newest_job(PROJECT, name))], by="a client")

        return self.store.transact(decide).result()

    def decide(self, name: str, outcome: GateOutcome, *, by: str = "ada", comment: str | None = None) -> Job:
        """Decide the newest gate of this name."""

        def act(tx: Transaction) -> Job:
            gate = tx.newest_job(PROJECT, name)
            assert gate is not None, name
            return decide(tx, gate, outcome, by=by, comment=comment)

        return self.store.transact(act).result()

    def perform(self, act: Callable[[Transaction], T]) -> T:
        """Commit `act` and return its answer."""
        return self.store.transact(act).result()

    def value(self, key: str) -> str | None:
        """Return what a key of the shared store holds."""
        found = self.store.read(lambda reader: reader.value(PROJECT, key, now=self.clock.time))
        return None if found is None else found.value

    def keep_time(self) -> None:
        """Do what is due at the clock's time."""
        self.store.transact(lambda tx: timers.keep_time(tx, now=tx.now, is_late=False)).result()

    def job(self, name: str) -> Job:
        """Return the newest job of this name."""
        job = self.store.read(lambda reader: reader.newest_job(PROJECT, name))
        assert job is not None, name
        return job

    def job_of(self, attempt: Attempt) -> Job:
        """Return the job an attempt tries."""
        job = self.store.read(lambda reader: reader.job(attempt.job_id))
        assert job is not None
        return job

    def dag(self, dag_id: str = "d001") -> Dag:
        """Return a DAG; the first one when none is named."""
        dag = self.store.read(lambda reader: reader.dag(dag_id))
        assert dag is not None
        return dag

    def statuses(self, dag_id: str = "d001") -> dict[str, str]:
        """Return name → status of a DAG's jobs."""
        jobs = self.store.read(lambda reader: reader.jobs_of_dag(dag_id))
        return {job.name: job.status.value for job in jobs}

    def events(self, job_name: str) -> list[str]:
        """Return the kinds of a job's journal entries, its DAG's included."""
        job_id = self.job(job_name).id
        entries = self.store.read(lambda reader: reader.journal(PROJECT, job_id=job_id, limit=1000))
        return [entry.kind for entry in entries]

    def _secret(self) -> str:
        self._count += 1
        return f"{self._count:032x}"


@contextmanager
def a_desk(folder: Path) -> Iterator[Desk]:
    """Open a desk on an empty store in `folder`."""
    clock = TurnedClock()
    store = SqliteStore(folder / "control.db", clock=clock)
    try:
        yield Desk(store, clock)
    finally:
        store.close()
