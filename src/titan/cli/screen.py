"""The two outputs: facts on stdout (a table, lines, raw bytes or one JSON document), remarks on stderr."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TextIO

from titan.cli.formats import plain

if TYPE_CHECKING:  # rich takes 40 ms to import; `--json` and piped bytes do without it
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_STYLES = {
    "COMPLETED": "green",
    "RUNNING": "yellow",
    "FAILED": "red",
    "PARTIAL": "magenta",
    "CANCELLED": "bright_black",
    "WAITING": "bright_black",
    "WAITING_APPROVAL": "blue",
    "READY": "cyan",
    "PENDING": "bright_black",
    "OPEN": "blue",
    "APPROVED": "green",
    "REJECTED": "red",
    "EXPIRED": "red",
    "CONNECTED": "green",
    "LOST": "red",
    "LEFT": "bright_black",
    "GOOD": "green",
    "REVOKED": "bright_black",
    "OK": "green",
    "WARN": "yellow",
    "FAIL": "red",
    "SUCCESS": "green",
    "ERROR": "red",
    "BLOCKED": "magenta",
    "REPLAYED": "bright_black",
    "IDEMPOTENT_REPLAY": "bright_black",
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
    if not sys.stdout.isatty():
        print(*_piped_lines(columns, rows), sep="\n")
        return
    console = console_for(sys.stdout)
    console.print(make_table(columns, rows, terminal_columns=console.width))


def remark_limit(listed: int, limit: int) -> None:
    """Say to a person at a terminal that a list may go on."""
    if listed == limit and sys.stdout.isatty():
        remark(f"These are the newest {limit:,}: --limit N shows more.")


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
        return Text(cell.word, style=_STYLES.get(cell.word.strip().upper(), ""))
    return Text(plain(cell))


def console_for(stream: TextIO) -> "Console":
    """Return a rich console: colours only on a terminal and without NO_COLOR, no markup, no guessing."""
    from rich.console import Console

    return Console(file=stream, markup=False, highlight=False, emoji=False, legacy_windows=False)


def is_live(stream: TextIO) -> bool:
    """Return whether lines on `stream` can be redrawn: a terminal that is not dumb."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "")


def _print_text(stream: TextIO, parts: Sequence[Cell]) -> None:
    if not stream.isatty():
        print("".join(map(_word_of, parts)), file=stream, flush=True)
        return
    from rich.text import Text

    console_for(stream).print(Text.assemble(*(text_of(part) for part in parts)), soft_wrap=True)


def _piped_lines(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> Iterator[str]:
    """Yield the lines of a table that nothing is folded or cut in: grep and awk see whole ones."""
    words = [[column.title for column in columns], *([_word_of(cell) for cell in row] for row in rows)]
    widths = [max(map(len, cells)) for cells in zip(*words, strict=True)]
    for row in words:
        padded = [
            word.rjust(width) if column.justify == "right" else word.ljust(width)
            for word, width, column in zip(row, widths, columns, strict=True)
        ]
        yield "  ".join(padded).rstrip()


def _word_of(cell: Cell) -> str:
    return cell.word if isinstance(cell, Status) else plain(cell)
