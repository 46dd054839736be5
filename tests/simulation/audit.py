"""The auditor: reads every commit and says what must not be.

It keeps its own books from the journal alone, with the lifecycle table and nothing else of the engine, and
compares them with the rows. A seed whose books and rows differ anywhere has found a mistake.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.support.builders import PROJECT
from titan.model import events
from titan.model.attempts import AttemptOutcome
from titan.model.dags import Dag
from titan.model.events import JournalEntry
from titan.model.jobs import ACTIVE_STATUSES, Affinity, Job, JobSpec, JobStatus
from titan.model.workers import WorkerState
from titan.ports.jobs_store import Commit, Reader
from titan.rules.jobs.gates import asks_for_approval, gate_name
from titan.rules.jobs.lifecycle import TRANSITIONS

Read = Callable[[Callable[[Reader], Any]], Any]

WORKER_STATES = {
    "WorkerJoined": WorkerState.CONNECTED,
    "WorkerLost": WorkerState.LOST,
    "WorkerLeft": WorkerState.LEFT,
}
PARKING = frozenset({"AttemptParked", "AttemptResumed"})
ENDS_ATTEMPT = frozenset({"JobSucceeded", "JobFailed", "JobRequeued", "JobBackedOff"})


@dataclass(slots=True)
class Book:
    """What the journal has said of one job."""

    dag_id: str
    run_id: str | None
    spec: JobSpec
    parents: tuple[str, ...]  #: ids
    status: JobStatus = JobStatus.WAITING
    live_lease: str | None = None
    is_parked: bool = False  #: its slot is free for others
    leases: list[str] = field(default_factory=list)
    returned_count: int = 0
    leases_before_retry: int = 0  #: how many of `leases` lie before the last retry that somebody asked for
    due_at: datetime | None = None  #: when the delay or pause it is in ends
    is_delayed: bool = False  #: its delay has begun
    is_held: bool = False  #: it waits for a place under its concurrency key
    is_to_stop: bool = False  #: somebody asked to stop it
    first_parent_ran_on: str | None = None  #: the worker of the parent that completed first


class Audit:
    """Books of one world."""

    def __init__(self) -> None:
        self.books: dict[str, Book] = {}
        self.last_seq = 0
        self.parked_count = 0
        self.outcomes: Counter[str] = Counter()  #: of attempts that did not succeed
        self._accepted: set[str] = set()
        self._slots: Counter[tuple[str, str]] = Counter()
        self._lessees: dict[str, tuple[str, str]] = {}
        self._jobs_of_dag: dict[str, list[str]] = defaultdict(list)
        self._dags_of_run: dict[str, list[str]] = defaultdict(list)
        self._workers: dict[str, WorkerState] = {}

    def accept(self, leases: Iterable[str]) -> None:
        """Note that the server said it accepted a report for each of these leases."""
        for lease_id in leases:
            assert lease_id not in self._accepted, f"two reports accepted for lease {lease_id}"
            self._accepted.add(lease_id)

    def check(self, read: Read, commit: Commit) -> None:
        """Book a commit, and compare what it touched with the rows."""
        read(lambda reader: self._check(reader, commit))

    def check_all(self, read: Read) -> None:
        """Compare all books with all rows."""
        read(self._compare_all)

    def _compare_all(self, reader: Reader) -> None:
        self._compare(reader, self.books)
        for job_id, book in self.books.items():
            job = reader.job(job_id)
            assert job is not None
            attempts = reader.attempts_of_job(job_id)
            assert [attempt.lease_id for attempt in attempts] == book.leases
            outcomes = Counter(attempt.outcome for attempt in attempts[book.leases_before_retry :])
            has_completed = job.status is JobStatus.COMPLETED and not job.is_gate
            assert outcomes[AttemptOutcome.SUCCEEDED] == has_completed
            if job.status is JobStatus.CANCELLED:
                continue  # how its last attempt ended is not counted: nothing depends on it any more
            assert job.lost_count == outcomes[AttemptOutcome.LOST]
            assert job.failed_count == outcomes[AttemptOutcome.FAILED] + outcomes[AttemptOutcome.TIMED_OUT]
            if not book.leases_before_retry:
                assert job.attempt_count == len(attempts) - outcomes[AttemptOutcome.RETURNED]

    def live_jobs(self) -> dict[str, Book]:
        """Return the jobs that are not final."""
        return {job_id: book for job_id, book in self.books.items() if not book.status.is_final}

    def _check(self, reader: Reader, commit: Commit) -> None:
        touched: dict[str, None] = {}
        for entry in commit.entries:
            assert entry.seq == self.last_seq + 1, f"entry {entry.seq} follows {self.last_seq}"
            self.last_seq = entry.seq
            if entry.kind in WORKER_STATES:
                self._workers[json.loads(entry.data)["worker_id"]] = WORKER_STATES[entry.kind]
            elif entry.kind == "DagSubmitted":
                self._open_books(reader, entry)
                touched.update(dict.fromkeys(self._jobs_of_dag[entry.subject.dag_id or ""]))
            elif entry.subject.job_id is not None:
                enter = self._park_or_resume if entry.kind in PARKING else self._enter
                enter(reader, entry, self.books[entry.subject.job_id])
                touched[entry.subject.job_id] = None
        self._compare(reader, touched)
        self._check_places()
        if not touched:  # a worker came, went or showed that it lives
            states = {worker.id: worker.state for worker in reader.workers()}
            assert states == self._workers, f"workers are {states}, their journal says {self._workers}"

    def _open_books(self, reader: Reader, entry: JournalEntry) -> None:
        dag_id, run_id = entry.subject.dag_id, entry.subject.run_id
        assert dag_id is not None
        jobs = reader.jobs_of_dag(dag_id)
        own = {job.name: job.id for job in jobs}
        known = {name: self._gate_behind(job_id) for name, job_id in self._names_of_run(run_id).items()} | own
        for job in jobs:
            parents = tuple(known[name] for name in job.spec.parents)
            self.books[job.id] = Book(dag_id=dag_id, run_id=run_id, spec=job.spec, parents=parents)
            self._jobs_of_dag[dag_id].append(job.id)
        if run_id is not None:
            self._dags_of_run[run_id].append(dag_id)

    def _names_of_run(self, run_id: str | None) -> dict[str, str]:
        """Return name → id of the jobs of earlier stages, newest last."""
        dags = self._dags_of_run[run_id] if run_id is not None else []
        return {self.books[job_id].spec.name: job_id for dag in dags for job_id in self._jobs_of_dag[dag]}

    def _gate_behind(self, job_id: str) -> str:
        """Return who those wait for that name this job as a parent from a later stage."""
        book = self.books[job_id]
        if not asks_for_approval(book.spec):
            return job_id
        behind = gate_name(book.spec.name)
        return next(other for other in self._jobs_of_dag[book.dag_id] if self.books[other].spec.name == behind)

    def _check_places(self) -> None:
        """See that no concurrency key has more jobs than it may, and that nobody waits for a place that is free."""
        active: Counter[str] = Counter()
        limits: dict[str, int] = {}
        held: dict[str, tuple[int, str, int]] = {}
        for job_id, book in self.books.items():
            key = book.spec.concurrency_key
            if key is None:
                continue
            if book.status in ACTIVE_STATUSES:
                active[key] += 1
                limits[key] = max(limits.get(key, 0), book.spec.concurrency_limit)
            elif book.is_held:
                held[key] = min(held.get(key, (99, "", 0)), (-book.spec.priority, job_id, book.spec.concurrency_limit))
        over = {key: count for key, count in active.items() if count > limits[key]}
        assert not over, f"more jobs than places: {over}"
        idle = {key: job_id for key, (_, job_id, limit) in held.items() if active[key] < limit}
        assert not idle, f"held although there is a place: {idle}"

    def _enter(self, reader: Reader, entry: JournalEntry, book: Book) -> None:
        job_id = entry.subject.job_id
        move = (book.status, getattr(events, entry.kind))
        assert move in TRANSITIONS, f"seq {entry.seq}: {entry.kind} for {job_id}, which is {book.status}"
        data = json.loads(entry.data)
        if entry.kind == "CancelRequested":
            book.is_to_stop = True
        if entry.kind == "JobSucceeded":
            self._tell_children(job_id, self._lessees[data["lease_id"]][0])
        if entry.kind == "JobLeased":
            is_prefetched = data["began_at"] is not None
            self._enter_lease(reader, book, data["lease_id"], data["worker_id"], is_prefetched=is_prefetched)
        if entry.kind in ENDS_ATTEMPT:
            assert data["lease_id"] == book.live_lease, f"{job_id} ended by another lease than its own"
            book.returned_count += data.get("outcome") == "returned"
            self.outcomes.update([data["outcome"]] if "outcome" in data else [])
        if entry.kind in ("JobDelayed", "JobBackedOff"):
            book.due_at = datetime.fromisoformat(data["due_at"])
            book.is_delayed = True
        if entry.kind == "GateApproved" and book.first_parent_ran_on is not None:
            self._tell_children(job_id, book.first_parent_ran_on)
        if entry.kind == "JobRetried":
            book.leases_before_retry = len(book.leases)
            book.returned_count = 0
            book.is_to_stop = book.is_delayed = False
            book.due_at = None
        book.is_held = entry.kind == "JobHeld"
        if entry.kind == "JobReady":
            assert book.is_delayed or book.spec.delay_ms == 0, f"{job_id} ready without its delay"
            assert book.due_at is None or entry.at >= book.due_at, f"{job_id} ready before {book.due_at}"
        before, book.status = book.status, TRANSITIONS[move]
        if before is JobStatus.RUNNING and book.status is not JobStatus.RUNNING:
            assert book.live_lease is not None
            self._slots[self._lessees[book.live_lease]] -= not book.is_parked
            book.live_lease, book.is_parked = None, False

    def _park_or_resume(self, reader: Reader, entry: JournalEntry, book: Book) -> None:
        """Book a parked attempt, whose slot is free, or one that goes on: at most one over for each slot."""
        assert book.status is JobStatus.RUNNING, f"{entry.kind} of a job that is {book.status}"
        assert book.live_lease is not None
        assert book.live_lease == json.loads(entry.data)["lease_id"]
        slot = worker_id, label = self._lessees[book.live_lease]
        worker = reader.worker(worker_id)
        assert worker is not None
        assert label in worker.parks, f"a slot of {label} was given back"
        book.is_parked = entry.kind == "AttemptParked"
        self.parked_count += book.is_parked
        self._slots[slot] += -1 if book.is_parked else 1
        assert self._slots[slot] <= 2 * worker.offers[label], f"{worker_id} runs {self._slots[slot]} of {label}"
        waiting = reader.waiting_attempts()  # one that was woken and has no slot yet is not parked
        parked = sum(each.worker_id == worker_id and each.parked_at is not None for each in waiting)
        assert parked <= worker.max_parked, f"{worker_id} has {parked} parked"

    def _enter_lease(self, reader: Reader, book: Book, lease_id: str, worker_id: str, *, is_prefetched: bool) -> None:
        """Book a lease; a prefetched one was granted before, and its worker sees to it that there is a slot."""
        unfinished = [p for p in book.parents if self.books[p].status is not JobStatus.COMPLETED]
        assert not unfinished, f"{book.spec.name} leased before its parents {unfinished}"
        assert is_prefetched or not book.is_to_stop, f"{book.spec.name} leased after it was asked to stop"
        if book.spec.affinity is Affinity.REQUIRED:
            assert book.first_parent_ran_on in (None, worker_id), f"{book.spec.name} leased to {worker_id}"
        assert book.live_lease is None
        assert lease_id not in self._lessees, "a lease id came twice"
        slot = self._lessees[lease_id] = (worker_id, book.spec.requirement)
        self._slots[slot] += 1
        if is_prefetched:
            self._book(book, lease_id)
            return
        assert self._workers[worker_id] is WorkerState.CONNECTED, f"leased to {worker_id}, which is gone"
        worker = reader.worker(worker_id)
        assert worker is not None
        offered = worker.offers.get(book.spec.requirement, 0)
        assert self._slots[slot] <= offered, f"{worker_id} has {self._slots[slot]} leases for {offered} slots"
        self._book(book, lease_id)

    def _book(self, book: Book, lease_id: str) -> None:
        book.live_lease = lease_id
        book.leases.append(lease_id)
        allowed = 1 + book.spec.retries + book.spec.max_lost + book.returned_count
        count = len(book.leases) - book.leases_before_retry
        assert count <= allowed, f"{book.spec.name}: attempt {count} of {allowed}"

    def _tell_children(self, parent_id: str | None, worker_id: str) -> None:
        for book in self.books.values():
            if parent_id in book.parents and book.first_parent_ran_on is None:
                book.first_parent_ran_on = worker_id

    def _compare(self, reader: Reader, job_ids: Iterable[str]) -> None:
        dags = set()
        for job_id in job_ids:
            book = self.books[job_id]
            dags.add(book.dag_id)
            job = reader.job(job_id)
            assert job is not None
            self._compare_job(reader, book, job)
        runs = set()
        for dag_id in sorted(dags):
            dag = reader.dag(dag_id)
            assert dag is not None
            self._compare_dag(dag)
            runs.add(dag.run_id)
        for run_id in sorted(run_id for run_id in runs if run_id is not None):
            self._compare_run(reader, run_id)

    def _compare_job(self, reader: Reader, book: Book, job: Job) -> None:
        assert job.status is book.status, f"{job.id} is {job.status}, its journal says {book.status}"
        live = reader.live_attempt_of_job(job.id)
        if job.status is JobStatus.READY:  # a live attempt of it was prefetched
            assert book.live_lease is None
            assert live is not None or not job.is_cancel_requested, (
                f"{job.id} was asked to stop, and nobody will say so"
            )
        else:
            assert (live.lease_id if live else None) == book.live_lease
            assert live is None or live.parked_at is None or book.is_parked, f"{job.id} is parked, its journal says no"
            assert (job.status is JobStatus.RUNNING) == (live is not None), f"{job.id} is {job.status}, {live}"
        unfinished = sum(self.books[p].status is not JobStatus.COMPLETED for p in set(book.parents))
        if not job.status.is_final:
            assert job.remaining_parents == unfinished, f"{job.id} waits for {job.remaining_parents}"
        if job.status in (JobStatus.FAILED, JobStatus.CANCELLED):
            assert job.reason, f"{job.id} is {job.status} without a reason"
        if job.status is JobStatus.WAITING:
            assert job.due_at is not None or unfinished or book.is_held, f"{job.id} waits for nothing"
        if job.status is JobStatus.WAITING_APPROVAL:
            assert job.due_at is not None, f"{job.id} waits for ever"

    def _compare_dag(self, dag: Dag) -> None:
        recount = Counter(self.books[job_id].status for job_id in self._jobs_of_dag[dag.id])
        counted = {status: dag.counts.of(status) for status in JobStatus}
        assert counted == {status: recount[status] for status in JobStatus}, f"{dag.id}: {counted}, really {recount}"
        assert dag.is_final == (dag.ended_at is not None)

    def _compare_run(self, reader: Reader, run_id: str) -> None:
        dags = self._dags_of_run[run_id]
        books = [self.books[job_id] for dag_id in dags for job_id in self._jobs_of_dag[dag_id]]
        run = reader.run_control(PROJECT, run_id)
        assert run is not None
        live = sum(not book.status.is_final for book in books)
        assert (run.stage_count, run.job_count, run.live_job_count) == (len(dags), len(books), live)
