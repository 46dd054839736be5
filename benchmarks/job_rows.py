"""Jobs: how soon one is done, how many a second, and whether others hold them up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.ceiling import INCR_JOB, TRIVIAL_JOB, WAKING_JOB, ForkLoop, cold_start_seconds, fork_loop
from benchmarks.job_parts import Waited, parts_of, rows_of_parts
from benchmarks.rows import REPORTED, Better, Row, at_least, at_most, percentile, ratio_at_least, ratio_at_most
from benchmarks.titan_server import SLOTS, must_complete, running_titan
from titan_sdk import TitanClient, TitanJob, wait_for_signal

MORE_SLOTS: Final = (8, 16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured: the whole table, or a quick look."""

    rounds: int = 7
    jobs_alone: int = 40  #: single jobs in a round; p99 is taken over all rounds
    jobs_in_dag: int = 500
    fan: int = 1000
    chain: int = 20
    wakes: int = 20  #: of a job that waits, in a round
    unroutable: int = 10_000
    jobs_beside: int = 100


def measure_jobs(folder: Path, sizes: Sizes) -> Iterator[Row]:
    """Yield the rows about jobs."""
    with running_titan(folder / "jobs") as titan, fork_loop() as ceiling:
        client = titan.client()
        seconds_of(client, trivial_jobs(20))  # warm: the first fork, the first commit
        yield from _one_job(client, ceiling, sizes)
        yield _one_call(client, sizes)
        yield from _many_jobs(folder, client, ceiling, sizes)
        yield _fan_out_and_in(client, ceiling, sizes)
        yield _chain(client, ceiling, sizes)
        yield _waking(client, sizes)
    yield _beside_unroutable(folder, sizes)


def _one_job(client: TitanClient, ceiling: ForkLoop, sizes: Sizes) -> Iterator[Row]:
    warm: list[list[float]] = []
    forked: list[list[float]] = []
    cold: list[list[float]] = []
    parts: list[list[list[float]]] = []
    for _ in range(sizes.rounds):
        pairs = [(_one_waited_for(client), 1000 * ceiling.seconds(1, at_once=1)) for _ in range(sizes.jobs_alone)]
        warm.append([waited.milliseconds for (waited, _), _ in pairs])
        parts.append([of_it for (_, of_it), _ in pairs])
        forked.append([fork for _, fork in pairs])
        cold.append([1000 * cold_start_seconds() for _ in range(sizes.jobs_alone)])
    for percent, rival_name, rival, target in (
        (50, "fork loop, one job", forked, ratio_at_most(1.6, "≤ 1.6x")),
        (50, "cold start of Python", cold, at_most(10, "≤ 10 ms")),
        (99, "cold start of Python", cold, at_most(30, "≤ 30 ms")),
    ):
        yield Row(
            what=f"one trivial job, submit to COMPLETED seen by the client, p{percent}",
            unit="ms",
            better=Better.LOWER,
            titan=[percentile(samples, percent) for samples in warm],
            rival_name=rival_name,
            rival=[percentile(samples, percent) for samples in rival],
            target=target,
        )
    yield from rows_of_parts(parts)


def _one_waited_for(client: TitanClient) -> tuple[Waited, list[float]]:
    """Return how long a trivial job took, and the milliseconds of each of its parts."""
    sent = time.time()
    accepted = client.submit_dag("bench", trivial_jobs(1))
    accepted_at = time.time()
    must_complete(client, accepted)
    waited = Waited(sent=sent, accepted=accepted_at, seen=time.time())
    return waited, parts_of(waited, client.get_job(f"{accepted.dag_id}.00000"))


def _one_call(client: TitanClient, sizes: Sizes) -> Row:
    with_call = [TitanJob("counts", str(INCR_JOB))]
    above: list[float] = []
    alone: list[float] = []
    for _ in range(sizes.rounds):
        counting, trivial, connected = in_turns(
            sizes.jobs_alone,
            lambda: 1000 * seconds_of(client, with_call),
            lambda: 1000 * seconds_of(client, trivial_jobs(1)),
            lambda: 1000 * _seconds_to_count(client),
        )
        above.append(percentile(counting, 50) - percentile(trivial, 50))
        alone.append(percentile(connected, 50))
    return Row(
        what="one job with one store_incr, above one without, p50",
        unit="ms",
        better=Better.LOWER,
        titan=above,
        rival_name="store_incr of a connected client",
        rival=alone,
        target=at_most(3, "≤ 3 ms"),
    )


def _seconds_to_count(client: TitanClient) -> float:
    started = time.perf_counter()
    client.store_incr("bench:client")
    return time.perf_counter() - started


def _many_jobs(folder: Path, client: TitanClient, ceiling: ForkLoop, sizes: Sizes) -> Iterator[Row]:
    count = sizes.jobs_in_dag
    clients = {SLOTS: client}
    with ExitStack() as more:
        for slots in MORE_SLOTS:
            titan = more.enter_context(running_titan(folder / f"slots-{slots}", offer=f"GENERAL:{slots}"))
            clients[slots] = titan.client()
            seconds_of(clients[slots], trivial_jobs(5 * slots))
        one_at_a_time, *found = in_turns(
            sizes.rounds,
            lambda: count / ceiling.seconds(count, at_once=1),
            *(partial(_forks_per_second, ceiling, count, slots) for slots in clients),
            *(partial(_jobs_per_second, each, count) for each in clients.values()),
        )
    forks, rates = found[: len(clients)], found[len(clients) :]
    row = partial(Row, unit="jobs/s", better=Better.HIGHER)
    for slots, ours, rival in zip(clients, rates, forks, strict=True):
        yield row(
            what=f"{count} trivial jobs in one DAG, {slots} slots",
            titan=ours,
            rival_name=f"fork loop, {slots} at once",
            rival=rival,
            target=ratio_at_least(0.7, "≥ 0.7x") if slots == SLOTS else REPORTED,
        )
    yield row(
        what=f"{count} trivial jobs in one DAG, {SLOTS} slots",
        titan=rates[0],
        rival_name="fork loop, one at a time",
        rival=one_at_a_time,
        target=at_least(200, "≥ 200 jobs/s"),
    )


def _jobs_per_second(client: TitanClient, count: int) -> float:
    return count / seconds_of(client, trivial_jobs(count))


def _forks_per_second(ceiling: ForkLoop, count: int, at_once: int) -> float:
    return count / ceiling.seconds(count, at_once=at_once)


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
        target=ratio_at_most(1.35, "≤ 1.35x"),
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


def _waking(client: TitanClient, sizes: Sizes) -> Row:
    parked, kept = in_turns(
        sizes.rounds,
        lambda: _milliseconds_to_wake(client, sizes.wakes, "parks"),
        lambda: _milliseconds_to_wake(client, sizes.wakes, "keeps"),
    )
    return Row(
        what="waking a parked job: from the put of the key that it waits for to its next line, p50",
        unit="ms",
        better=Better.LOWER,
        titan=parked,
        rival_name="the same wait, keeping its slot",
        rival=kept,
        target=at_most(10, "≤ 10 ms"),
    )


def _milliseconds_to_wake(client: TitanClient, count: int, how: str) -> float:
    accepted = client.submit_dag("waking", [TitanJob("waking", str(WAKING_JOB), args=[str(count), how])])
    job_id, found = f"{accepted.dag_id}.00000", []
    for number in range(count):
        while "waits for" not in (client.get_job(job_id)["reason"] or ""):
            time.sleep(0.01)
        put_at = time.time()
        client.store_put(f"wake:{accepted.dag_id}:{number}", "")
        wait_for_signal(client, f"woken:{accepted.dag_id}:{number}", job=job_id)
        found.append(1000 * (float(client.store_get(f"woken:{accepted.dag_id}:{number}") or "nan") - put_at))
    must_complete(client, accepted)
    return percentile(found, 50)


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
