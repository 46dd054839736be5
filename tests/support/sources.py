"""The repository's own files, as the tests of style read them, and where Python finds its packages."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
#: The value of PYTHONPATH with which an interpreter of any environment imports `titan` and `titan_sdk` of this clone.
PACKAGES: Final = os.pathsep.join((str(ROOT / "src"), str(ROOT / "sdk" / "src")))
CODE_FOLDERS: Final = ("src", "sdk", "tests", "benchmarks", "examples", "scripts")
LEFT_OUT: Final = {".git", ".venv", ".venv-rivals", ".demo", "__pycache__"}


@cache
def kept_files() -> tuple[Path, ...]:
    """Return every file that is in the repository or would be added to it, sorted.

    Without git (an unpacked archive, a clone of another user) that is every file outside the made folders.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=120).stdout
        named = {ROOT / name for name in listing.split("\0") if name}
    except (OSError, subprocess.CalledProcessError):
        named = {path for path in ROOT.rglob("*") if not LEFT_OUT.intersection(path.parts)}
    return tuple(sorted(path for path in named if path.is_file()))


def kept_texts() -> Iterator[tuple[str, str]]:
    """Yield (path relative to the repository, text) of every kept file that is UTF-8 text."""
    for path in kept_files():
        try:
            yield str(path.relative_to(ROOT)), path.read_text("utf-8")
        except UnicodeDecodeError:
            continue


def python_sources(*folders: str) -> Iterator[tuple[str, str]]:
    """Yield (path, text) of the Python files under `folders`; of all code when none is named."""
    starts = tuple(f"{folder}/" for folder in folders or CODE_FOLDERS)
    for path, text in kept_texts():
        if path.endswith(".py") and path.startswith(starts):
            yield path, text


def syntax_trees(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """Yield (path, syntax tree) of the Python files under `folders`."""
    for path, text in python_sources(*folders):
        yield path, ast.parse(text, filename=path)


def imported_packages(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield (line, first part of the name) of every absolute import, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module.partition(".")[0]
