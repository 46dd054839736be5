"""Prometheus metrics of the server: counted as it runs, or read from the store when they are scraped.

Every label has few values: routes are templates, and only the first fifty labels of workers are listed.
"""

from collections import Counter as Counts
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from titan.model.attempts import AttemptOutcome
from titan.model.jobs import JobStatus
from titan.model.workers import WorkerState
from titan.ports.jobs_store import Commit, Reader

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
MAX_LABELS: Final = 50
OTHER: Final = "other"
QUICK: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SLOW: Final = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)
GROUPS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)

#: Journal entry → status of the job that it ended.
JOB_ENDS: Final = {
    "JobSucceeded": JobStatus.COMPLETED,
    "JobFailed": JobStatus.FAILED,
    "JobCancelled": JobStatus.CANCELLED,
}
UNSUCCESSFUL: Final = frozenset({"JobFailed", "JobRequeued", "JobBackedOff"})


class _Ended(msgspec.Struct):
    outcome: AttemptOutcome


_ENDED_DECODER = msgspec.json.Decoder(_Ended)


class Metrics:
    """The metrics of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = self._counter("http_requests", "Answered requests.", "method", "route", "status")
        self._jobs_ended = self._counter("jobs_ended", "Jobs that became final.", "status")
        self._attempts_ended = self._counter("attempts_ended", "Attempts by outcome.", "outcome")
        #: Calls of the model endpoint that could not be recorded.
        self.unrecorded = self._counter(
            "unrecorded_model_calls", "Answers of the model endpoint that are not recorded."
        )
        #: Requests of the model endpoint that were refused before a model was asked, and belong to no run.
        self.refused = self._counter("refused_model_requests", "Requests of no run refused before a model was asked.")
        self._jobs = self._gauge("jobs", "Jobs that are not final.", "status")
        self._workers = self._gauge("workers", "Workers by state.", "state")
        self._slots = self._gauge("slots", "Slots of connected workers.", "label")
        self._busy = self._gauge("slots_busy", "Slots under a live lease.", "label")
        #: How many clients follow live events now.
        self.event_clients = self._gauge("event_stream_clients", "Clients of live events.")
        self._free_bytes = self._gauge("disk_free_bytes", "Free on the home's disk.")
        self._seconds = self._histogram("http_request_seconds", "Time to the answer's head.", QUICK, ["route"])
        self.queue_wait = self._histogram("job_queue_wait_seconds", "From READY to a worker.", SLOW)
        self.run_time = self._histogram("attempt_run_seconds", "From an attempt's start to its end.", SLOW)
        self._commit_seconds = self._histogram("store_commit_seconds", "One durable commit of the store.", QUICK)
        self._commit_group = self._histogram("store_commit_transactions", "Transactions in one commit.", GROUPS)
        ProcessCollector(registry=self.registry)

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(f"titan_{name}", help_text, labels, registry=self.registry)

    def _gauge(self, name: str, help_text: str, *labels: str) -> Gauge:
        return Gauge(f"titan_{name}", help_text, labels, registry=self.registry)

    def _histogram(self, name: str, help_text: str, buckets: Iterable[float], labels: Iterable[str] = ()) -> Histogram:
        return Histogram(f"titan_{name}", help_text, labels, buckets=tuple(buckets), registry=self.registry)

    def on_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request of a route's template."""
        self._requests.labels(method, route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def on_commit(self, commit: Commit) -> None:
        """Count what a commit holds; called on the store's writer thread."""
        self._commit_seconds.observe(commit.duration_ns / 1e9)
        self._commit_group.observe(commit.transactions)
        for entry in commit.entries:
            if (status := JOB_ENDS.get(entry.kind)) is not None:
                self._jobs_ended.labels(status.value).inc()
            if entry.kind in UNSUCCESSFUL:
                self._attempts_ended.labels(_ENDED_DECODER.decode(entry.data).outcome.value).inc()
            elif entry.kind == "JobSucceeded":
                self._attempts_ended.labels(AttemptOutcome.SUCCEEDED.value).inc()

    def on_cancelled_attempt(self) -> None:
        """Count an attempt that ended because it was cancelled: its entry is the same as a job's cancel."""
        self._attempts_ended.labels(AttemptOutcome.CANCELLED.value).inc()

    def look(self, reader: Reader) -> None:
        """Read the gauges from the store: jobs that are not final, and connected workers."""
        workers, slots, busy = Counts[str](), Counts[str](), Counts[str]()
        for worker in reader.workers():
            workers[worker.state.value] += 1
            if worker.state is WorkerState.CONNECTED:
                slots.update(worker.offers)
                leases = reader.busy_slots(worker.id)  # more than slots where the worker has prefetched some
                busy.update({label: min(n, worker.offers.get(label, n)) for label, n in leases.items()})
        _set(self._jobs, reader.count_unfinished_jobs())
        _set(self._workers, workers)
        _set(self._slots, _few(slots))
        _set(self._busy, _few(busy))

    def text(self, *, free_bytes: int) -> bytes:
        """Return everything in Prometheus' text format."""
        self._free_bytes.set(free_bytes)
        return generate_latest(self.registry)


def _set(gauge: Gauge, counts: Mapping[str, int]) -> None:
    gauge.clear()
    for label, count in sorted(counts.items()):
        gauge.labels(label).set(count)


def _few(counts: dict[str, int]) -> dict[str, int]:
    """Return `counts` with those beyond the first fifty labels added up as "other"."""
    few = dict(sorted(counts.items())[:MAX_LABELS])
    rest = sum(count for _, count in sorted(counts.items())[MAX_LABELS:])
    return {**few, OTHER: rest} if rest else few
