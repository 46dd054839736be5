"""The registry follows the journal: over restarts and refusals, and also where the journal tells of nothing."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from tests.support.builders import PROJECT, a_new_dag, a_spec
from tests.support.call_stores import kept, record, run_of
from tests.support.desk import Desk, a_desk
from tests.support.recorded import a_call
from titan.model.errors import StoreUnavailable
from titan.model.run_control import RunStatus, StatusSource
from titan.model.runs import Run
from titan.orchestrator.bus import Bus
from titan.ports.runs_store import CallTransaction
from titan.recorder.recorder import end_silent, live_submissions
from titan.recorder.run_projector import PLACE, RunProjector
from titan.rules.runs.lifecycle import IDLE, RUN_IDLE
from titan.store.runs.sqlite_store import SqliteCallStore
from titan.store.session import closed

T = TypeVar("T")


class AwayAtTimes(SqliteCallStore):
    """A store that refuses to write while it is told to."""

    is_away = False

    def transact(self, decide: Callable[[CallTransaction], T], *, is_durable: bool = True) -> "Future[T]":
        """Refuse, or write."""
        if not self.is_away:
            return super().transact(decide, is_durable=is_durable)
        refused: Future[T] = Future()
        refused.set_exception(closed("the store"))
        return refused


class House:
    """A desk with the store of calls beside it, and a run_projector between the two."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.desk = desk
        self.calls = AwayAtTimes(folder / "calls.db", clock=desk.clock)
        self.run_projector = self.a_run_projector()
        desk.join()

    def a_run_projector(self) -> RunProjector:
        """Return one that has just been started."""
        loop = asyncio.new_event_loop()
        loop.close()  # nobody waits here
        return RunProjector(self.desk.store, self.calls, bus=Bus(loop), clock=self.desk.clock)

    def restart(self) -> None:
        """Begin with a run_projector that knows nothing."""
        self.run_projector = self.a_run_projector()

    def catch_up(self) -> None:
        """Read all of the journal."""
        while self.run_projector.catch_up():
            pass

    def end_silent(self) -> None:
        """End what has been silent for too long."""
        live = partial(live_submissions, self.desk.store)
        end_silent(self.calls, live=live, clock=self.desk.clock)

    def submit(self, run_id: str, *names: str) -> None:
        """Submit a stage of a run."""
        self.desk.submit(a_new_dag(*(a_spec(name) for name in names or ("train",)), agent_run_id=run_id))

    def run(self, run_id: str = "R_1") -> Run:
        """Return a run as the registry has it."""
        found = run_of(self.calls, run_id)
        assert found is not None
        return found


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house."""
    with a_desk(tmp_path) as desk:
        house = House(desk, tmp_path)
        yield house
        house.calls.close()


def test_a_run_with_stages_has_their_status_in_the_registry(house: House) -> None:
    house.submit("R_1")
    house.catch_up()
    before = house.run()
    [attempt] = house.desk.dispatch()
    house.catch_up()
    during = house.run()
    house.desk.report(attempt)
    house.catch_up()

    assert [run.status for run in (before, during, house.run())] == [
        RunStatus.PENDING,
        RunStatus.RUNNING,
        RunStatus.RUNNING,
    ]
    assert (before.agent_id, before.has_stages, before.status_source) == ("R", True, StatusSource.STAGES)


def test_a_run_that_nobody_ended_ends_when_it_has_done_nothing_for_a_while(house: House) -> None:
    house.submit("R_1")
    house.desk.run_all()
    house.catch_up()

    house.desk.clock.turn(RUN_IDLE.total_seconds() - 1)
    house.run_projector.end_idle()
    before = house.run()
    house.desk.clock.turn(1)
    house.run_projector.end_idle()

    assert (before.status, before.ended_at) == (RunStatus.RUNNING, None)
    assert (house.run().status, house.run().ended_at) == (RunStatus.COMPLETED, before.last_event_at)


def test_a_run_that_fell_silent_while_no_server_ran_ends_after_the_restart(house: House) -> None:
    house.submit("R_1")
    house.desk.run_all(failing=["train"])
    house.catch_up()
    record(house.calls, a_call(run_id="no stages"))

    house.desk.clock.turn(RUN_IDLE.total_seconds() + 1)
    house.restart()
    house.catch_up()
    house.run_projector.end_idle()

    assert house.run().status is RunStatus.FAILED
    assert house.run("no stages").status is RunStatus.RUNNING


def test_a_restart_resumes_where_it_stopped_and_does_nothing_twice(house: House) -> None:
    house.submit("R_1")
    house.catch_up()
    version = house.calls.read(lambda reader: reader.newest_version())

    house.restart()
    house.catch_up()
    unchanged = house.calls.read(lambda reader: reader.newest_version())
    house.submit("R_2")
    house.restart()
    house.catch_up()

    assert unchanged == version
    assert house.run("R_2").status is RunStatus.PENDING


def test_a_failed_write_is_repeated_later(house: House) -> None:
    house.submit("R_1")
    house.calls.is_away = True
    with pytest.raises(StoreUnavailable):
        house.catch_up()

    house.calls.is_away = False
    house.catch_up()

    assert house.run().has_stages


def test_another_journal_is_read_from_its_beginning(house: House) -> None:
    kept(house.calls, lambda tx: tx.put_note(PLACE, "1000000"))
    house.submit("R_1")

    house.catch_up()

    assert house.run().has_stages


def test_a_long_journal_is_read_part_by_part(house: House) -> None:
    for number in range(60):
        house.submit(f"R_{number}", *(f"job{place}" for place in range(20)))

    house.catch_up()

    assert house.run("R_0").has_stages
    assert house.run("R_59").has_stages


def test_recorded_calls_of_a_run_stay_when_its_stages_arrive(house: House) -> None:
    record(house.calls, a_call(run_id="R_1", cost="0.1"))
    house.submit("R_1")

    house.catch_up()

    assert (house.run().tally.calls, house.run().status_source) == (1, StatusSource.STAGES)


def test_an_archived_run_that_submits_more_is_in_the_lists_again(house: House) -> None:
    record(house.calls, a_call(run_id="R_1"))
    house.submit("R_1", "train")
    house.catch_up()
    kept(house.calls, lambda tx: tx.archive_run(house.run()))

    house.submit("R_1", "report")
    house.catch_up()

    found = house.calls.read(lambda reader: reader.find_in_run(PROJECT, "R_1", "look_up", limit=9))
    assert (house.run().archived_at, house.run().status, found) == (None, RunStatus.RUNNING, ["a1"])


def test_silence_does_not_end_a_run_recorded_by_a_job_while_its_submission_is_live(house: House) -> None:
    dag_id = house.desk.submit(a_new_dag(a_spec("train"))).dag_id
    [attempt] = house.desk.dispatch()
    record(house.calls, a_call(run_id=dag_id), a_call("b1", run_id="nobody's"))
    house.catch_up()

    for _ in range(3):
        house.desk.clock.turn(IDLE.total_seconds() + 1)
        house.end_silent()
    during = house.run(dag_id)
    house.desk.report(attempt)
    house.catch_up()

    others = house.run("nobody's")
    assert (during.status, during.has_stages, during.ended_at) == (RunStatus.RUNNING, False, None)
    assert (others.status, others.status_source) == (RunStatus.COMPLETED, StatusSource.INFERRED)
    assert (house.run(dag_id).status, house.run(dag_id).status_source) == (RunStatus.COMPLETED, StatusSource.STAGES)
    assert house.run(dag_id).ended_at == house.desk.clock.time


def test_a_run_recorded_by_a_job_and_delivered_after_its_submission_ended_ends_by_its_silence(house: House) -> None:
    dag_id = house.desk.submit(a_new_dag(a_spec("train"))).dag_id
    house.desk.run_all()
    house.catch_up()

    record(house.calls, a_call(run_id=dag_id, ends=0))
    house.desk.clock.turn(IDLE.total_seconds() + 1)
    house.end_silent()

    assert (house.run(dag_id).status, house.run(dag_id).status_source) == (RunStatus.COMPLETED, StatusSource.INFERRED)


def test_a_live_submission_is_looked_at_again_only_when_it_was_silent_for_as_long(house: House) -> None:
    dag_id = house.desk.submit(a_new_dag(a_spec("train"))).dag_id
    record(house.calls, a_call(run_id=dag_id, ends=0))
    house.desk.clock.turn(IDLE.total_seconds() + 1)

    house.end_silent()
    version = house.calls.read(lambda reader: reader.newest_version())
    house.desk.clock.turn(IDLE.total_seconds() - 1)
    house.end_silent()

    assert house.calls.read(lambda reader: reader.newest_version()) == version
