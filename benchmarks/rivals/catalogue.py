"""The rivals: what each is set to, and what a row of it means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """A scheduler that is measured beside Titan."""

    name: str  #: of its lock, its environment and its driver
    title: str
    services: tuple[str, ...] = ()  #: names in services.SERVICES
    durable: str  #: what of a submitted job survives the death of every process
    forgets: bool = False  #: nothing of it is on disk when the client sees it accepted
    settings: str  #: what was chosen, for a reader who knows the rival
    most_alone: int = 1000  #: single jobs in a round at most, where each takes long
    kinds: dict[str, str] = field(default_factory=dict)  #: the driver's name of each row -> what a job of it is


RESIDENT: Final = "a function in a resident"
ON_ITS_OWN: Final = "a function that starts `python trivial_job.py`"

RIVALS: Final = (
    Rival(
        name="celery",
        title="Celery + Redis",
        services=("redis",),
        durable="no: Redis without fsync",
        forgets=True,
        settings="Redis as broker and result backend, nothing written to disk; prefork pool of 4, `acks_late`, "
        "prefetch 1, `-O fair`; the graph is a chain of a task and a chord. Its "
        "own child for each task, `--max-tasks-per-child 1`, took half a second for each on a busy machine and is "
        "not measured",
        kinds={"function": f"{RESIDENT} process", "process": ON_ITS_OWN},
    ),
    Rival(
        name="dask",
        title="Dask distributed",
        durable="no: in memory",
        forgets=True,
        settings="one worker process of 4 threads; `client.map` and `submit` with futures as arguments",
        kinds={"function": f"{RESIDENT} thread", "process": ON_ITS_OWN},
    ),
    Rival(
        name="ray",
        title="Ray",
        durable="no: in memory",
        forgets=True,
        settings="one node of 4 processors, no dashboard, 3 retries; references as arguments",
        kinds={"function": f"{RESIDENT} process", "process": ON_ITS_OWN},
    ),
    Rival(
        name="procrastinate",
        title="procrastinate",
        services=("postgres",),
        durable="yes: PostgreSQL, fsync on",
        settings="one worker, concurrency 4, LISTEN/NOTIFY on, `async` tasks, jobs kept. It has no graphs and no "
        "wait: the client asks its table every 3 ms, and submits each layer after the one before",
        kinds={"function": f"{RESIDENT} coroutine", "process": ON_ITS_OWN},
    ),
    Rival(
        name="dbos",
        title="DBOS",
        services=("postgres",),
        durable="yes: PostgreSQL, fsync on",
        settings="a workflow for each job on a queue of worker concurrency 4, polled every 10 ms (1 s by default); "
        "results polled every 3 ms; the graph is a workflow that enqueues",
        kinds={"function": f"{RESIDENT} thread", "process": ON_ITS_OWN},
    ),
    Rival(
        name="prefect",
        title="Prefect",
        services=("postgres",),
        durable="states only: PostgreSQL, fsync on; the tasks run in the client",
        settings="its server on PostgreSQL; a flow run for each DAG, `.submit` to a `ThreadPoolTaskRunner` of 4. "
        "Prefect's own process for each run, a deployment, takes seconds for one and is not measured. "
        "At most 20 single jobs in a round: a flow run of one task spends a second on its own beginning and end",
        most_alone=20,
        kinds={"function": f"{RESIDENT} thread", "process": ON_ITS_OWN},
    ),
)
