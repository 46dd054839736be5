"""Books a journey of several legs; each booking is sent with a key so that it is made once."""

from __future__ import annotations

import titan_sdk

__all__ = ["main"]

ROUTES = {"Graz": ["Vienna", "Linz"], "Vienna": ["Brno", "Prague"], "Linz": ["Salzburg"], "Brno": ["Prague"]}
PRICES = {"Vienna": 41, "Linz": 38, "Brno": 22, "Prague": 57, "Salzburg": 29}


class NoWay(Exception):
    """There is no way to a place."""


@titan_sdk.action(kind="tool")
def connections(place: str) -> list[str]:
    """Return the places that trains go to."""
    return ROUTES.get(place, [])


@titan_sdk.action(kind="tool")
def price(place: str, travellers: int) -> int:
    """Return what a leg costs in euros."""
    return PRICES[place] * travellers


@titan_sdk.action(kind="tool", effect="external")
def book(leg: tuple[str, str], *, key: str) -> dict[str, str]:
    """Book a leg; the same key books once."""
    return {"leg": " to ".join(leg), "state": "booked" if key else "refused"}


@titan_sdk.action(kind="model", cost=0.001)
def choose(question: str, options: list[str]) -> str:
    """Return the option that a rule takes for the best."""
    return max(options, key=lambda option: (len(set(option)), question.count(option[0]), option))


def way(start: str, goal: str) -> list[tuple[str, str]]:
    """Return the legs from a place to another one.

    Raises:
        NoWay: the model chose a way that ends before.
    """
    legs, here = [], start
    while here != goal:
        options = connections(here)
        if not options:
            raise NoWay(f"from {here} to {goal}")
        there = goal if goal in options else choose(f"from {here} to {goal}", options)
        legs.append((here, there))
        here = there
    return legs


def key_of(leg: tuple[str, str]) -> str:
    """Return the key of a booking."""
    import uuid

    made = uuid.uuid4()
    return f"{leg[0][:2]}{leg[1][:2]}-{made}".lower()


def main() -> None:
    """Book a journey for two."""
    legs = way("Graz", "Prague")
    total = sum(price(there, 2) for _, there in legs)
    booked = [book(leg, key=key_of(leg)) for leg in legs]
    print(total, booked, choose(f"confirm {total}", ["by mail", "by phone"]))


if __name__ == "__main__":
    main()
