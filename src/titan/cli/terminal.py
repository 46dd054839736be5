"""The two outputs: facts on stdout (a table, lines, raw bytes or one JSON document), remarks and progress on stderr."""

import json
import os
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Generic, Literal, TextIO, TypeAlias, TypeVar

import typer

from titan.cli.exit_codes import usage_error
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

PIPED_EVERY_SECONDS: Final = 10.0  #: between two lines of progress where stderr is no terminal

RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True)
class Status:
    """A cell that holds a status, shown in its colour."""

    word: str


Cell = str | Status


@dataclass(frozen=True, slots=True)
class Column(Generic[RowT]):
    """A column of a table."""

    title: str
    cell: Callable[[RowT, datetime], Cell | None]  #: the cell of a row, at the moment that ages are counted from
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


def write_stream(pieces: Generator[bytes, None, None]) -> bytes:
    """Write a stream to stdout and close it, also where nobody reads stdout any more; return its last byte, or none."""
    last = b""
    with closing(pieces):
        for piece in pieces:
            write_bytes(piece)
            last = piece[-1:] or last
    return last


def say(*parts: Cell) -> None:
    """Write one line of facts to stdout; control characters in it become escapes."""
    _print_text(sys.stdout, parts)


def say_lines(lines: Iterable[str]) -> None:
    """Write lines of facts to stdout."""
    for line in lines:
        say(line)


def remark(*parts: Cell) -> None:
    """Write one line about what is going on to stderr."""
    _print_text(sys.stderr, parts)


def confirm(question: str, *, subject: str) -> None:
    """Ask the person at the terminal before something is deleted.

    Raises:
        CommandFailed: stdin is no terminal.
        Abort: the answer is no.
    """
    if not sys.stdin.isatty():
        found = "neither a terminal nor --yes"
        raise usage_error(subject, "--yes, where nobody can be asked", found, "Nothing was deleted.")
    try:
        typer.confirm(question, abort=True, err=True)
    except typer.Abort:
        remark("Nothing was deleted.")
        raise


def show_list(columns: Columns[RowT], rows: Sequence[RowT], *, nothing: str, limit: int | None = None) -> None:
    """Write a list as a table, or `nothing` where it is empty.

    At a terminal, a list of `limit` rows ends with a hint that it may go on.
    """
    if not rows:
        say_lines(nothing.splitlines())
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


@contextmanager
def live_line(*, is_shown: bool = True, is_piped: bool = False) -> Iterator[Callable[[str], None]]:
    """Yield a function that shows a line on stderr in place of the one before.

    Where stderr is no terminal it shows none; `is_piped`: a line every ten seconds that differs from the one before.
    """
    if not (is_shown and is_live(sys.stderr)):
        yield _piped_progress() if is_piped else lambda _text: None
        return
    from rich.live import Live

    with Live(console=console_for(sys.stderr), transient=True, redirect_stdout=False, redirect_stderr=False) as live:
        yield lambda text: live.update(text_of(text))


def _piped_progress() -> Callable[[str], None]:
    last, shown_at = "", time.monotonic()

    def show(text: str) -> None:
        nonlocal last, shown_at
        if text != last and time.monotonic() - shown_at >= PIPED_EVERY_SECONDS:
            remark(text)
            last, shown_at = text, time.monotonic()

    return show


def _print_text(stream: TextIO, parts: Sequence[Cell]) -> None:
    if not stream.isatty():
        print("".join(map(_word_of, parts)), file=stream, flush=True)
        return
    from rich.text import Text

    console_for(stream).print(Text.assemble(*(text_of(part) for part in parts)), soft_wrap=True)


def _piped_lines(columns: Columns[RowT], rows: Sequence[RowT], at: datetime) -> Iterator[str]:
    """Yield the whole lines of a table, for grep and awk."""
    words = [[column.title, *(_word_of(column.cell(row, at) or NOTHING) for row in rows)] for column in columns]
    widths = [max(map(len, cells)) for cells in words]
    for line in zip(*words, strict=True):
        cells = zip(columns, line, widths, strict=True)
        yield "  ".join(w.rjust(width) if column.is_right else w.ljust(width) for column, w, width in cells).rstrip()


def _word_of(cell: Cell) -> str:
    return cell.word if isinstance(cell, Status) else plain(cell)
