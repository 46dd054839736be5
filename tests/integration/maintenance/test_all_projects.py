"""The engine works for all projects at once: it leases, notices and tells the registry of runs of each."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.builders import a_new_dag, a_spec
from tests.support.desk import Desk, a_desk
from titan.maintenance.stall_monitor import StallMonitor
from titan.model.run_control import RunStatus
from titan.orchestrator.bus import Bus
from titan.ports.runs_store import CallStore
from titan.recorder.run_projector import RunProjector
from titan.rules.runs.recording import ContentCapture
from titan.store.runs.sqlite_store import SqliteCallStore

PROJECTS = ("default", "finance", "shop")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with a_desk(tmp_path) as desk:
        desk.join("w1", GENERAL=3)
        yield desk


def submit_to(desk: Desk, project: str, *, requirement: str = "GENERAL") -> None:
    """Submit a stage of a run that is called R_1 in each project."""
    desk.submit(a_new_dag(a_spec("train", requirement=requirement), agent_run_id="R_1"), project_id=project)


def statuses(calls: CallStore) -> list[RunStatus | None]:
    runs = [calls.read(lambda reader, project=project: reader.run(project, "R_1")) for project in PROJECTS]  # type: ignore[misc]
    return [None if run is None else run.status for run in runs]


def a_run_projector(desk: Desk, calls: CallStore, capture: ContentCapture) -> RunProjector:
    loop = asyncio.new_event_loop()
    loop.close()  # nobody waits here
    return RunProjector(desk.store, calls, bus=Bus(loop), clock=desk.clock, capture=capture)


def test_one_worker_is_leased_jobs_of_every_project(desk: Desk) -> None:
    for project in PROJECTS:
        submit_to(desk, project)

    leased = desk.dispatch()

    assert sorted(attempt.project_id for attempt in leased) == sorted(PROJECTS)


def test_runs_of_one_name_are_in_the_registry_each_in_its_project(desk: Desk, tmp_path: Path) -> None:
    capture = ContentCapture(off_projects=frozenset({"finance"}))
    with closing(SqliteCallStore(tmp_path / "calls.db", clock=desk.clock)) as calls:
        run_projector = a_run_projector(desk, calls, capture)
        for project in PROJECTS[:2]:
            submit_to(desk, project)
        run_projector.refresh()
        before = statuses(calls)
        [first, _second] = desk.dispatch()
        desk.report(first)
        a_run_projector(desk, calls, capture).refresh()
        desk.clock.turn(86_400)
        run_projector.refresh()

        keeps = [calls.read(lambda r, project=project: r.run(project, "R_1")) for project in PROJECTS[:2]]  # type: ignore[misc]

        assert before == [RunStatus.PENDING, RunStatus.PENDING, None]
        assert statuses(calls) == [RunStatus.COMPLETED, RunStatus.RUNNING, None]
        assert [run is not None and run.keeps_content for run in keeps] == [True, False]


def test_a_run_that_falls_silent_and_a_label_that_nobody_offers_are_noticed_anywhere(desk: Desk) -> None:
    look = StallMonitor(desk.store, clock=desk.clock).look
    asyncio.run(look())
    for project in PROJECTS[:2]:
        submit_to(desk, project)
    desk.run_all()
    submit_to(desk, "shop", requirement="GPU")

    desk.clock.turn(86_400)
    asyncio.run(look())

    entries = desk.store.read(lambda reader: reader.journal(None, limit=10_000))
    silent = [entry.subject.project_id for entry in entries if entry.kind == "RunFellSilent"]
    unroutable = [entry.subject.project_id for entry in entries if entry.kind == "JobUnroutable"]
    assert (silent, unroutable) == (["default", "finance"], ["shop"])
