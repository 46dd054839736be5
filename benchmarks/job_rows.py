"""Jobs: how soon one is done, how many a second, and whether others hold them up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ceiling import TRIVIAL_JOB, ForkLoop, cold_start_seconds, fork_loop
from benchmarks.rows import Better, Row, at_least, at_most, percentile, ratio_at_most
from benchmarks.titan_server import SLOTS, must_complete, running_titan
from titan_sdk import TitanClient, TitanJob


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured: the whole table, or a quick look."""

    rounds: int = 5
    jobs_alone: int = 40  #: single jobs in a round; p99 is taken over all rounds
    jobs_in_dag: int = 500
    fan: int = 1000
    chain: int = 20
    unroutable: int = 10_000
    jobs_beside: int = 100


def measure_jobs(folder: Path, sizes: Sizes) -> Iterator[Row]:
    """Yield the rows about jobs."""
    with running_titan(folder / "jobs") as titan, fork_loop() as ceiling:
        client = titan.client()
        seconds_of(client, trivial_jobs(20))  # warm: the first fork, the first commit
        yield from _one_job(client, sizes)
        yield from _many_jobs(client, ceiling, sizes)
        yield _fan_out_and_in(client, ceiling, sizes)
        yield _chain(client, ceiling, sizes)
    yield _beside_unroutable(folder, sizes)


def _one_job(client: TitanClient, sizes: Sizes) -> Iterator[Row]:
    warm: list[list[float]] = []
    cold: list[list[float]] = []
    for _ in range(sizes.rounds):
        warm.append([1000 * seconds_of(client, trivial_jobs(1)) for _ in range(sizes.jobs_alone)])
        cold.append([1000 * cold_start_seconds() for _ in range(sizes.jobs_alone)])
    for percent, bound in ((50, 10.0), (99, 30.0)):
        yield Row(
            what=f"one trivial job, submit to COMPLETED seen by the client, p{percent}",
            unit="ms",
            better=Better.LOWER,
            titan=[percentile(samples, percent) for samples in warm],
            rival_name="cold start of Python",
            rival=[percentile(samples, percent) for samples in cold],
            target=at_most(bound, f"≤ {bound:.0f} ms"),
        )


def _many_jobs(client: TitanClient, ceiling: ForkLoop, sizes: Sizes) -> Iterator[Row]:
    count = sizes.jobs_in_dag
    titan, one_at_once, all_at_once = in_turns(
        sizes.rounds,
        lambda: count / seconds_of(client, trivial_jobs(count)),
        lambda: count / ceiling.seconds(count, at_once=1),
        lambda: count / ceiling.seconds(count, at_once=SLOTS),
    )
    for rival_name, rival in (
        (f"fork loop, {SLOTS} at once", all_at_once),
        ("fork loop, one at a time", one_at_once),
    ):
        yield Row(
            what=f"{count} trivial jobs in one DAG",
            unit="jobs/s",
            better=Better.HIGHER,
            titan=titan,
            rival_name=rival_name,
            rival=rival,
            target=at_least(200, "≥ 200 jobs/s"),
        )


def _fan_out_and_in(client: TitanClient, ceiling: ForkLoop, sizes: Sizes) -> Row:
    middle = [f"middle-{index}" for index in range(sizes.fan)]
    jobs = [
        trivial_job("first"),
        *(trivial_job(name, parents=["first"]) for name in middle),
        trivial_job("last", parents=middle),
    ]
    titan, rival = in_turns(
        sizes.rounds,
        lambda: seconds_of(client, jobs),
        lambda: ceiling.seconds(len(jobs), at_once=SLOTS),
    )
    return Row(
        what=f"1 → {sizes.fan} → 1",
        unit="s",
        better=Better.LOWER,
        titan=titan,
        rival_name=f"fork loop, {SLOTS} at once",
        rival=rival,
        target=at_most(5, "≤ 5 s"),
    )


def _chain(client: TitanClient, ceiling: ForkLoop, sizes: Sizes) -> Row:
    jobs = trivial_chain(sizes.chain)
    titan, rival = in_turns(
        sizes.rounds,
        lambda: 1000 * seconds_of(client, jobs) / sizes.chain,
        lambda: 1000 * ceiling.seconds(sizes.chain, at_once=1) / sizes.chain,
    )
    return Row(
        what=f"chain of {sizes.chain}, a step",
        unit="ms",
        better=Better.LOWER,
        titan=titan,
        rival_name="fork loop, one at a time",
        rival=rival,
        target=at_most(12, "≤ 12 ms"),
    )


def _beside_unroutable(folder: Path, sizes: Sizes) -> Row:
    blocked = [trivial_job(f"stuck-{index}", requirement="NOBODY") for index in range(sizes.unroutable)]
    wanted = trivial_jobs(sizes.jobs_beside)
    with running_titan(folder / "alone") as alone, running_titan(folder / "beside") as beside:
        alone_client, beside_client = alone.client(), beside.client()
        beside_client.submit_dag("stuck", blocked)
        for client in (alone_client, beside_client):
            seconds_of(client, wanted)
        titan, rival = in_turns(
            2 * sizes.rounds,  # short rounds: more of them
            lambda: seconds_of(beside_client, wanted),
            lambda: seconds_of(alone_client, wanted),
        )
    return Row(
        what=f"{sizes.jobs_beside} jobs beside {sizes.unroutable:,} of higher priority that nobody can run",
        unit="s",
        better=Better.LOWER,
        titan=titan,
        rival_name=f"the same {sizes.jobs_beside} alone",
        rival=rival,
        target=ratio_at_most(1.25, "≤ 1.25x"),
    )


def in_turns(rounds: int, *measures: Callable[[], float]) -> list[list[float]]:
    """Return each measure's figures, taken round by round, every other round in reverse order."""
    figures: list[list[float]] = [[] for _ in measures]
    for number in range(rounds):
        turn = list(zip(measures, figures, strict=True))
        for measure, found in turn if number % 2 == 0 else reversed(turn):
            found.append(measure())
    return figures


def seconds_of(client: TitanClient, jobs: Sequence[TitanJob]) -> float:
    """Return the seconds from submitting `jobs` until the client sees all of them COMPLETED."""
    started = time.perf_counter()
    must_complete(client, client.submit_dag("bench", jobs))
    return time.perf_counter() - started


def trivial_jobs(count: int) -> list[TitanJob]:
    """Return jobs that do not depend on each other."""
    return [trivial_job(f"job-{index}") for index in range(count)]


def trivial_chain(length: int) -> list[TitanJob]:
    """Return jobs that each wait for the one before."""
    parents_of = [[], *([f"step-{index}"] for index in range(length - 1))]
    return [trivial_job(f"step-{index}", parents=parents) for index, parents in enumerate(parents_of)]


def trivial_job(name: str, *, parents: Sequence[str] = (), requirement: str = "GENERAL") -> TitanJob:
    """Return a job that imports the SDK; one that nobody can run stands first in the queue."""
    priority = 1 if requirement == "GENERAL" else 9
    return TitanJob(name, str(TRIVIAL_JOB), parents=list(parents), requirement=requirement, priority=priority)
