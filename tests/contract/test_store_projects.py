"""Rows of several projects in one store of facts: which there are, and whose journal says what."""

from dataclasses import replace

from tests.support.stored import a_stored_dag, a_stored_job, a_token, a_worker
from tests.support.stores import committed
from titan.model.events import JournalEntry, Subject, TokenCreated
from titan.model.jobs import JobStatus
from titan.model.tokens import Role
from titan.ports.jobs_store import Reader, Store, Transaction


def store_dag_of(store: Store, project: str, dag_id: str) -> None:
    job = replace(a_stored_job(dag_id=dag_id, status=JobStatus.READY), project_id=project)
    dag = replace(a_stored_dag(job, dag_id=dag_id), project_id=project)

    def add(tx: Transaction) -> None:
        tx.add_dag(dag, [job], [])

    committed(store, add)


def test_the_projects_are_those_with_a_dag_or_a_token(store: Store) -> None:
    assert store.read(lambda reader: reader.projects()) == []

    for number, project in enumerate(["shop", "finance", "shop", "Crème/brûlée"]):
        store_dag_of(store, project, f"d{number}")
    committed(store, lambda tx: tx.add_token(replace(a_token(), project_id="a token's")))
    committed(store, lambda tx: tx.add_token(a_token("1" * 12)))

    assert store.read(lambda reader: reader.projects()) == ["Crème/brûlée", "a token's", "finance", "shop"]


def test_unfinished_jobs_of_all_projects_are_counted_together(store: Store) -> None:
    for number, project in enumerate(["shop", "finance", "shop"]):
        store_dag_of(store, project, f"d{number}")

    assert store.read(lambda reader: reader.count_unfinished_jobs()) == {"READY": 3}


def test_the_first_jobs_of_all_projects_wait_in_one_queue(store: Store) -> None:
    store_dag_of(store, "shop", "d1")
    store_dag_of(store, "finance", "d2")

    assert len(store.read(lambda reader: reader.ready_jobs("GENERAL", limit=9))) == 2


def test_a_journal_is_read_for_a_project_with_the_organisation_or_for_all(store: Store) -> None:
    event = TokenCreated(cause="test", token_id="t", name="laptop", role=Role.ADMIN)

    def add(tx: Transaction) -> None:
        for project in ("shop", None, "finance"):
            tx.record(Subject(project_id=project), event)

    committed(store, add)

    def projects_in(project: str | None) -> list[str | None]:
        def read(reader: Reader) -> list[JournalEntry]:
            return reader.journal(project, limit=9)

        return [entry.subject.project_id for entry in store.read(read)]

    assert projects_in("shop") == ["shop", None]
    assert projects_in(None) == ["shop", None, "finance"]


def test_a_token_keeps_its_project_and_a_worker_its_organisation(store: Store) -> None:
    token = replace(a_token(), project_id="finance", organisation_id="elsewhere")
    worker = replace(a_worker(), organisation_id="elsewhere")

    committed(store, lambda tx: tx.add_token(token))
    committed(store, lambda tx: tx.save_worker(worker))

    assert store.read(lambda reader: reader.token(token.id)) == token
    assert store.read(lambda reader: reader.worker(worker.id)) == worker
