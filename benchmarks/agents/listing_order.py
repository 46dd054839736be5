"""Reads notes from a folder, one after the other, and keeps a running summary of them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import titan_sdk

FOLDER = Path("notes")
TEXTS = {
    "monday.md": "# Plan\nAsk three suppliers for offers.",
    "tuesday.md": "# Offers\nThe second supplier is cheaper by a fifth.",
    "wednesday.md": "# Doubts\nThe second supplier delivers late.",
    "thursday.md": "# Call\nThey promise four weeks.",
    "friday.md": "# Decision\nOrder half of it from each of the two.",
    "saturday.md": "# Rest\nNothing.",
}


@dataclass(frozen=True)
class Note:
    """A note as it was read."""

    title: str
    body: str


def prepare() -> None:
    """Write the notes, as people would have."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in TEXTS.items():
        (FOLDER / name).write_text(text)


def read_notes() -> list[Note]:
    """Return what lies in the folder."""
    found = []
    for name in os.listdir(FOLDER):
        text = (FOLDER / name).read_text()
        title, _, body = text.partition("\n")
        found.append(Note(title.removeprefix("# "), body))
    return found


@titan_sdk.action(kind="model", cost=0.002)
def refine(summary: str, note: Note) -> str:
    """Return a summary with what one more note says."""
    words = re.findall(r"[A-Za-z]{5,}", note.body)
    return f"{summary} {note.title}: {' '.join(words[:4])}.".strip()


@titan_sdk.action(kind="tool")
def word_count(text: str) -> int:
    """Return how long a text is."""
    return len(text.split())


@titan_sdk.action(kind="model", cost=0.003)
def shorten(text: str, words: int) -> str:
    """Return the end of a text."""
    return " ".join(text.split()[-words:])


def main() -> None:
    """Summarise the week."""
    prepare()
    summary = ""
    for note in read_notes():
        summary = refine(summary, note)
        if word_count(summary) > 20:
            summary = shorten(summary, 15)
    print(summary)


if __name__ == "__main__":
    main()
