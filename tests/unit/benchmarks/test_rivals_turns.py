"""Titan and its rivals take turns, for as many rounds as there is time."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.rivals.measure import Budget, figures_of, paired, take_turns
from benchmarks.rivals.results import Figures, Sizes

ENDLESS = Budget(seconds=1000.0, clock=lambda: 0.0)


def contestants(turns: list[str], seconds: dict[str, float] | None = None) -> dict[str, Callable[[], Figures]]:
    """Return three that write down when it was their turn."""

    def one(name: str) -> Callable[[], Figures]:
        def measured() -> Figures:
            turns.append(name)
            return {"fan_s": (seconds or {}).get(name, 1.0)}

        return measured

    return {name: one(name) for name in ("titan", "function", "process")}


def test_every_other_round_goes_in_reverse_so_that_nobody_is_always_first() -> None:
    turns: list[str] = []

    take_turns(contestants(turns), rounds=2, budget=ENDLESS)

    assert turns == ["titan", "function", "process", "process", "function", "titan"]


def test_no_round_begins_after_the_budget_but_there_is_always_one() -> None:
    clock = iter([0.0, 70.0, 70.0, 140.0, 140.0, 210.0])

    rounds = take_turns(contestants([]), rounds=3, budget=Budget(seconds=100.0, clock=lambda: next(clock)))
    hurried = take_turns(contestants([]), rounds=3, budget=Budget(seconds=0.0, clock=lambda: 0.0))

    assert (len(rounds), len(hurried)) == (2, 1)


def test_a_kind_is_paired_with_titan_round_by_round() -> None:
    rounds = take_turns(contestants([], {"titan": 4.0, "process": 8.0}), rounds=2, budget=ENDLESS)

    assert paired(rounds, "process") == {"fan_s": {"titan": [4.0, 4.0], "rival": [8.0, 8.0]}}


def test_figures_are_in_the_units_of_the_table() -> None:
    figures = figures_of(alone=[0.001, 0.002, 0.004], wide=2.0, fan=5.0, sizes=Sizes(wide=500))

    assert figures == {"p50_ms": 2.0, "p99_ms": 4.0, "jobs_per_s": 250.0, "fan_jobs_per_s": 200.4}
