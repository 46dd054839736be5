"""Thousands of trees of spans in any order, whole and begun first: what is counted and summed up is always the same."""

from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from tests.support.builders import PROJECT
from tests.support.call_stores import record
from tests.support.random_wrappers import a_tree, in_batches, with_beginnings
from tests.support.recorded import Memory, heard
from titan.model.actions import ActionEntry
from titan.model.runs import Tally
from titan.store.runs.sqlite_store import SqliteCallStore
from titan.system import SystemClock


def told(rnd: Random, run_id: str) -> list[ActionEntry]:
    spans = a_tree(rnd, run_id=run_id, has_steps=rnd.random() < 0.7)
    return with_beginnings(rnd, spans) if rnd.random() < 0.5 else spans


@pytest.mark.slow
def test_in_any_order_and_batches_trees_come_to_the_same() -> None:
    wrong = []
    for seed in range(4000):
        rnd = Random(seed)
        entries = told(rnd, "R_1")
        memory = Memory()
        for batch in in_batches(rnd, entries):
            memory.hear(*batch)
        if memory.run.tally != heard(entries).run.tally:
            wrong.append(seed)

    assert wrong == []


@pytest.mark.slow
def test_in_any_order_and_batches_trees_come_to_the_same_in_a_store(tmp_path: Path) -> None:
    wrong = []
    with closing(SqliteCallStore(tmp_path / "calls.db", clock=SystemClock())) as store:
        for seed in range(600):
            entries = told(Random(seed), f"R_{seed}")
            for batch in in_batches(Random(seed), entries):
                record(store, *batch)
            record(store, *told(Random(seed), f"T_{seed}"))
            if tally_of(store, f"R_{seed}") != tally_of(store, f"T_{seed}"):
                wrong.append(seed)

    assert wrong == []


def tally_of(store: SqliteCallStore, run_id: str) -> Tally:
    run = store.read(lambda reader: reader.run(PROJECT, run_id))
    assert run is not None
    return run.tally
