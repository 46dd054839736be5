"""Translates the chapters of a book side by side and joins them as they are done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import titan_sdk

WORDS = {"the": "der", "house": "Haus", "river": "Fluss", "and": "und", "old": "alte", "runs": "läuft", "by": "vorbei"}
CHAPTERS = ("the old house", "the river runs by", "the house and the river", "old and by", "by the old river")


@dataclass(frozen=True)
class Chapter:
    """A part of a book."""

    number: int
    text: str


@titan_sdk.action(kind="tool")
async def load(number: int) -> Chapter:
    """Return a chapter; some lie farther away."""
    await asyncio.sleep((number * 3 % 5) / 300)
    return Chapter(number, CHAPTERS[number])


@titan_sdk.action(kind="model", cost=0.003)
async def translate(text: str, style: str) -> str:
    """Return a text word by word in German."""
    await asyncio.sleep(len(text) % 4 / 300)
    words = [WORDS.get(word, word) for word in text.split()]
    return " ".join(words if style == "plain" else [word.upper() for word in words])


@titan_sdk.action(kind="model", cost=0.004)
async def review(text: str) -> dict[str, object]:
    """Return what a rule finds of a translation."""
    return {"words": len(text.split()), "begins": text[:10], "is_good": "Haus" in text}


async def one(number: int, style: str) -> str:
    """Return one chapter in German."""
    chapter = await load(number)
    return await translate(chapter.text, style)


async def as_they_come(style: str) -> AsyncIterator[str]:
    """Yield the translated chapters."""
    tasks = [asyncio.create_task(one(number, style)) for number in range(len(CHAPTERS))]
    for done in asyncio.as_completed(tasks):
        yield await done


async def main() -> None:
    """Translate the book in two styles."""
    for style in ("plain", "loud"):
        parts = [part async for part in as_they_come(style)]
        found = await review(" / ".join(parts))
        print(style, found["begins"])
        if not found["is_good"]:
            break


if __name__ == "__main__":
    asyncio.run(main())
