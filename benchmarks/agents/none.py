"""Does much that could differ and orders all of it: sets, threads, tasks, listings, and a seeded generator."""

from __future__ import annotations

import asyncio
import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import titan_sdk

FOLDER = Path("inbox")
SENDERS = ("lea", "max", "noor", "omar", "pia")


@titan_sdk.action(kind="tool")
def fetch(sender: str) -> list[str]:
    """Return what somebody has sent."""
    return [f"{sender} asks for {word}" for word in ("time", "money", "advice")[: 1 + len(sender) % 3]]


@titan_sdk.action(kind="tool")
async def look_up(sender: str) -> dict[str, object]:
    """Return what is known of a sender."""
    await asyncio.sleep(len(sender) % 3 / 500)
    return {"name": sender.capitalize(), "is_known": sender < "o"}


@titan_sdk.action(kind="model", cost=0.002)
def classify(line: str) -> str:
    """Return what a message is about, by rule."""
    return line.rsplit(maxsplit=1)[-1]


@titan_sdk.action(kind="model", cost=0.004)
def reply(name: object, themes: list[str], draw: int) -> str:
    """Return an answer."""
    return f"Dear {name}, about {' and '.join(themes)}: number {draw}."


def saved(lines: list[str]) -> list[str]:
    """Write messages to files and read them in the order of their names."""
    FOLDER.mkdir(exist_ok=True)
    for number, line in enumerate(lines):
        (FOLDER / f"{number:03}.txt").write_text(line)
    return [(FOLDER / name).read_text() for name in sorted(os.listdir(FOLDER))]


async def known() -> list[dict[str, object]]:
    """Return what is known of the senders, in their order."""
    return list(await asyncio.gather(*map(look_up, SENDERS)))


def main() -> None:
    """Answer everybody."""
    with ThreadPoolExecutor(3) as pool:
        messages = [line for lines in pool.map(fetch, SENDERS) for line in lines]
    themes = {sender: set[str]() for sender in SENDERS}
    for line in saved(messages):
        themes[line.split()[0]].add(classify(line))
    draws = random.Random(42)
    for sender, facts in zip(SENDERS, asyncio.run(known()), strict=True):
        if facts["is_known"]:
            print(reply(facts["name"], sorted(themes[sender]), draws.randrange(100)))


if __name__ == "__main__":
    main()
