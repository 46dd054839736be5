"""A journal that was cut: who has read past the cut goes on, who has not is told to read everything anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.builders import PROJECT
from tests.support.event_stream import events
from tests.support.running_titan import running_titan
from tests.support.stores import StandingClock, committed
from titan.model.events import JobReady, Subject
from titan.store.sqlite import SqliteStore


@pytest.mark.parametrize(("cursor", "first"), [(0, "resync"), (2, "resync"), (3, "JobReady"), (4, "JobReady")], ids=str)
def test_a_cursor_before_the_cut_gives_a_resync(tmp_path: Path, cursor: int, first: str) -> None:
    home = tmp_path / "home"
    store = SqliteStore(home / "control.db", clock=StandingClock())
    for number in range(6):
        committed(store, lambda tx: tx.record(Subject(project_id=PROJECT), JobReady(cause="x")))
        if number == 4:
            committed(store, lambda tx: tx.cut_journal([1, 2, 3]))
    store.close()

    with running_titan(home, offers=()) as titan, events(titan.sdk_port, f"?after={cursor}") as stream:
        (event,) = stream.take(1)

    assert event.kind == first
