"""A server that dies between the commit of its jobs and the commit of its runs: the rows are as if it had lived on.

One projector meets crashes, before its commit and after it, and begins anew each time; another one, on a store of its
own, follows the same journal undisturbed. When both have read all of it, their runs are equal.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest

from tests.simulation.seeds import chosen_seeds, failures, few_and_many
from tests.support.builders import NOON, PROJECT, a_new_dag, a_spec
from tests.support.call_stores import record, standing_runs
from tests.support.desk import Desk, a_desk
from tests.support.recorded import a_call
from titan.model.attempts import Attempt, AttemptOutcome
from titan.model.errors import Conflict
from titan.model.run_control import RunOutcome
from titan.orchestrator.bus import Bus
from titan.orchestrator.cancel import cancel_run, end_run
from titan.ports.jobs_store import Transaction
from titan.ports.runs_store import CallStore, CallTransaction
from titan.recorder.run_projector import RunProjector
from titan.rules.runs.lifecycle import RUN_IDLE
from titan.store.runs.sqlite_store import SqliteCallStore

T = TypeVar("T")

ACTS = 150  # of one life
RUNS = tuple(f"A_{number}" for number in range(1, 13))


class Crashed(Exception):
    """The process died here."""


class MortalStore(SqliteCallStore):
    """A store of calls whose server dies at some of its commits: just before them, or just after."""

    def __init__(self, folder: Path, desk: Desk, chance: Random) -> None:
        super().__init__(folder / "mortal.db", clock=desk.clock)
        self.chance: Random | None = chance
        self.crashes = 0

    def transact(self, decide: Callable[[CallTransaction], T], *, is_durable: bool = True) -> "Future[T]":
        """Commit, or die."""
        end = "lives" if self.chance is None else self.chance.choice(["dies before", "dies after", "lives"])
        if end == "lives":
            return super().transact(decide, is_durable=is_durable)
        if end == "dies after":
            super().transact(decide).result()
        self.crashes += 1
        raise Crashed


@dataclass
class Life:
    """What happens to some runs, seen by two run projectors."""

    desk: Desk
    chance: Random
    mortal: MortalStore
    steady: CallStore
    attempts: list[Attempt] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start both run projectors."""
        self.dying, self.living = self.a_run_projector(self.mortal), self.a_run_projector(self.steady)

    def a_run_projector(self, calls: CallStore) -> RunProjector:
        """Return one that has just been started."""
        loop = asyncio.new_event_loop()
        loop.close()  # nobody waits here
        return RunProjector(self.desk.store, calls, bus=Bus(loop), clock=self.desk.clock)

    def act(self) -> None:
        """Let something happen."""
        usual = [self.submit, self.take, self.report, self.look]
        self.chance.choice([*usual, *usual, self.end, self.wait])()

    def submit(self) -> None:
        """Submit a stage of a run, or a DAG of none."""
        specs = [a_spec(f"job{place}") for place in range(self.chance.randint(1, 3))]
        run_id = self.chance.choice([*RUNS, None])
        try:
            dag_id = self.desk.submit(a_new_dag(*specs, agent_run_id=run_id)).dag_id
        except Conflict:  # a run that was cancelled takes no more
            return
        if self.chance.random() < 0.3:
            call = a_call(f"of {dag_id}", run_id=run_id or dag_id, begins=(self.desk.clock.time - NOON).total_seconds())
            self.mortal.chance, chance = None, self.mortal.chance
            record(self.mortal, call)
            self.mortal.chance = chance
            record(self.steady, call)

    def take(self) -> None:
        """Lease what a worker has slots for."""
        self.attempts += self.desk.dispatch()

    def report(self) -> None:
        """End an attempt."""
        if self.attempts:
            attempt = self.attempts.pop(self.chance.randrange(len(self.attempts)))
            self.desk.report(attempt, self.chance.choice([AttemptOutcome.SUCCEEDED, AttemptOutcome.FAILED]))

    def end(self) -> None:
        """Have a run's program end it, or somebody cancel it."""
        run_id, outcome = self.chance.choice(RUNS), self.chance.choice(list(RunOutcome))

        def decide(tx: Transaction) -> None:
            run = tx.run_control(PROJECT, run_id)
            if run is not None and outcome is RunOutcome.CANCELLED:
                cancel_run(tx, run, by="ada")
            elif run is not None:
                end_run(tx, PROJECT, run_id, outcome, reason="done")

        self.desk.perform(decide)

    def wait(self) -> None:
        """Let time pass."""
        self.desk.clock.turn(self.chance.choice([1, 30, RUN_IDLE.total_seconds()]))

    def look(self) -> None:
        """Have both run projectors read on."""
        try:
            self.read(self.dying)
        except Crashed:
            self.dying = self.a_run_projector(self.mortal)
        self.read(self.living)

    def read(self, run_projector: RunProjector) -> None:
        """Read the journal to its end, and end what fell silent."""
        while run_projector.catch_up():
            pass
        run_projector.end_idle()

    def come_to_rest(self) -> None:
        """Let all that happened be read, with no more crashes, once it is long ago."""
        self.mortal.chance = None
        self.desk.clock.turn(10 * RUN_IDLE.total_seconds())
        self.dying = self.a_run_projector(self.mortal)
        self.look()


def crashes_between_commits(seed: int, folder: Path) -> None:
    """Live through some acts with crashes; the runs are as they are without."""
    chance = Random(seed)
    with a_desk(folder) as desk, ExitStack() as stack:
        mortal = MortalStore(folder, desk, chance)
        stack.callback(mortal.close)
        steady = SqliteCallStore(folder / "steady.db", clock=desk.clock)
        stack.callback(steady.close)
        desk.join(GENERAL=3)
        life = Life(desk, chance, mortal, steady)

        for _ in range(ACTS):
            life.act()
            desk.clock.turn(0.1)
        life.come_to_rest()

        runs = standing_runs(steady)
        assert runs
        assert standing_runs(mortal) == runs
        assert mortal.crashes


@pytest.mark.parametrize("seeds", few_and_many(20, 200))
def test_the_rows_of_runs_are_the_same_whenever_the_server_dies(seeds: range) -> None:
    found = failures(crashes_between_commits, chosen_seeds(seeds))
    assert not found, found
