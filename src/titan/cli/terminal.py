"""The two outputs: facts on stdout (a table, lines, raw bytes or one JSON document), remarks on stderr."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Generic, Literal, TextIO, TypeAlias, TypeVar

from titan.cli.views.formats import NOTHING, plain

if TYPE_CHECKING:  # rich takes 40 ms to import; `--json` and piped bytes do without it
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_WORDS: Final = {
    "green": "COMPLETED APPROVED CONNECTED GOOD OK SUCCESS",
    "yellow": "RUNNING WARN",
    "red": "FAILED REJECTED EXPIRED LOST FAIL ERROR",
    "magenta": "PARTIAL BLOCKED",
    "bright_black": "CANCELLED WAITING PENDING LEFT REVOKED REPLAYED IDEMPOTENT_REPLAY",
    "blue": "WAITING_APPROVAL OPEN",
    "cyan": "READY",
}
_STYLES: Final = {word: style for style, words in _WORDS.items() for word in words.split()}

RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True)
class Status:
    """A cell that holds a status: its colour says what its word says."""

    word: str


Cell = str | Status


@dataclass(frozen=True, slots=True)
class Column(Generic[RowT]):
    """A column of a table."""

    title: str
    cell: Callable[[RowT, datetime], Cell | None]  #: of a row, at a moment that ages are counted from; None: nothing
    is_right: bool = False
    folds: bool = False  #: goes on in the next line where room is short; others stay whole
    least_columns: int = 0  #: shown only where the terminal has as many columns; a pipe has room for all


Columns: TypeAlias = Sequence[Column[RowT]]


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


def show_list(columns: Columns[RowT], rows: Sequence[RowT], *, nothing: str, limit: int | None = None) -> None:
    """Write a list as a table, or the lines that say what to do where there is nothing.

    At a terminal, a list of `limit` rows ends with a hint that it may go on.
    """
    if not rows:
        for line in nothing.splitlines():
            say(line)
        return
    show_table(columns, rows)
    if len(rows) == limit and sys.stdout.isatty():
        remark(f"These are the newest {limit:,}: --limit N shows more.")


def show_table(columns: Columns[RowT], rows: Sequence[RowT], *, at: datetime | None = None) -> None:
    """Write a table: fitted to the terminal, or whole lines without trailing blanks into a pipe."""
    at = at or datetime.now(UTC)
    if not sys.stdout.isatty():
        print(*_piped_lines(columns, rows, at), sep="\n")
        return
    console = console_for(sys.stdout)
    console.print(make_table(columns, rows, terminal_columns=console.width, at=at))


def make_table(columns: Columns[RowT], rows: Sequence[RowT], *, terminal_columns: int, at: datetime) -> "Table":
    """Return the rich table; what does not fit folds and is never cut, so that every name can be copied."""
    from rich.table import Table

    shown = [column for column in columns if column.least_columns <= terminal_columns]
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in shown:
        justify: Literal["left", "right"] = "right" if column.is_right else "left"
        table.add_column(column.title, justify=justify, overflow="fold", no_wrap=not column.folds)
    for row in rows:
        table.add_row(*(text_of(column.cell(row, at) or NOTHING) for column in shown))
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


class LiveLine:
    """One line on stderr that is written anew each time; nothing where stderr is no terminal."""

    def __init__(self, *, is_shown: bool = True) -> None:
        self.is_live = is_shown and is_live(sys.stderr)
        self._text = ""

    def show(self, text: str) -> None:
        """Write it, or take it away: the text is empty then."""
        if self.is_live and text != self._text:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
        self._text = text


def _print_text(stream: TextIO, parts: Sequence[Cell]) -> None:
    if not stream.isatty():
        print("".join(map(_word_of, parts)), file=stream, flush=True)
        return
    from rich.text import Text

    console_for(stream).print(Text.assemble(*(text_of(part) for part in parts)), soft_wrap=True)


def _piped_lines(columns: Columns[RowT], rows: Sequence[RowT], at: datetime) -> Iterator[str]:
    """Yield the lines of a table that nothing is folded or cut in: grep and awk see whole ones."""
    words = [[column.title, *(_word_of(column.cell(row, at) or NOTHING) for row in rows)] for column in columns]
    for line in zip(*(_justified(column, cells) for column, cells in zip(columns, words, strict=True)), strict=True):
        yield "  ".join(line).rstrip()


def _justified(column: Column[RowT], words: Sequence[str]) -> list[str]:
    width = max(map(len, words))
    return [word.rjust(width) if column.is_right else word.ljust(width) for word in words]


def _word_of(cell: Cell) -> str:
    return cell.word if isinstance(cell, Status) else plain(cell)
