"""`titan runs export` and `titan runs import`: recorded runs as one file, and back."""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Annotated, BinaryIO, Final

from titan.cli import completion
from titan.cli.commands.runs import Filters, app
from titan.cli.exit_codes import CommandFailed, ExitCode
from titan.cli.options import Answer, Force, argument, asks, option
from titan.cli.server import Server, check_free, local_file, read
from titan.cli.terminal import LiveLine, remark, say, write_bytes
from titan.cli.views.formats import count, size
from titan.wire.runs import ImportAnswer, RegistryAnswer
from titan_sdk.http import NotWritable, PartialFile


class Format(StrEnum):
    """What an export is written as."""

    JSONL = "jsonl"  #: the one that can be imported
    JSON = "json"
    CSV = "csv"


STDIO: Final = Path("-")
REDRAWN_EVERY: Final = 0.2  # seconds
SAID_EVERY: Final = 10.0
#: While the server reads an import through and keeps it, it says nothing: 250 calls of 1 KB a second, at the slowest.
QUIET_SECONDS: Final = 60.0
SLOWEST_BYTES_PER_SECOND: Final = 250_000

FormatOption = Annotated[
    Format | None,
    option(
        "--format",
        "Only jsonl can be imported. Default: what the file's name ends in, else jsonl.",
        case_sensitive=False,
    ),
]
OutputFile = Annotated[Path, option("--output -o FILE", "Where to write it; - is stdout.", show_default=True)]
OneRun = Annotated[str | None, option("--run RUN", "Only this run, whatever other filters say.", completion.run_ids)]
Source = Annotated[
    Path | None,
    argument(
        "[FILE|FOLDER]",
        "An export in JSON Lines, - for stdin; or a folder of recorded entries. Default: what waits in the home.",
        completion.files,
    ),
]
Partial = Annotated[bool, option("--partial", "Import also a file that was cut off: what there is of it.")]


class Transfer(AbstractContextManager["Transfer"]):
    """Counts bytes, and says how many there were so far."""

    def __init__(
        self,
        what: str,
        *,
        total_bytes: int | None = None,
        is_shown: bool = True,
        now: Callable[[], float] | None = None,
    ) -> None:
        """`what` stands before the figures; without `is_shown` nothing is said."""
        self._what = what
        self._total_bytes = total_bytes
        self._now = now or time.monotonic
        self._line = LiveLine(is_shown=is_shown)
        self._is_live = self._line.is_live
        self._pause = REDRAWN_EVERY if self._is_live else SAID_EVERY
        self._is_shown = is_shown
        self._say_at = self._now() + (0 if self._is_live else self._pause)
        self.moved_bytes = 0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.show("")

    def moved(self, count: int) -> None:
        """Count bytes that have gone."""
        self.moved_bytes += count
        is_last = self._is_live and self.moved_bytes == self._total_bytes
        if self._is_shown and (is_last or self._now() >= self._say_at):
            self._say_at = self._now() + self._pause
            self._say()

    def begin_anew(self) -> None:
        """Count from nothing: the file goes once more."""
        self.moved_bytes = 0

    def _say(self) -> None:
        of = "" if self._total_bytes is None else f" of {size(self._total_bytes)}"
        text = f"{self._what}: {size(self.moved_bytes)}{of}"
        if self.moved_bytes == self._total_bytes:
            text += " sent; the server checks and keeps it"
        if self._is_live:
            self._line.show(text)
        else:
            remark(text)


class CountedFile:
    """A file whose reading is counted."""

    def __init__(self, file: BinaryIO, transfer: Transfer) -> None:
        self._file = file
        self._transfer = transfer

    def read(self, size: int, /) -> bytes:
        """Return what comes next, at most `size` bytes."""
        piece = self._file.read(size)
        self._transfer.moved(len(piece))
        return piece

    def seek(self, place: int, /) -> int:
        """Go to a place, which is the beginning."""
        self._transfer.begin_anew()
        return self._file.seek(place)


@asks(
    app,
    "titan runs export --since 7d --output week.jsonl",
    "titan runs export --status failed --format csv > failed.csv",
    "titan runs export --run RESEARCH_cb5e13 | jq -c 'select(.type == \"action\")'",
    name="export",
)
def export_runs(
    titan: Server,
    *,
    filters: Filters,
    form: FormatOption = None,
    output: OutputFile = STDIO,
    run: OneRun = None,
    force: Force = False,
) -> Answer | None:
    """Write runs with all their actions: as JSON Lines, one JSON document or CSV.

    The file appears once it is whole.
    """
    query = filters.query()
    if output != STDIO:
        check_free(output, is_forced=force)
    form = form or _form_of(output)
    what = f"run {run}" if run is not None else _how_many(titan, query)
    pieces = titan.stream("api", "v1", "runs", "export", **query, format=form, run_id=run)
    is_shown = output != STDIO or not sys.stdout.isatty()
    with Transfer(f"Exporting {what}", is_shown=is_shown) as transfer:
        if output == STDIO:
            for piece in pieces:
                write_bytes(piece)
                transfer.moved(len(piece))
        else:
            _write(pieces, output, transfer)
    if output == STDIO:
        return None
    written = {"file": str(output), "format": form, "size_bytes": transfer.moved_bytes}
    text = f"Wrote {output}{_unlike(output, form)} ({what}, {size(transfer.moved_bytes)})"
    return Answer(written, lambda: remark(text))


@asks(
    app,
    "titan runs import week.jsonl",
    "titan runs import - < week.jsonl",
    "titan runs import --partial cut.jsonl",
    "titan runs import",
    "titan runs import ~/.titan/spool/old-host_9090 --server http://127.0.0.1:5000",
    name="import",
)
def import_runs(titan: Server, source: Source = None, *, partial: Partial = False) -> Answer:
    """Import runs: of an export in JSON Lines, or what programs recorded while no server answered.

    Of an export nothing is stored where a line is none of it, or the last lines are missing. Without FILE, what
    waits in the home for this server is delivered; with a folder that `titan doctor` names, what waits there. What
    the server knows already counts once.
    """
    if source is None or source.is_dir():
        from titan.cli.spool_upload import deliver  # what it sends with takes 0.1 s to import

        return deliver(titan, source)
    with (
        _opened(source) as (content, size_bytes),
        Transfer(f"Importing {source}", total_bytes=size_bytes) as transfer,
    ):
        answer = titan.upload(
            *("api", "v1", "import"),
            file=CountedFile(content, transfer),
            size_bytes=size_bytes,
            timeout_seconds=QUIET_SECONDS + size_bytes / SLOWEST_BYTES_PER_SECOND,
            partial="true" if partial else None,
        )
    return Answer(answer, lambda: say(imported_words(read(answer, ImportAnswer))))


def imported_words(imported: ImportAnswer) -> str:
    """Return what an import brought: `Imported 1 run: 3 entries and 1 note; 1 was known already.`"""
    entries = "1 entry" if imported.stored == 1 else f"{imported.stored:,} entries"
    notes = f" and {count(imported.notes, 'note')}" if imported.notes else ""
    known = f"; {imported.repeated:,} {'was' if imported.repeated == 1 else 'were'} known already"
    return f"Imported {count(imported.runs, 'run')}: {entries}{notes}{known if imported.repeated else ''}."


def _how_many(titan: Server, query: Mapping[str, str | None]) -> str:
    """Return how many runs the filters leave, in words."""
    registry = read(titan.get("api", "v1", "runs", timeout_seconds=None, **query, limit=1), RegistryAnswer)
    return f"over {registry.total:,} runs" if registry.is_total_capped else count(registry.total, "run")


def _form_of(output: Path) -> Format:
    """Return the form that a file's name ends in, JSON Lines where it ends in none."""
    ending = output.suffix.removeprefix(".").lower()
    return Format(ending) if ending in set(Format) else Format.JSONL


def _unlike(output: Path, form: Format) -> str:
    """Return the form that was written where the file's name ends in another; nothing where it fits."""
    ending = output.suffix.lower()
    if ending in ("", f".{form}") or (form is Format.JSONL and ending == ".ndjson"):
        return ""
    return f" as {form}, though its name ends in {output.suffix}"


def _write(pieces: Iterator[bytes], output: Path, transfer: Transfer) -> None:
    """Write the pieces to a file that appears once it is whole."""
    partial = PartialFile(output)
    with local_file(output):
        try:
            with partial.begun() as file:
                for piece in pieces:
                    file.write(piece)
                    transfer.moved(len(piece))
            partial.keep()
        except NotWritable as failure:
            raise failure.as_of_the_disk() from None
        finally:
            partial.discard()


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """Yield a file's content and its size; stdin is gathered first, for a request begins with its size."""
    try:
        file = _gathered(sys.stdin.buffer) if path == STDIO else path.open("rb")
    except OSError as error:
        raise CommandFailed(
            f"file {str(path)!r}",
            exit_code=ExitCode.USAGE,
            expected="an export in JSON Lines, or a folder of recorded entries",
            found=error.strerror or str(error),
            next_step="`titan runs export --output FILE` writes one.",
        ) from error
    with file:
        yield file, os.fstat(file.fileno()).st_size


def _gathered(source: BinaryIO) -> BinaryIO:
    if source.isatty():
        remark("Reading what is to be imported from stdin; Ctrl-D ends it.")
    gathered = tempfile.TemporaryFile()  # noqa: SIM115  # whoever asked for it closes it
    shutil.copyfileobj(source, gathered)
    gathered.seek(0)
    return gathered
