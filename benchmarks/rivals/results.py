"""What was found, as it is kept in benchmarks/results/rivals.json: every round of every rival, beside Titan's."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from benchmarks.report import RESULTS

KEPT: Final = RESULTS / "rivals.json"

Figures: TypeAlias = dict[str, float]  #: of one round: p50_ms, p99_ms, jobs_per_s, fan_jobs_per_s
Pairs: TypeAlias = dict[str, list[float]]  #: "titan" and "rival", a figure for each round
Measured: TypeAlias = dict[str, Pairs]  #: of one kind: figure -> its rounds

HIGHER_IS_BETTER: Final = {"jobs_per_s", "fan_jobs_per_s"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured in a round."""

    rounds: int = 3
    alone: int = 100  #: single jobs, one after the other
    wide: int = 500  #: jobs at once
    fan: int = 1000  #: N in 1 → N → 1

    def of_processes(self) -> Sizes:
        """Return a fifth: enough where the rival starts a process for each job, and takes long."""
        return replace(self, alone=max(1, self.alone // 5), wide=max(1, self.wide // 5), fan=max(1, self.fan // 5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found of one rival, or why there is nothing."""

    version: str = ""
    load: float = 0.0  #: processes that wanted a core in the minute before
    measured: dict[str, Measured] = field(default_factory=dict)  #: kind -> figures
    reason: str = ""  #: why it was not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """All rivals, measured with the same sizes."""

    machine: dict[str, Any]
    sizes: Sizes
    found: dict[str, Found]  #: by the rival's name


def speed(figure: str, pairs: Pairs) -> float:
    """Return how many times as fast as Titan the rival is: the median over the rounds."""
    return statistics.median(_speeds(figure, pairs))


def noise(figure: str, pairs: Pairs) -> float | None:
    """Return half the distance between the extreme rounds of `speed`, relative to it; None of a single round."""
    speeds = _speeds(figure, pairs)
    return (max(speeds) - min(speeds)) / 2 / statistics.median(speeds) if len(speeds) > 1 else None


def merged(before: Results | None, now: Results) -> Results:
    """Return `now` with those rivals of `before` that were not measured again, if the sizes are the same."""
    if before is None or before.sizes != now.sizes:
        return now
    return Results(machine=now.machine, sizes=now.sizes, found={**before.found, **now.found})


def read_results(path: Path = KEPT) -> Results | None:
    """Return the kept results; None when there are none."""
    if not path.exists():
        return None
    content = json.loads(path.read_text("utf-8"))
    return Results(
        machine=content["machine"],
        sizes=Sizes(**content["sizes"]),
        found={name: Found(**found) for name, found in content["found"].items()},
    )


def write_results(results: Results, path: Path = KEPT) -> None:
    """Keep the results."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(asdict(results), indent=1, ensure_ascii=False) + "\n", "utf-8")


def _speeds(figure: str, pairs: Pairs) -> list[float]:
    rounds = zip(pairs["titan"], pairs["rival"], strict=True)
    if figure in HIGHER_IS_BETTER:
        return [rival / titan for titan, rival in rounds]
    return [titan / rival for titan, rival in rounds]
