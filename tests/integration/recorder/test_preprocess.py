"""A process beside the server reads what is large, by the same rules; what it refuses, and its death, are told."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial
from itertools import islice

import pytest

from benchmarks.conversations import otlp_requests
from tests.support.waiting import wait_until
from titan.ingest import otlp
from titan.ingest.values import Batch
from titan.maintenance.settings import Privacy
from titan.model.actions import Entry
from titan.model.errors import InvalidInput
from titan.recorder.preprocess import NICENESS, Preparer, PreparingProcess, make_preparer

MAKE = partial(make_preparer, Privacy(patterns={"town": "london|paris"}, fields=(), keeps_content=True), b"k" * 32)
READ = partial(otlp.read_traces, content_type="application/x-protobuf", content_encoding=None)


@pytest.fixture
def process() -> Iterator[PreparingProcess]:
    made = PreparingProcess(MAKE)
    yield made
    made.close()


def prepared(process: PreparingProcess, body: bytes) -> tuple[list[Entry], Batch]:
    """Return what the process makes of a request, once it is there."""
    found: list[tuple[list[Entry], Batch]] = []

    def is_there() -> bool:
        told = process.prepared(partial(READ, body))
        if told is not None:
            found.append(told)
        return told is not None

    wait_until(is_there, "the process to be there")
    return found[0]


def test_it_prepares_entries_as_the_server_would(process: PreparingProcess) -> None:
    body = next(islice(otlp_requests(spans=64, seed=3), 1))
    here: Preparer = MAKE()

    entries, heard = prepared(process, body)

    expected = READ(body)
    assert entries == list(map(here.prepared, expected.entries))
    assert (heard.accepted, heard.rejected, heard.entries) == (64, 0, ())


def test_until_it_is_there_nothing_waits_for_it(process: PreparingProcess) -> None:
    assert process.prepared(partial(READ, b"")) is None


def test_refusals_of_the_process_keep_their_words(process: PreparingProcess) -> None:
    prepared(process, b"")

    with pytest.raises(InvalidInput, match="expected") as refusal:
        process.prepared(partial(READ, b"no protobuf at all"))

    assert refusal.value.next_step


def test_jobs_go_before_it_where_cores_are_short(process: PreparingProcess) -> None:
    prepared(process, b"")

    niceness = os.getpriority(os.PRIO_PROCESS, pid_of(process))

    assert niceness == min(os.getpriority(os.PRIO_PROCESS, 0) + NICENESS, 19)


def test_another_takes_its_place_when_it_dies(process: PreparingProcess) -> None:
    prepared(process, b"")

    os.kill(pid_of(process), signal.SIGKILL)

    assert process.prepared(partial(READ, b"")) is None
    assert prepared(process, b"")[1].accepted == 0


def pid_of(process: PreparingProcess) -> int:
    """Return the id of the process."""
    told = process.prepared(own_pid)
    assert told is not None
    return told[1].accepted


def own_pid() -> Batch:
    """Return the process's own id, as a batch that accepted so many."""
    return Batch(entries=(), accepted=os.getpid())
