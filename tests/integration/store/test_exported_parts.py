"""A long run goes out and comes in piece by piece: of what a store hands out, little is not written yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import pytest
from msgspec.structs import replace

from tests.support.builders import NOON, PROJECT
from tests.support.call_stores import kept, record, run_of
from tests.support.recorded import RUN, a_call, a_word
from tests.support.stores import StandingClock
from titan.insight.export import ExportedRun, csv_rows, json_document, json_lines
from titan.model.actions import ActionEntry, Payload, RunEnd
from titan.model.runs import Run
from titan.ports.runs_store import CallReader, StoredEntry
from titan.server.routes.export_import import IMPORTED_AT_ONCE, PART_BYTES, parts_of
from titan.server.views.runs import PART_BYTES as TAPE_PART_BYTES
from titan.server.views.runs import exported_runs
from titan.store.blobs import FolderBlobs
from titan.store.runs.sqlite_store import SqliteCallStore

T = TypeVar("T")

CALLS = 200
EACH = 60_000  # bytes of inputs: less than what is kept apart
MOST_AHEAD = TAPE_PART_BYTES + 2 * EACH


class CountingStore(SqliteCallStore):
    """A store that counts the bytes of the inputs that it hands out."""

    handed_out = 0

    def read(self, query: Callable[[CallReader], T]) -> T:
        """Answer, and count."""
        found = super().read(query)
        if isinstance(found, list):
            self.handed_out += sum(_size(one) for one in found if isinstance(one, StoredEntry))
        return found


def _size(stored: StoredEntry) -> int:
    inputs = getattr(stored.entry, "inputs", None)
    return len(inputs.whole) if isinstance(inputs, Payload) else 0


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def store(tmp_path: Path, clock: StandingClock) -> Iterator[CountingStore]:
    """A store with a run of 12 MB, whose calls were told when they began and when they ended."""
    with closing(CountingStore(tmp_path / "calls.db", clock=clock)) as store:
        begun = [a_call(f"a{number}", begins=number, ends=None) for number in range(CALLS)]
        record(store, replace(a_word(), details='{"resource":{"x":1}}'), *begun)
        for number in range(CALLS):
            inputs = Payload(f'"{number:0{EACH}}"')
            record(store, replace(a_call(f"a{number}", begins=number, ends=number + 1), inputs=inputs))
        record(store, a_word(seconds=CALLS, end=RunEnd.COMPLETED))
        yield store


def runs_of(store: CountingStore, blobs: Path) -> Iterator[ExportedRun]:
    run = run_of(store)
    assert run is not None
    runs: Iterable[Run] = [run]
    return exported_runs(store, FolderBlobs(blobs), runs)


def as_document(runs: Iterator[ExportedRun]) -> Iterator[bytes]:
    return json_document(runs, exported_at=NOON, filters={})


@pytest.mark.parametrize("is_packed", [False, True], ids=["as rows", "packed"])
@pytest.mark.parametrize("write", [json_lines, as_document, csv_rows])
def test_an_export_reads_no_further_ahead_than_a_part(
    store: CountingStore,
    clock: StandingClock,
    tmp_path: Path,
    write: Callable[[Iterator[ExportedRun]], Iterator[bytes]],
    is_packed: bool,
) -> None:
    if is_packed:
        store.pack(before=clock.now() + timedelta(days=1), limit=9)
    written, ahead, content = 0, list[int](), b""

    for piece in write(runs_of(store, tmp_path / "blobs")):
        ahead.append(store.handed_out - written)
        written += len(piece)
        content = piece if len(piece) > EACH else content

    assert store.handed_out == CALLS * (EACH + 2)
    assert max(ahead) < MOST_AHEAD
    assert written > store.handed_out
    assert f"{CALLS - 1:0{EACH}}".encode() in content  # the last call comes last, whole


def test_of_a_run_that_is_deleted_meanwhile_whole_actions_come_and_no_empty_ones(
    store: CountingStore, tmp_path: Path
) -> None:
    [run] = runs_of(store, tmp_path / "blobs")
    actions = iter(run.actions)
    first = next(actions)

    kept(store, lambda tx: tx.forget_run(PROJECT, RUN))
    found = [first, *actions]

    assert 1 < len(found) < CALLS
    assert all(bodies.inputs is not None for _, bodies in found)


def test_an_import_is_kept_a_part_at_a_time(store: CountingStore, tmp_path: Path) -> None:
    content = BytesIO(b"".join(json_lines(runs_of(store, tmp_path / "blobs"))))

    parts = [sum(isinstance(told, ActionEntry) for told in part) for part in parts_of(content, is_partial=False)]

    assert sum(parts) == CALLS
    assert max(parts) * EACH <= PART_BYTES + EACH


def test_an_import_of_short_lines_is_kept_so_many_lines_at_a_time() -> None:
    line = b'{"type":"action","id":"a%d","run_id":"r","name":"n","started_at":"2026-03-01T12:00:00Z"}\n'
    content = BytesIO(b"".join(line % number for number in range(IMPORTED_AT_ONCE + 1)))

    assert [len(part) for part in parts_of(content, is_partial=True)] == [
        IMPORTED_AT_ONCE,
        1,
    ]
