"""Jobs that waited before workers had organisations wait for a worker of theirs after the upgrade."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import apsw
import psycopg

from tests.support.postgres import a_database
from tests.support.sources import ROOT
from tests.support.stored import a_stored_job, store_dag
from titan.model.jobs import Job, JobStatus
from titan.model.projects import project_id_of
from titan.storage import open_durable

OLD = "update jobs set requirement = substr(requirement, 1, 7) || case when id = 'd2.00001' then '@t1' else '' end"
STEP = "src/titan/store/sql/{}/migrations/0019.sql"


def jobs() -> list[Job]:
    own = a_stored_job("own", status=JobStatus.READY)
    of_acme = replace(a_stored_job("a", dag_id="d2", status=JobStatus.READY), project_id=project_id_of("acme", "x"))
    confined = replace(of_acme, id="d2.00001", spec=replace(of_acme.spec, name="b", confined_to="t1"))
    return [own, of_acme, confined]


def stored(home: Path, store: str | None) -> None:
    durable = open_durable(home, store=store, shared=home / "shared" if store else None)
    own, *of_acme = jobs()
    store_dag(durable.store, own)
    store_dag(durable.store, *of_acme, dag_id="d2")
    durable.close()


def ready(home: Path, store: str | None) -> dict[str, list[str]]:
    durable = open_durable(home, store=store, shared=home / "shared" if store else None)
    queues = ("GENERAL", "GENERAL@t1", "GENERAL@@acme", "GENERAL@t1@acme")
    try:
        return durable.store.read(
            lambda reader: {queue: [job.id for job in reader.ready_jobs(queue, limit=9)] for queue in queues}
        )
    finally:
        durable.close()


WANTED = {"GENERAL": ["d1.00000"], "GENERAL@t1": [], "GENERAL@@acme": ["d2.00000"], "GENERAL@t1@acme": ["d2.00001"]}


def test_an_upgraded_home_has_the_queues_of_its_organisations(tmp_path: Path) -> None:
    stored(tmp_path, None)
    with closing(apsw.Connection(str(tmp_path / "control.db"))) as connection:
        connection.execute(OLD)
        connection.execute((ROOT / STEP.format("sqlite")).read_text("utf-8"))

    assert ready(tmp_path, None) == WANTED


def test_an_upgraded_database_has_the_queues_of_its_organisations(tmp_path: Path) -> None:
    with a_database(is_empty=True) as url:
        stored(tmp_path, url)
        with psycopg.connect(url, autocommit=True) as connection:
            found = connection.execute("select table_schema from information_schema.tables where table_name = 'jobs'")
            ((schema,),) = found.fetchall()
            connection.execute(f"set search_path to {schema}".encode())
            connection.execute(OLD.encode())
            connection.execute((ROOT / STEP.format("postgres")).read_bytes())

        assert ready(tmp_path, url) == WANTED
