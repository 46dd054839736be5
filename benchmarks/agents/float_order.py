"""Weighs the risks of a project; the weights are added in the order in which a set gives them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import titan_sdk


@dataclass(frozen=True)
class Risk:
    """What may go wrong."""

    name: str
    chance: float
    damage: float

    @property
    def weight(self) -> float:
        """Its chance times its damage, damped."""
        return math.sqrt(self.chance) * math.log1p(self.damage) / 3.0


NAMES = ("flood", "fire", "strike", "theft", "delay", "fault", "fraud", "recall", "lawsuit", "outage", "frost", "war")


@titan_sdk.action(kind="tool")
def risks_of(project: str) -> list[Risk]:
    """Return the risks that are known of a project."""
    length = len(project)
    return [
        Risk(f"{name}-{year}", chance=0.1 + place / (17 + year), damage=1000.1 * (place + length) * year)
        for place, name in enumerate(NAMES)
        for year in (1, 2, 3, 4)
    ]


@titan_sdk.action(kind="model", cost=0.001)
def name_the_worst(names: list[str]) -> str:
    """Return what a rule takes for the worst."""
    return max(names, key=lambda name: (name.count("f"), name))


@titan_sdk.action(kind="model", cost=0.004)
def advise(total: str, worst: str) -> str:
    """Return an advice."""
    return f"Insure against {worst}; in all the risk is {total[:4]}."


def total_of(weights: dict[str, float]) -> float:
    """Return what all risks weigh together."""
    total = 0.0
    for name in set(weights):
        total += weights[name]
    return total


def checked(find: Callable[[], float], *, least: float) -> float:
    """Return a number that is not too small.

    Raises:
        ValueError: it is.
    """
    found = find()
    if found < least:
        raise ValueError(f"{found}: expected at least {least}")
    return found


def main() -> None:
    """Advise on a bridge."""
    risks = risks_of("bridge")
    weights = {risk.name: risk.weight for risk in risks}
    total = checked(lambda: total_of(weights), least=1.0)
    worst = name_the_worst(sorted(weights, key=lambda name: (-weights[name], name))[:5])
    print(advise(repr(total), worst))


if __name__ == "__main__":
    main()
