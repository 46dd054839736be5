"""The two outputs: facts on stdout (a table, lines, raw bytes or one JSON document), remarks on stderr."""

import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TextIO

from titan.cli.formats import plain

if TYPE_CHECKING:  # rich takes 40 ms to import; `--json` and piped bytes do without it
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

#: Width of tables that are piped: nothing is folded or cut, so that grep and awk see whole lines.
_PIPED_COLUMNS = 10_000

_STYLES = {
    "COMPLETED": "green",
    "RUNNING": "yellow",
    "FAILED": "red",
    "PARTIAL": "magenta",
    "CANCELLED": "bright_black",
    "WAITING": "bright_black",
    "READY": "cyan",
    "PENDING": "bright_black",
    "CONNECTED": "green",
    "LOST": "red",
    "LEFT": "bright_black",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    title: str
    justify: Literal["left", "right"] = "left"
    folds: bool = False  #: goes on in the next line where room is short; others stay whole
    least_columns: int = 0  #: shown only where the terminal has as many columns; a pipe has room for all


@dataclass(frozen=True, slots=True)
class Status:
    """A cell that holds a status: its colour says what its word says."""

    word: str


Cell = str | Status


def show_json(document: object) -> None:
    """Write one JSON document, UTF-8 whatever the locale."""
    write_bytes(json.dumps(document, indent=2, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")


def write_bytes(content: bytes) -> None:
    """Write `content` to stdout as it is, at once."""
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def say(*parts: Cell) -> None:
    """Write one line of facts to stdout; control characters in it become escapes."""
    _print_text(sys.stdout, parts)


def remark(*parts: Cell) -> None:
    """Write one line about what is going on to stderr."""
    _print_text(sys.stderr, parts)


def show_table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    """Write a table: fitted to the terminal, or whole lines without trailing blanks into a pipe."""
    console = console_for(sys.stdout)
    with console.capture() as capture:
        console.print(make_table(columns, rows, terminal_columns=console.width))
    for line in capture.get().splitlines():
        print(line.rstrip())


def make_table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], *, terminal_columns: int) -> "Table":
    """Return the rich table; what does not fit folds and is never cut, so that every name can be copied."""
    from rich.table import Table

    shown = [index for index, column in enumerate(columns) if column.least_columns <= terminal_columns]
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for index in shown:
        column = columns[index]
        table.add_column(column.title, justify=column.justify, overflow="fold", no_wrap=not column.folds)
    for row in rows:
        table.add_row(*(text_of(row[index]) for index in shown))
    return table


def text_of(cell: Cell) -> "Text":
    """Return a cell as rich text, never read as markup."""
    from rich.text import Text

    if isinstance(cell, Status):
        return Text(cell.word, style=_STYLES.get(cell.word.upper(), ""))
    return Text(plain(cell))


def console_for(stream: TextIO) -> "Console":
    """Return a rich console: colours only on a terminal and without NO_COLOR, no markup, no guessing."""
    from rich.console import Console

    width = None if stream.isatty() else _PIPED_COLUMNS
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False, legacy_windows=False)


def is_live(stream: TextIO) -> bool:
    """Return whether lines on `stream` can be redrawn: a terminal that is not dumb."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "")


def terminal_lines() -> int:
    """Return how many lines the terminal has, 24 where it does not say."""
    return shutil.get_terminal_size((80, 24)).lines


def _print_text(stream: TextIO, parts: Sequence[Cell]) -> None:
    if not stream.isatty():
        print(
            *(part.word if isinstance(part, Status) else plain(part) for part in parts),
            sep="",
            file=stream,
            flush=True,
        )
        return
    from rich.text import Text

    console = console_for(stream)
    console.print(Text.assemble(*(text_of(part) for part in parts)), soft_wrap=True)
