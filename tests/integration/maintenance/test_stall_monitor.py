"""What only time brings about is in the journal, once: a run that fell silent, a label that nobody offers."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builders import PROJECT, a_new_dag, a_spec
from tests.support.desk import Desk, a_desk
from titan.maintenance.stall_monitor import StallMonitor
from titan.orchestrator import worker_registry


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with a_desk(tmp_path) as desk:
        look(desk)  # the first look of all begins to count
        yield desk


def look(desk: Desk, *, after_seconds: float = 0.0) -> None:
    """Look once, as a server that may have just been started."""
    desk.clock.turn(after_seconds)
    asyncio.run(StallMonitor(desk.store, clock=desk.clock).look())


def seen(desk: Desk, kind: str) -> list[str]:
    """Return run id or job name with the data of each such entry."""
    entries = desk.store.read(lambda reader: reader.journal(PROJECT, limit=10_000))
    return [f"{entry.subject.run_id or entry.subject.job_id} {entry.data}" for entry in entries if entry.kind == kind]


def test_a_run_that_falls_silent_is_announced_once_with_its_status(desk: Desk) -> None:
    desk.join("w1", GENERAL=2)
    for run_id, failing in (("good", []), ("bad", ["train"])):
        desk.submit(a_new_dag(a_spec("train"), agent_run_id=run_id))
        desk.run_all(failing=failing)

    look(desk, after_seconds=119)
    early = seen(desk, "RunFellSilent")
    look(desk, after_seconds=2)
    look(desk, after_seconds=600)

    assert early == []
    assert seen(desk, "RunFellSilent") == ['bad {"status":"failed"}', 'good {"status":"completed"}']


def test_a_run_that_falls_silent_while_no_server_runs_is_announced_by_the_next_one(desk: Desk) -> None:
    desk.join()
    desk.submit(a_new_dag(a_spec("train"), agent_run_id="r1"))
    desk.run_all()

    look(desk, after_seconds=86400)

    assert seen(desk, "RunFellSilent") == ['r1 {"status":"completed"}']


def test_a_run_that_resumes_and_falls_silent_again_is_announced_again(desk: Desk) -> None:
    desk.join()
    for _ in range(2):
        desk.submit(a_new_dag(a_spec("train"), agent_run_id="r1"))
        desk.run_all()
        look(desk, after_seconds=300)

    assert len(seen(desk, "RunFellSilent")) == 2


def test_a_label_without_a_worker_is_announced_once_until_a_worker_offers_it(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("train", requirement="GPU")))
    job_id = desk.job("train").id

    look(desk, after_seconds=29)
    early = seen(desk, "JobUnroutable")
    look(desk, after_seconds=1)
    look(desk, after_seconds=600)
    told_once = seen(desk, "JobUnroutable")
    desk.join("w1", GPU=1)
    look(desk)
    desk.store.transact(lambda tx: worker_registry.lose(tx, "w1", server_id="")).result()
    look(desk)

    assert early == []
    assert told_once == [f'{job_id} {{"label":"GPU"}}']
    assert seen(desk, "JobUnroutable") == told_once * 2


def test_a_job_that_only_waits_for_a_slot_is_not_unroutable(desk: Desk) -> None:
    desk.join("w1", GPU=1)
    desk.submit(a_new_dag(a_spec("a", requirement="GPU"), a_spec("b", requirement="GPU")))
    desk.dispatch()

    look(desk, after_seconds=5)

    assert seen(desk, "JobUnroutable") == []
