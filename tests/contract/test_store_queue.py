"""What every store answers about the queue: the jobs that wait, counted with those that wait alike."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

from tests.support.builders import NOON, PROJECT
from tests.support.stored import a_stored_job, store_dag
from titan.model.jobs import Affinity, HeldPart, Job, JobStatus, QueuePart, ReadyPart, WaitsFor
from titan.model.projects import project_id_of
from titan.ports.jobs_store import Reader, Store
from titan.rules.jobs.wait_reason import gather, waits_for

READY, GATE = JobStatus.READY, JobStatus.WAITING_APPROVAL
LATER = NOON + timedelta(minutes=1)

#: One job or more of each kind, and some that do not wait.
QUEUE = (
    a_stored_job("plain", position=0, status=READY, ready_at=LATER),
    a_stored_job("first", position=1, status=READY, ready_at=NOON + timedelta(seconds=5)),
    a_stored_job("train", position=2, status=READY, requirement="GPU", priority=1),
    a_stored_job("urgent", position=3, status=READY, requirement="GPU", priority=9, ready_at=LATER),
    a_stored_job("bound", position=4, status=READY, affinity=Affinity.REQUIRED, preferred_worker_id="w9"),
    a_stored_job("soft", position=5, status=READY, affinity=Affinity.SOFT, preferred_worker_id="w9"),
    a_stored_job("child", position=6, remaining_parents=2),
    a_stored_job("keyed-child", position=7, remaining_parents=1, concurrency_key="db"),
    a_stored_job("keyed", position=8, concurrency_key="db"),
    a_stored_job("keyed-first", position=9, concurrency_key="db", priority=9),
    a_stored_job("other-key", position=10, concurrency_key="disk"),
    a_stored_job("delayed", position=11, due_at=LATER),
    a_stored_job("delayed-key", position=12, due_at=NOON, concurrency_key="db"),
    replace(a_stored_job("again", position=13, due_at=LATER), failed_count=1, attempt_count=1),
    replace(a_stored_job("lost", position=14, due_at=NOON), lost_count=1, attempt_count=1),
    replace(a_stored_job("ask", position=15, status=GATE, is_gate=True, due_at=LATER), ready_at=LATER),
    a_stored_job("ask-later", position=16, is_gate=True, remaining_parents=1),
    a_stored_job("done", position=17, status=JobStatus.COMPLETED),
)


def parts_of(store: Store, project_id: str = PROJECT) -> list[QueuePart]:
    return store.read(lambda reader: reader.queue_parts(project_id))


def name_of(part: QueuePart) -> str:
    if isinstance(part, ReadyPart):
        return f"{part.requirement} of {part.bound_to or 'any'}"
    return part.concurrency_key or part.waits_for.value


def names(jobs: list[Job]) -> list[str]:
    return [job.name for job in jobs]


def test_every_waiting_job_is_in_one_part(store: Store) -> None:
    store_dag(store, *QUEUE)

    assert set(parts_of(store)) == {
        ReadyPart(requirement="GENERAL", bound_to=None, count=3, since=NOON),
        ReadyPart(requirement="GENERAL", bound_to="w9", count=1, since=NOON),
        ReadyPart(requirement="GPU", bound_to=None, count=2, since=NOON),
        HeldPart(waits_for=WaitsFor.APPROVAL, count=1, since=LATER),
        HeldPart(waits_for=WaitsFor.CONCURRENCY, concurrency_key="db", count=2, since=NOON),
        HeldPart(waits_for=WaitsFor.CONCURRENCY, concurrency_key="disk", count=1, since=NOON),
        HeldPart(waits_for=WaitsFor.RETRY, count=2, since=NOON),
        HeldPart(waits_for=WaitsFor.TIME, count=2, since=NOON),
        HeldPart(waits_for=WaitsFor.PARENTS, count=3, since=NOON),
    }


def test_the_store_counts_waiting_jobs_as_the_rule_does(store: Store) -> None:
    store_dag(store, *QUEUE)

    counted = Counter[WaitsFor | None]()
    for group in gather(parts_of(store), []):
        counted[group.waits_for] += group.count

    told = Counter(waits_for(job, []) for job in QUEUE)
    del told[None]
    assert counted == told


def test_the_first_jobs_of_a_part_come_in_the_order_of_their_turn(store: Store) -> None:
    store_dag(store, *QUEUE)

    def ask(reader: Reader) -> dict[str, list[str]]:
        parts = reader.queue_parts(PROJECT)
        return {name_of(part): names(reader.first_of_parts(PROJECT, [part], limit=2)) for part in parts}

    assert store.read(ask) == {
        "GENERAL of any": ["soft", "first"],
        "GENERAL of w9": ["bound"],
        "GPU of any": ["urgent", "train"],
        "approval": ["ask"],
        "db": ["keyed-first", "keyed"],
        "disk": ["other-key"],
        "retry": ["lost", "again"],
        "time": ["delayed-key", "delayed"],
        "parents": ["child", "keyed-child"],
    }


def test_of_gates_the_one_that_opened_first_is_the_first(store: Store) -> None:
    gates = [a_stored_job(f"g{n}", position=n, status=GATE, is_gate=True, due_at=LATER) for n in range(3)]
    opened = [replace(gate, ready_at=NOON + timedelta(seconds=n)) for n, gate in zip((7, 5, 6), gates, strict=True)]
    store_dag(store, *opened)

    def ask(reader: Reader) -> tuple[QueuePart, list[str]]:
        (part,) = reader.queue_parts(PROJECT)
        return part, names(reader.first_of_parts(PROJECT, [part], limit=2))

    first = NOON + timedelta(seconds=5)
    assert store.read(ask) == (HeldPart(waits_for=WaitsFor.APPROVAL, count=3, since=first), ["g1", "g2"])


def test_jobs_bound_to_any_number_of_workers_have_one_order(store: Store) -> None:
    jobs = [
        a_stored_job(
            f"j{n:02}",
            position=n,
            status=READY,
            priority=n,
            ready_at=NOON + timedelta(seconds=n % 2),
            affinity=Affinity.REQUIRED,
            preferred_worker_id=f"w{n}",
        )
        for n in range(50)
    ]
    equal = [
        replace(job, id=f"d2.{place:05}", dag_id="d2", spec=replace(job.spec, priority=9))
        for place, job in enumerate(jobs[9:12])
    ]
    store_dag(store, *jobs)
    store_dag(store, *equal, a_stored_job("free", dag_id="d2", position=3, status=READY, priority=99), dag_id="d2")

    def ask(reader: Reader) -> list[str]:
        bound = [part for part in reader.queue_parts(PROJECT) if isinstance(part, ReadyPart) and part.bound_to]
        return [job.id for job in reader.first_of_parts(PROJECT, bound, limit=45)]

    turn = sorted([*jobs, *equal], key=lambda job: (-job.spec.priority, job.ready_at, job.id))
    assert store.read(ask) == [job.id for job in turn[:45]]


def test_another_project_has_a_queue_of_its_own(store: Store) -> None:
    store_dag(store, *QUEUE)

    def ask(reader: Reader) -> list[list[Job]]:
        return [reader.first_of_parts("other", [part], limit=9) for part in reader.queue_parts(PROJECT)]

    assert parts_of(store, "other") == []
    assert not any(store.read(ask))


def test_jobs_of_another_organisation_wait_in_queues_of_their_own(store: Store) -> None:
    own, confined = a_stored_job("own", status=READY), a_stored_job("confined", dag_id="d2", status=READY)
    project_id = project_id_of("acme", "finance")
    of_acme = [
        replace(a_stored_job("a", dag_id="d3", status=READY), project_id=project_id),
        replace(confined, id="d3.00001", dag_id="d3", project_id=project_id),
    ]
    of_acme[1] = replace(of_acme[1], spec=replace(of_acme[1].spec, confined_to="0123456789ab"))
    store_dag(store, own)
    store_dag(store, *of_acme, dag_id="d3")

    def ask(reader: Reader) -> list[list[tuple[str, str, str | None, str]]]:
        return [
            [
                (job.id, job.requirement, job.confined_to, job.organisation_id)
                for job in reader.ready_jobs(queue, limit=9)
            ]
            for queue in ("GENERAL", "GENERAL@@acme", "GENERAL@0123456789ab@acme", "GENERAL@@zeta")
        ]

    assert store.read(ask) == [
        [(own.id, "GENERAL", None, "local")],
        [("d3.00000", "GENERAL", None, "acme")],
        [("d3.00001", "GENERAL", "0123456789ab", "acme")],
        [],
    ]
    parts = parts_of(store, project_id)
    assert {part.organisation_id for part in parts if isinstance(part, ReadyPart)} == {"acme"}
    first = store.read(lambda reader: [reader.first_of_parts(project_id, [part], limit=9) for part in parts])
    assert sorted(names([job for jobs in first for job in jobs])) == ["a", "confined"]
