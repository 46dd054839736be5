"""User-visible text uses the field's terms: command line help and messages, routes, guides, README, console."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final

from tests.support.sources import kept_texts

#: Each has a plain word: reported, source, revoked, expired, released, maintenance, recovered, in the background.
PHRASES: Final = re.compile(
    r"\b(?:told|tellers?|hearsay|heard (?:of|from)|bodiless|contentless|sureness|(?:is|are|was) good no more|made good"
    r"|let go|keep(?:s|ing)? (?:its )?house|goes by itself|brings? \w+ home|behind the (?:caller|program)'s back)\b",
    re.I,
)
GUIDE: Final = re.compile(r"^(?:README\.md|docs/(?:guide/.*|[^/]+)\.md)$")
PROGRAM: Final = re.compile(
    r"^(?:src/titan/(?:cli|server|maintenance|orchestrator|worker|llm|wire)/.*|sdk/src/.*)\.py$"
)
PAGE: Final = re.compile(r"^console/src/.*(?<!\.test)\.tsx?$")
COMMENT: Final = re.compile(r"/\*.*?\*/|(?<!:)//[^\n]*", re.S)
#: Text between tags, and text in quotes that is more than one word.
TEXT: Final = re.compile(r">([^<>{}=;()]*[a-z] [a-z][^<>{}=;()]*)<|\"([^\"\n]* [^\"\n]*)\"|`([^`]* [^`]*)`")


def strings(source: str) -> Iterator[str]:
    """Yield a module's texts, docstrings too: commands and routes show theirs."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def shown_texts() -> Iterator[tuple[str, str]]:
    for path, text in kept_texts():
        if GUIDE.match(path):
            yield path, text
        elif PROGRAM.match(path):
            yield from ((path, string) for string in strings(text))
        elif PAGE.match(path) and not path.endswith("schema.d.ts"):
            yield from ((path, "".join(found)) for found in TEXT.findall(COMMENT.sub("", text)))


def test_user_visible_text_uses_plain_terms() -> None:
    assert [f"{path}: {match[0]}" for path, text in shown_texts() for match in PHRASES.finditer(text)] == []


def test_it_finds_the_forbidden_phrases() -> None:
    texts = ["Nobody is told yet.", "a token that is good no more", "Keeping house", "not heard of yet"]

    assert all(PHRASES.search(text) for text in texts)
