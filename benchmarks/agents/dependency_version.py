"""Answers from a small library of texts, cut into pieces by an installed package."""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "site-packages"))

import titan_sdk

TEXTS = {
    "tea": "Black tea is steeped for four minutes. Green tea is steeped for two. Water is not to boil for green tea.",
    "coffee": "Coffee is ground for each cup. A paper filter keeps the oil back. A press leaves it in.",
    "cocoa": "Cocoa needs milk and a whisk. Sugar goes in first. It is not to boil.",
}


@dataclass(frozen=True)
class Piece:
    """Some words of a text."""

    source: str
    text: str

    def likeness(self, question: str) -> int:
        """Return how many words it shares with a question."""
        return sum((Counter(self.text.lower().split()) & Counter(question.lower().split())).values())


@titan_sdk.action(kind="tool")
def load(source: str) -> str:
    """Return a text."""
    return TEXTS[source]


@titan_sdk.action(kind="model", cost=0.003)
def answer(question: str, pieces: list[str]) -> str:
    """Return an answer from pieces of texts."""
    return f"{question} {pieces[0]}" if pieces else "I do not know."


@titan_sdk.action(kind="model", cost=0.001)
def rate(question: str, given: str) -> int:
    """Return how good an answer is, from 1 to 5."""
    return 1 + len(given) * len(question) % 5


def pieces_of(sources: list[str]) -> list[Piece]:
    """Return the pieces of some texts."""
    splitter = importlib.import_module("splitter")
    return [Piece(source, text) for source in sources for text in splitter.pieces(load(source))]


def main() -> None:
    """Answer three questions."""
    pieces = pieces_of(sorted(TEXTS))
    for question in ("Is green tea to boil ?", "What does a paper filter do ?", "When goes sugar in ?"):
        best = sorted(pieces, key=lambda piece: (-piece.likeness(question), piece.text))[:2]
        given = answer(question, [piece.text for piece in best])
        print(rate(question, given), given)


if __name__ == "__main__":
    main()
