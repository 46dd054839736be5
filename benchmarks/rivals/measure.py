"""Titan and one rival, turn by turn: what each row of the table is made of."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.ceiling import TRIVIAL_JOB
from benchmarks.job_rows import seconds_of, trivial_job, trivial_jobs
from benchmarks.report import ROOT
from benchmarks.rivals.catalogue import Rival
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
        own = Path(tempfile.mkdtemp(prefix=f"{rival.name}-", dir=folder))
        command = [str(interpreter(environment)), "-m", f"{DRIVERS}.{rival.name}_driver"]
        driver = kept.enter_context(
            running_driver(rival.title, command, folder=own, environment=driver_environment(own))
        )
        version = driver.start(slots=SLOTS, folder=own, script=TRIVIAL_JOB, services=services)
        measured = take_turns(rival, driver, titan.client(), sizes, budget)
    return Found(version=version, load=load, measured=measured)


def driver_environment(home: Path) -> dict[str, str]:
    """Return this process's environment without what is meant for Titan; a home in `home`, for rivals write there."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TITAN_", "PYTHON"))}
    return {**kept, "HOME": str(home), "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "src")))}


def take_turns(rival: Rival, driver: Driver, client: TitanClient, sizes: Sizes, budget: Budget) -> dict[str, Measured]:
    """Measure Titan, then each kind of the rival, round by round; every other round in reverse order."""
    seconds_of(client, trivial_jobs(WARM_UP))
    for kind in rival.kinds:
        driver.seconds(kind, "wide", WARM_UP)
    contestants: dict[str, Callable[[], Figures]] = {
        "titan": lambda: titan_figures(client, sizes),
        **{kind: _of_kind(driver, kind, sizes) for kind in rival.kinds},
    }
    rounds: list[dict[str, Figures]] = []
    started = budget.clock()
    while len(rounds) < sizes.rounds and (not rounds or budget.clock() - started < budget.seconds):
        order = list(contestants)[:: 1 if len(rounds) % 2 == 0 else -1]
        rounds.append({name: contestants[name]() for name in order})
        print(f"  {rival.title}: round {len(rounds)} after {budget.clock() - started:.0f} s", flush=True)
    return {kind: _paired(rounds, kind) for kind in rival.kinds}


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
        "fan_s": fan,
    }


def _of_kind(driver: Driver, kind: str, sizes: Sizes) -> Callable[[], Figures]:
    def measured() -> Figures:
        return figures_of(
            alone=driver.seconds(kind, "alone", sizes.alone),
            wide=driver.seconds(kind, "wide", sizes.wide)[0],
            fan=driver.seconds(kind, "fan", sizes.fan)[0],
            sizes=sizes,
        )

    return measured


def _paired(rounds: list[dict[str, Figures]], kind: str) -> Measured:
    def of(name: str, figure: str) -> list[float]:
        return [found[name][figure] for found in rounds]

    figures: Mapping[str, float] = rounds[0][kind]
    return {figure: {"titan": of("titan", figure), "rival": of(kind, figure)} for figure in figures}
