"""Builds a piece of software in a scratch folder of its own and asks why it fails."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import titan_sdk

SOURCES = {"main.c": "int main() { return helper(); }", "helper.c": "int helper() { retrun 1; }", "notes.txt": "todo"}
FIXES = {"retrun": "return"}


@dataclass(frozen=True)
class Failure:
    """Where a build failed, and why."""

    path: str
    line: int
    message: str


@titan_sdk.action(kind="tool")
def checkout(branch: str) -> dict[str, str]:
    """Return the sources of a branch."""
    return dict(SOURCES) if branch == "main" else {}


@titan_sdk.action(kind="model", cost=0.006)
def explain(failure: Failure) -> str:
    """Return the word that is wrong."""
    return next((word for word in failure.message.split() if word in FIXES), "")


@titan_sdk.action(kind="tool")
def open_issue(title: str, lines: list[str]) -> int:
    """Return the number of a new issue."""
    return 100 + len(title) + sum(map(len, lines))


def compiled(folder: Path) -> list[Failure]:
    """Return what is wrong with the sources in a folder."""
    found = []
    for path in sorted(folder.glob("*.c")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            wrong = [word for word in line.split() if word in FIXES]
            if wrong:
                found.append(Failure(str(path), number, f"unknown word {wrong[0]} here"))
    return found


def built(sources: dict[str, str]) -> list[Failure]:
    """Return what is wrong with sources, tried in a scratch folder."""
    folder = Path(tempfile.mkdtemp(prefix="build-"))
    try:
        for name, text in sources.items():
            (folder / name).write_text(text)
        return compiled(folder)
    finally:
        shutil.rmtree(folder)


def main() -> None:
    """Build, mend, and build again."""
    sources = checkout("main")
    for failure in built(sources):
        word = explain(failure)
        sources = {name: text.replace(word, FIXES[word]) for name, text in sources.items()}
        print(open_issue(f"{word} in a source", [failure.message]))
    print(len(built(sources)), "left")


if __name__ == "__main__":
    main()
