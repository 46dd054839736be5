"""What every store answers about DAGs and agent runs."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.builders import NOON, PROJECT
from tests.support.stored import a_run, a_stored_dag, a_stored_job, store_dag
from tests.support.stores import committed
from titan.model.dags import Dag, JobCounts, OnFailure
from titan.model.errors import StoreRefused
from titan.model.jobs import JobStatus
from titan.model.run_control import RunControl, RunOutcome
from titan.ports.jobs_store import Reader, Store

LATER = NOON + timedelta(minutes=1, microseconds=1)


def store_run(store: Store, run: RunControl) -> None:
    committed(store, lambda tx: tx.add_run(run))


def ids(dags: list[Dag]) -> list[str]:
    return [dag.id for dag in dags]


def store_empty_dag(store: Store, dag: Dag) -> Dag:
    committed(store, lambda tx: tx.add_dag(dag, [], []))
    return dag


# --- DAGs ---


def test_a_dag_comes_back_as_it_was_stored(store: Store) -> None:
    maker = a_stored_job("maker")
    store_dag(store, maker)
    store_run(store, a_run("r1"))
    dag = Dag(
        project_id=PROJECT,
        id="d2",
        name="pipeline — zwei",
        run_id="r1",
        agent_id="researcher",
        on_failure=OnFailure.STOP,
        submitted_at=NOON,
        counts=JobCounts(waiting=1, ready=2, running=3, completed=4, failed=5, cancelled=6),
        made_by=maker.id,
        depth=1,
        started_at=LATER,
    )

    store_empty_dag(store, dag)

    assert store.read(lambda reader: reader.dag("d2")) == dag


def test_saving_a_dag_overwrites_its_counts_start_and_end(store: Store) -> None:
    dag = store_dag(store, a_stored_job())
    ended = replace(dag, counts=JobCounts(completed=1), started_at=NOON, ended_at=LATER)

    committed(store, lambda tx: tx.save_dag(ended))

    assert store.read(lambda reader: reader.dag("d1")) == ended


def test_dags_are_listed_newest_first_by_run_and_name(store: Store) -> None:
    store_run(store, a_run("r1"))
    store_empty_dag(store, a_stored_dag(dag_id="d1", name="plan", run_id="r1"))
    store_empty_dag(store, a_stored_dag(dag_id="d2", name="plan"))
    store_empty_dag(store, a_stored_dag(dag_id="d3", name="write", run_id="r1"))

    def ask(reader: Reader) -> list[list[str]]:
        return [
            ids(found)
            for found in (
                reader.dags(PROJECT, limit=10),
                reader.dags(PROJECT, limit=2),
                reader.dags(PROJECT, run_id="r1", limit=10),
                reader.dags(PROJECT, name="plan", limit=10),
                reader.dags(PROJECT, run_id="r1", name="plan", limit=10),
                reader.dags(PROJECT, run_id="r9", limit=10),
                reader.dags("elsewhere", limit=10),
            )
        ]

    assert store.read(ask) == [["d3", "d2", "d1"], ["d3", "d2"], ["d3", "d1"], ["d2", "d1"], ["d1"], [], []]


def test_the_newest_dag_of_a_name_is_found(store: Store) -> None:
    store_empty_dag(store, a_stored_dag(dag_id="d1", name="plan"))
    newest = store_empty_dag(store, a_stored_dag(dag_id="d2", name="plan"))

    found = store.read(lambda reader: (reader.newest_dag(PROJECT, "plan"), reader.newest_dag(PROJECT, "no")))

    assert found == (newest, None)


def test_the_stages_of_a_run_come_in_submission_order(store: Store) -> None:
    store_run(store, a_run("r1"))
    first = store_empty_dag(store, a_stored_dag(dag_id="d1", run_id="r1"))
    store_empty_dag(store, a_stored_dag(dag_id="d2"))
    last = store_empty_dag(store, a_stored_dag(dag_id="d3", run_id="r1"))

    def ask(reader: Reader) -> tuple[list[Dag], Dag | None, Dag | None]:
        return (
            reader.stages(PROJECT, "r1"),
            reader.last_stage(PROJECT, "r1"),
            reader.last_stage(PROJECT, "r9"),
        )

    assert store.read(ask) == ([first, last], last, None)


@pytest.mark.parametrize(
    "impossible",
    [
        replace(a_stored_dag(a_stored_job()), counts=JobCounts(waiting=-1, ready=2)),
        replace(a_stored_dag(a_stored_job()), ended_at=NOON),
        replace(a_stored_dag(a_stored_job(status=JobStatus.FAILED)), ended_at=None),
        a_stored_dag(a_stored_job(), run_id="unknown"),
        a_stored_dag(a_stored_job(), made_by="d9.00000"),
        replace(a_stored_dag(a_stored_job()), depth=-1),
    ],
    ids=[
        "a negative count",
        "ended with a job left",
        "no job left but not ended",
        "an unknown run",
        "an unknown maker",
        "less deep than the first",
    ],
)
def test_an_impossible_dag_is_refused(store: Store, impossible: Dag) -> None:
    with pytest.raises(StoreRefused):
        store_empty_dag(store, impossible)

    assert store.read(lambda reader: reader.dag("d1")) is None


# --- runs ---


def test_a_run_comes_back_as_it_was_saved(store: Store) -> None:
    begun = a_run("r1")
    ended = RunControl(
        project_id=PROJECT,
        id="r1",
        agent_id="researcher",
        started_at=NOON,
        last_activity_at=LATER,
        stage_count=2,
        job_count=5,
        live_job_count=1,
        outcome=RunOutcome.FAILED,
        ended_at=LATER,
        reason="no sources — nothing to write",
    )

    store_run(store, begun)
    as_begun = store.read(lambda reader: reader.run_control(PROJECT, "r1"))
    committed(store, lambda tx: tx.save_run(ended))

    assert (as_begun, store.read(lambda reader: reader.run_control(PROJECT, "r1"))) == (begun, ended)


def test_two_projects_may_use_one_run_id_and_one_project_may_not_use_it_twice(store: Store) -> None:
    elsewhere = replace(a_run("r1"), project_id="elsewhere")
    store_run(store, a_run("r1"))
    store_run(store, elsewhere)

    with pytest.raises(StoreRefused):
        store_run(store, a_run("r1"))

    assert store.read(lambda reader: reader.run_control("elsewhere", "r1")) == elsewhere
    assert store.read(lambda reader: reader.run_control(PROJECT, "unknown")) is None


def test_the_dags_that_jobs_have_submitted_are_found_by_their_makers(store: Store) -> None:
    a, b, c = (a_stored_job(name, position=n) for n, name in enumerate("abc"))
    alone = store_dag(store, a, b, c)
    made = [
        replace(alone, id=f"d{n}", counts=JobCounts(waiting=1), made_by=maker.id)
        for n, maker in ((2, a), (3, b), (4, a))
    ]
    for dag in made:
        store_empty_dag(store, dag)

    assert ids(store.read(lambda reader: reader.dags_made_by([a.id]))) == ["d2", "d4"]
    assert ids(store.read(lambda reader: reader.dags_made_by([b.id, a.id, "unknown"]))) == ["d2", "d3", "d4"]
    assert store.read(lambda reader: reader.dags_made_by([c.id])) == []
    assert store.read(lambda reader: reader.dags_made_by([])) == []
