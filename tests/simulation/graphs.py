"""Random graphs: chains, diamonds, fans and tangles, with every policy a job can have."""

from dataclasses import replace
from random import Random

from tests.support.builders import a_gate, a_new_dag, a_spec
from titan.model.dags import NewDag, OnFailure
from titan.model.jobs import Affinity, JobSpec

#: NOBODYS is offered by no worker until the storm is over.
LABELS = ("GENERAL",) * 6 + ("GPU", "NOBODYS")


def draw_dag(
    chance: Random, name: str, *, run_id: str | None = None, foreign: tuple[str, ...] = (), size: int = 8
) -> NewDag:
    """Return a graph of at most `size` jobs; some of `foreign`, jobs of the same run, become parents."""
    shape = chance.choice([_chain, _diamond, _fan, _tangle])
    parents = shape(chance, chance.randint(1, size))
    jobs = tuple(_drawn_job(chance, f"j{n}", tuple(f"j{p}" for p in sorted(of))) for n, of in enumerate(parents))
    if foreign:
        jobs = tuple(_with_foreign_parents(chance, job, foreign) for job in jobs)
    dag = a_new_dag(*jobs, name=name, agent_run_id=run_id)
    return replace(dag, on_failure=chance.choice(list(OnFailure)))


def _drawn_job(chance: Random, name: str, parents: tuple[str, ...]) -> JobSpec:
    if chance.random() < 0.05:
        return replace(a_gate(name, parents=parents), max_wait_seconds=chance.choice([2.0, 15.0]))
    spec = a_spec(
        name,
        parents=parents,
        requirement=chance.choice(LABELS),
        retries=chance.choice([0, 0, 1, 3]),
        backoff_seconds=chance.choice([0, 0, 0.5, 3]),
        max_lost=chance.choice([0, 1, 3, 3, 50]),
    )
    return replace(
        spec,
        priority=chance.randint(0, 2),
        delay_ms=chance.choice([0, 0, 0, 10, 4000]),
        affinity=chance.choice(list(Affinity)),
        hitl_message=chance.choice([None] * 9 + ["Go on?"]),
        max_wait_seconds=chance.choice([2.0, 15.0]),
        concurrency_key=chance.choice([None] * 7 + ["db", "disk"]),
        concurrency_limit=chance.choice([1, 1, 2]),
    )


def _with_foreign_parents(chance: Random, job: JobSpec, foreign: tuple[str, ...]) -> JobSpec:
    others = [name for name in foreign if chance.random() < 0.2]
    return replace(job, parents=(*job.parents, *others))


def _chain(_chance: Random, size: int) -> list[set[int]]:
    return [{n - 1} if n else set() for n in range(size)]


def _diamond(_chance: Random, size: int) -> list[set[int]]:
    """One, then many beside each other, then one that waits for all of them."""
    return [set() if n == 0 else {0} if n < size - 1 else set(range(min(1, n), n)) or {0} for n in range(size)]


def _fan(chance: Random, size: int) -> list[set[int]]:
    """Several roots, and leaves below some of them."""
    roots = max(1, size // 2)
    return [set() if n < roots else {chance.randrange(roots)} for n in range(size)]


def _tangle(chance: Random, size: int) -> list[set[int]]:
    return [{p for p in range(n) if chance.random() < 0.4} for n in range(size)]
