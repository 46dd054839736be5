"""Fills a basket from what is in stock; the stock stands in a file that each sale changes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import titan_sdk

STOCK = Path("stock.json")
FIRST = {"apples": 900, "pears": 700, "plums": 800}


@dataclass
class Basket:
    """What somebody buys."""

    customer: str
    things: dict[str, int]

    def add(self, thing: str, count: int) -> None:
        """Put some more of a thing into it."""
        self.things[thing] = self.things.get(thing, 0) + count


@titan_sdk.action(kind="tool")
def wishes(customer: str) -> list[tuple[str, int]]:
    """Return what a customer wants."""
    return [("apples", 2 + len(customer)), ("plums", 3), ("pears", len(customer))]


@titan_sdk.action(kind="model", cost=0.002)
def replacement(thing: str, left: dict[str, int]) -> str:
    """Return what to give in place of a thing, as a rule chooses."""
    return max(sorted(left), key=lambda other: (other[0] == thing[0], left[other]))


@titan_sdk.action(kind="tool")
def price(things: dict[str, int]) -> float:
    """Return what a basket costs."""
    return round(sum(count * (len(thing) / 10) for thing, count in things.items()), 2)


def stock() -> dict[str, int]:
    """Return what there is."""
    if not STOCK.exists():
        STOCK.write_text(json.dumps(FIRST))
    found: dict[str, int] = json.loads(STOCK.read_text())
    return found


def sell(things: dict[str, int]) -> None:
    """Take what was bought out of the stock."""
    left = stock()
    STOCK.write_text(json.dumps({thing: count - things.get(thing, 0) for thing, count in left.items()}))


def main() -> None:
    """Serve two customers."""
    for customer in ("ada", "grace"):
        basket = Basket(customer, {})
        for thing, count in wishes(customer):
            left = stock()
            chosen = replacement(thing, left) if left[thing] % 2 else thing
            basket.add(chosen, count)
        print(customer, price(basket.things), replacement("pears", stock()))
        sell(basket.things)


if __name__ == "__main__":
    main()
