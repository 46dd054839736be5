"""Asks several shops for an offer at once and takes the first two that answer."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass

import titan_sdk

SHOPS = ("north", "south", "east", "west", "centre", "harbour")


@dataclass(frozen=True)
class Offer:
    """What a shop asks for a thing."""

    shop: str
    thing: str
    euros: int


@titan_sdk.action(kind="tool")
def ask_shop(shop: str, thing: str) -> Offer:
    """Return a shop's offer; each takes its time."""
    time.sleep((len(shop) * 7 % 5) / 400)
    return Offer(shop, thing, 10 + sum(map(ord, shop + thing)) % 40)


@titan_sdk.action(kind="model", cost=0.002)
def compare(first: Offer, second: Offer) -> str:
    """Return the shop that a rule takes for the better one."""
    better = min(first, second, key=lambda offer: (offer.euros, offer.shop))
    return f"{better.shop}: {better.euros} euros for the {better.thing}"


@titan_sdk.action(kind="tool")
def in_stock(thing: str) -> int:
    """Return how many we have ourselves."""
    return {"lamp": 3, "chair": 0, "table": 1}.get(thing, 0)


class Enquiry:
    """Offers for one thing, as they come in."""

    def __init__(self, thing: str) -> None:
        self.thing = thing
        self.offers: queue.Queue[Offer] = queue.Queue()

    def ask_all(self) -> None:
        """Ask every shop, each in a thread of its own."""
        threads = [threading.Thread(target=self._ask, args=(shop,), name=f"ask {shop}") for shop in SHOPS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def first_two(self) -> tuple[Offer, Offer]:
        """Return the offers that came first."""
        return self.offers.get(), self.offers.get()

    def _ask(self, shop: str) -> None:
        self.offers.put(ask_shop(shop, self.thing))


def main() -> None:
    """Buy what is not in stock."""
    for thing in ("lamp", "chair"):
        if in_stock(thing) > 2:
            continue
        enquiry = Enquiry(thing)
        enquiry.ask_all()
        print(compare(*enquiry.first_two()))


if __name__ == "__main__":
    main()
