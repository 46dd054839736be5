"""Packs a folder of the user's own files into passages that researchers can search and cite.

The pack travels as one artifact, so that a worker on another machine, which cannot see the folder, has it too.
"""

import gzip
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

PASSAGE_CHARACTERS = 900  # some 220 tokens: six of them leave most of a small model's context free
MOST_FILE_BYTES = 1_000_000  # a text beyond that is data or generated
MOST_CORPUS_BYTES = 20_000_000  # every researcher searches all of it: about 5 s at this size
SKIPPED_FOLDERS = frozenset({"__pycache__", "build", "dist", "node_modules", "site-packages", "target", "venv"})
SKIPPED_SUFFIXES = frozenset({".csv", ".ipynb", ".json", ".jsonl", ".lock", ".map", ".svg", ".tsv", ".xml"})
MARKDOWN_SUFFIXES = frozenset({".md", ".markdown", ".mdx", ".rst", ".txt", ".adoc", ".org", ""})

#: file, line, heading, text: what research_worker.Passage reads
Passage: TypeAlias = dict[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """What was packed."""

    passages: list[Passage]
    files: list[str]  #: names relative to the folder
    skipped: list[str] = field(default_factory=list)  #: names of files that are data, binary or too large


def read_corpus(folder: Path) -> Corpus:
    """Return the passages of every text under `folder`, hidden files and build products left out.

    Raises:
        NotADirectoryError: there is no such folder.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"corpus {str(folder)!r}: expected a folder of texts; found none there.")
    passages: list[Passage] = []
    files: list[str] = []
    skipped: list[str] = []
    size_bytes = 0
    for file in _files(folder):
        name = file.relative_to(folder).as_posix()
        text = _text(file)
        if text is None or (size_bytes := size_bytes + len(text)) > MOST_CORPUS_BYTES:
            skipped.append(name)
            continue
        files.append(name)
        passages += split(name, text)
    return Corpus(passages=passages, files=files, skipped=skipped)


def pack(corpus: Corpus) -> bytes:
    """Return the passages as compressed JSON lines: of the same passages always the same bytes."""
    lines = "".join(json.dumps(passage, ensure_ascii=False) + "\n" for passage in corpus.passages)
    return gzip.compress(lines.encode(), mtime=0)


def split(name: str, text: str) -> Iterator[Passage]:
    """Yield the passages of one file: blocks under one heading, up to 900 characters together."""
    has_headings = Path(name).suffix.lower() in MARKDOWN_SUFFIXES
    begin, heading, lines = 1, "", list[str]()
    for block in _blocks(text, has_headings=has_headings):
        if lines and (block.heading != heading or len("\n".join(lines + block.lines)) > PASSAGE_CHARACTERS):
            yield {"file": name, "line": begin, "heading": heading, "text": "\n".join(lines).strip()}
            lines = []
        if not lines:
            begin, heading = block.line, block.heading
        lines += [*block.lines, ""]
    if lines:
        yield {"file": name, "line": begin, "heading": heading, "text": "\n".join(lines).strip()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """Lines without a blank one between them."""

    line: int
    heading: str
    lines: list[str]


_HEADING = re.compile(r"(#{1,6})\s+(.+?)\s*#*\s*")
_DEFINITION = re.compile(r"(?:export\s+|pub\s+|async\s+)*(?:class|def|fn|func|function|interface|struct|trait)\s+\w+")


def _blocks(text: str, *, has_headings: bool) -> Iterator[_Block]:
    headings = [""] * 7  # by level, the title at 1
    lines: list[str] = []
    heading, is_fenced = "", False
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        is_fence = has_headings and line.lstrip().startswith("```")
        found = None if is_fenced or not has_headings else _HEADING.fullmatch(line)
        is_long = len("\n".join(lines)) + len(line) > PASSAGE_CHARACTERS
        if lines and (found or is_long or not (line.strip() or is_fenced)):
            yield _Block(line=number - len(lines), heading=heading, lines=lines)
            lines = []
        if found:
            level = len(found[1])
            headings[level:] = [found[2], *[""] * (6 - level)]
            heading = _label(headings)
        elif not has_headings and (definition := _DEFINITION.match(line)):
            heading = definition[0]
        if not found and (line.strip() or lines):
            lines.append(line)
        is_fenced ^= is_fence


def _label(headings: list[str]) -> str:
    """Return the innermost heading, with the title before it when it is one word: "Workers: Leases"."""
    named = [heading for heading in headings if heading]
    return ": ".join((named[0], named[-1])) if len(named) > 1 and " " not in named[-1] else named[-1]


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS and not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(names) if not name.startswith("."))


def _text(file: Path) -> str | None:
    try:
        if file.suffix.lower() in SKIPPED_SUFFIXES or file.stat().st_size > MOST_FILE_BYTES:
            return None
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return None if "\0" in text else text
