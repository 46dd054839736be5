"""Figures for Prometheus: what the server counts as it goes, and what it looks up when it is asked.

What happens often is counted in plain dictionaries, a tenth of a microsecond each, and becomes metrics when somebody
scrapes. Every label has few values: routes are templates, and of workers' labels only the first fifty count.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

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

#: Journal entry → how a job ended by it.
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
    """The figures of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._entries: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()
        self._unrecorded = 0
        self._refused = 0
        self._unfinished: dict[str, int] = {}
        self._workers: Counter[str] = Counter()
        self._slots: Counter[str] = Counter()
        self._busy: Counter[str] = Counter()
        self._seconds = self._histogram("http_request_seconds", "Time to the answer's head.", QUICK, ["route"])
        self._seconds_of: dict[str, Histogram] = {}
        self.queue_wait = self._histogram("job_queue_wait_seconds", "From READY to a worker.", SLOW)
        self.run_time = self._histogram("attempt_run_seconds", "From an attempt's start to its end.", SLOW)
        self._commit_seconds = self._histogram("store_commit_seconds", "One durable commit of the store.", QUICK)
        self._commit_group = self._histogram("store_commit_transactions", "Transactions in one commit.", GROUPS)
        #: How many clients follow live events now.
        self.event_clients = Gauge("titan_event_stream_clients", "Clients of live events.", registry=self.registry)
        self._free_bytes = Gauge("titan_disk_free_bytes", "Free on the home's disk.", registry=self.registry)
        ProcessCollector(registry=self.registry)
        self.registry.register(self)

    def _histogram(self, name: str, help_text: str, buckets: Iterable[float], labels: Iterable[str] = ()) -> Histogram:
        return Histogram(f"titan_{name}", help_text, labels, buckets=tuple(buckets), registry=self.registry)

    # --- as it goes ---

    def on_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request of a route's template."""
        self._requests[method, route, status] += 1
        observer = self._seconds_of.get(route)
        if observer is None:
            observer = self._seconds_of[route] = self._seconds.labels(route)
        observer.observe(seconds)

    def on_commit(self, commit: Commit) -> None:
        """Count what a commit holds; called on the store's writer thread."""
        self._commit_seconds.observe(commit.duration_ns / 1e9)
        self._commit_group.observe(commit.transactions)
        for entry in commit.entries:
            self._entries[entry.kind] += 1
            if entry.kind in UNSUCCESSFUL:
                self._outcomes[_ENDED_DECODER.decode(entry.data).outcome.value] += 1
            elif entry.kind == "JobSucceeded":
                self._outcomes[AttemptOutcome.SUCCEEDED.value] += 1

    def on_cancelled_attempt(self) -> None:
        """Count an attempt that ended because it was cancelled: its entry is the same as a job's cancel."""
        self._outcomes[AttemptOutcome.CANCELLED.value] += 1

    def on_unrecorded_call(self) -> None:
        """Count a call of the model endpoint that could not be recorded."""
        self._unrecorded += 1

    def on_refused_model_request(self) -> None:
        """Count a request of the model endpoint that was refused before a model was asked, and belongs to no run."""
        self._refused += 1

    # --- when asked ---

    def look(self, reader: Reader) -> None:
        """Look up what is counted in the store: jobs that are not final, and connected workers."""
        self._unfinished = reader.count_unfinished_jobs()
        self._workers, self._slots, self._busy = Counter(), Counter(), Counter()
        for worker in reader.workers():
            self._workers[worker.state.value] += 1
            if worker.state is WorkerState.CONNECTED:
                self._slots.update(worker.offers)
                leases = reader.busy_slots(worker.id)  # more than slots where the worker has prefetched some
                self._busy.update({label: min(n, worker.offers.get(label, n)) for label, n in leases.items()})

    def text(self, *, free_bytes: int) -> bytes:
        """Return everything in Prometheus' text format."""
        self._free_bytes.set(free_bytes)
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        """Yield what stands in plain dictionaries as metrics."""
        requests = CounterMetricFamily(
            "titan_http_requests", "Answered requests.", labels=["method", "route", "status"]
        )
        for (method, route, status), count in list(self._requests.items()):
            requests.add_metric([method, route, str(status)], count)
        yield requests
        ends = {JOB_ENDS[kind].value: count for kind, count in list(self._entries.items()) if kind in JOB_ENDS}
        yield _counter("titan_jobs_ended", "Jobs that became final.", "status", ends)
        yield _counter("titan_attempts_ended", "Attempts by outcome.", "outcome", dict(self._outcomes))
        yield CounterMetricFamily(
            "titan_unrecorded_model_calls", "Answers of the model endpoint that were not recorded.", self._unrecorded
        )
        yield CounterMetricFamily(
            "titan_refused_model_requests", "Requests of no run refused before a model was asked.", self._refused
        )
        yield _gauge("titan_jobs", "Jobs that are not final.", "status", self._unfinished)
        yield _gauge("titan_workers", "Workers by state.", "state", self._workers)
        yield _gauge("titan_slots", "Slots of connected workers.", "label", _few(self._slots))
        yield _gauge("titan_slots_busy", "Slots under a live lease.", "label", _few(self._busy))


def _counter(name: str, help_text: str, label: str, counts: dict[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, help_text, labels=[label])
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family


def _gauge(name: str, help_text: str, label: str, counts: dict[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, help_text, labels=[label])
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family


def _few(counts: dict[str, int]) -> dict[str, int]:
    """Return `counts` with those beyond the first fifty labels added up as "other"."""
    few = dict(sorted(counts.items())[:MAX_LABELS])
    rest = sum(count for _, count in sorted(counts.items())[MAX_LABELS:])
    return {**few, OTHER: rest} if rest else few
