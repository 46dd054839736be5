"""Titan and one rival, turn by turn: what each row of the table is made of."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.ceiling import TRIVIAL_JOB
from benchmarks.job_rows import seconds_of, trivial_job, trivial_jobs
from benchmarks.report import PACKAGES, ROOT
from benchmarks.rivals.catalogue import Rival
from benchmarks.rivals.drivers.serve import PROCESS
from benchmarks.rivals.environments import interpreter, make_environment
from benchmarks.rivals.protocol import Driver, running_driver
from benchmarks.rivals.results import Figures, Found, Measured, Sizes
from benchmarks.rivals.services import SERVICES
from benchmarks.rows import percentile
from benchmarks.titan_server import SLOTS, RunningTitan
from titan_sdk import TitanClient

WARM_UP: Final = 20  #: jobs; the first import, the first fork, the first connection
DRIVERS: Final = "benchmarks.rivals.drivers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How long a rival may take: no round begins later than this."""

    seconds: float
    clock: Callable[[], float] = time.monotonic


def measure_rival(rival: Rival, titan: RunningTitan, folder: Path, sizes: Sizes, budget: Budget) -> Found:
    """Return what was found of one rival, beside Titan in the same rounds.

    Raises:
        CannotInstall: there are no packages of it for this machine.
        ServiceFailed: a server that it needs did not start.
        DriverFailed: it did not start, or a job of it failed.
        BenchmarkFailed: a job of Titan failed.
    """
    environment = make_environment(rival.name)
    load = round(os.getloadavg()[0], 1)
    with ExitStack() as kept:
        services = {name: kept.enter_context(SERVICES[name](folder / name)) for name in rival.services}
        command = [str(interpreter(environment)), "-m", f"{DRIVERS}.{rival.name}_driver"]
        driver = kept.enter_context(
            running_driver(rival.title, command, folder=folder, environment=driver_environment(folder))
        )
        version = driver.start(slots=SLOTS, folder=folder, script=TRIVIAL_JOB, services=services)
        contestants = _warm_contestants(rival, driver, titan.client(), sizes)
        rounds = take_turns(contestants, rounds=sizes.rounds, budget=budget)
    return Found(version=version, load=load, measured={kind: paired(rounds, kind) for kind in rival.kinds})


def driver_environment(home: Path) -> dict[str, str]:
    """Return this process's environment without what is meant for Titan; a home in `home`, for rivals write there."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TITAN_", "PYTHON"))}
    return {**kept, "HOME": str(home), "PYTHONPATH": os.pathsep.join((str(ROOT), PACKAGES))}


def take_turns(
    contestants: Mapping[str, Callable[[], Figures]], *, rounds: int, budget: Budget
) -> list[dict[str, Figures]]:
    """Return each round's figures of everybody; every other round goes in reverse order.

    There is always one round; no other begins after the budget.
    """
    found: list[dict[str, Figures]] = []
    started = budget.clock()
    while len(found) < rounds and (not found or budget.clock() - started < budget.seconds):
        order = list(contestants)[:: 1 if len(found) % 2 == 0 else -1]
        found.append({name: contestants[name]() for name in order})
        print(f"  round {len(found)} ended after {budget.clock() - started:.0f} s", flush=True)
    return found


def paired(rounds: Sequence[Mapping[str, Figures]], kind: str) -> Measured:
    """Return the rounds of one kind beside Titan's, figure by figure."""

    def of(name: str, figure: str) -> list[float]:
        return [found[name][figure] for found in rounds]

    return {figure: {"titan": of("titan", figure), "rival": of(kind, figure)} for figure in rounds[0][kind]}


def titan_figures(client: TitanClient, sizes: Sizes) -> Figures:
    """Measure Titan once."""
    middle = [f"middle-{index}" for index in range(sizes.fan)]
    fan = [
        trivial_job("first"),
        *(trivial_job(name, parents=["first"]) for name in middle),
        trivial_job("last", parents=middle),
    ]
    return figures_of(
        alone=[seconds_of(client, trivial_jobs(1)) for _ in range(sizes.alone)],
        wide=seconds_of(client, trivial_jobs(sizes.wide)),
        fan=seconds_of(client, fan),
        sizes=sizes,
    )


def figures_of(*, alone: list[float], wide: float, fan: float, sizes: Sizes) -> Figures:
    """Return one round's figures, in the units of the table, from seconds."""
    return {
        "p50_ms": 1000 * percentile(alone, 50),
        "p99_ms": 1000 * percentile(alone, 99),
        "jobs_per_s": sizes.wide / wide,
        "fan_jobs_per_s": (sizes.fan + 2) / fan,
    }


def sizes_of_kind(rival: Rival, kind: str, sizes: Sizes) -> Sizes:
    """Return how much of one kind is measured in a round."""
    of_kind = sizes.of_processes() if kind == PROCESS else sizes
    return replace(of_kind, alone=min(of_kind.alone, rival.most_alone))


def _warm_contestants(
    rival: Rival, driver: Driver, client: TitanClient, sizes: Sizes
) -> dict[str, Callable[[], Figures]]:
    seconds_of(client, trivial_jobs(WARM_UP))
    for kind in rival.kinds:
        driver.seconds(kind, "wide", WARM_UP)
    sizes_of = {kind: sizes_of_kind(rival, kind, sizes) for kind in rival.kinds}
    kinds = {kind: _of_kind(driver, kind, of_kind) for kind, of_kind in sizes_of.items()}
    return {"titan": lambda: titan_figures(client, sizes), **kinds}


def _of_kind(driver: Driver, kind: str, sizes: Sizes) -> Callable[[], Figures]:
    def measured() -> Figures:
        return figures_of(
            alone=driver.seconds(kind, "alone", sizes.alone),
            wide=driver.seconds(kind, "wide", sizes.wide)[0],
            fan=driver.seconds(kind, "fan", sizes.fan)[0],
            sizes=sizes,
        )

    return measured
