"""Gathers the themes of many pages and asks for a summary of those that come first in a set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import titan_sdk

PAGES = {
    "start": "solar panels pay back within nine years where roofs face south",
    "prices": "panels became cheaper while inverters and labour did not",
    "storage": "batteries double the share that a house uses itself",
    "grid": "operators limit what roofs feed into the grid at noon",
    "law": "a permit is needed in old towns and near airports",
}
LINKS = {"start": ["prices", "storage"], "prices": ["law"], "storage": ["grid"], "grid": ["law"], "law": []}
SHORT = 5


@titan_sdk.action(kind="tool")
def fetch(page: str) -> dict[str, object]:
    """Return a page's text and links."""
    return {"text": PAGES[page], "links": LINKS[page]}


@titan_sdk.action(kind="model", cost=0.002)
def summarise(theme: str, pages: list[str]) -> str:
    """Return a sentence about a theme."""
    return f"{theme.capitalize()} stands in {len(pages)} of the pages: {', '.join(sorted(pages))}."


@titan_sdk.action(kind="model", cost=0.005)
def write(sentences: list[str]) -> str:
    """Return the report."""
    return " ".join(sentences)


def crawl(first: str) -> dict[str, str]:
    """Return the texts of a page and of all that can be reached from it."""
    waiting, texts = [first], dict[str, str]()
    while waiting:
        page = waiting.pop(0)
        if page in texts:
            continue
        found = fetch(page)
        texts[page] = str(found["text"])
        waiting += LINKS[page]
    return texts


def themes(texts: Mapping[str, str]) -> Mapping[str, set[str]]:
    """Return the words that say something, with the pages that they stand in."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for page, text in texts.items():
        for word in text.split():
            if len(word) > SHORT:
                found[word].add(page)
    return found


def first_of(words: Iterable[str], count: int) -> list[str]:
    """Return some words, each once."""
    return list(frozenset(words))[:count]


def main() -> None:
    """Report on solar panels."""
    found = themes(crawl("start"))
    chosen = first_of(found, 4)
    print(write([summarise(theme, sorted(found[theme])) for theme in chosen]))


if __name__ == "__main__":
    main()
