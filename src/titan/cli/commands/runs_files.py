"""`titan runs export` and `titan runs import`."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO, Final

from titan.cli import lookup
from titan.cli.commands.runs import Filters, app
from titan.cli.exit_codes import usage_error
from titan.cli.options import Answer, Force, OriginChoice, argument, asks, option
from titan.cli.server import Server, check_free, local_file, read
from titan.cli.terminal import console_for, is_live, live_line, remark, say, write_stream
from titan.cli.views.formats import count, size
from titan.wire.runs import ImportAnswer, RegistryAnswer
from titan_sdk.http import NotWritable, PartialFile


class Format(StrEnum):
    """The format of an export."""

    JSONL = "jsonl"  #: the one that can be imported
    JSON = "json"
    CSV = "csv"


STDIO: Final = Path("-")
#: The server answers an import once it is stored: 250 calls of 1 KB a second, at the slowest.
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
OneRun = Annotated[str | None, option("--run RUN", "Only this run, whatever other filters say.", lookup.run_ids)]
Source = Annotated[
    Path | None,
    argument(
        "[FILE|FOLDER]",
        "An export in JSON Lines, - for stdin; or a folder of recorded entries. Default: what waits in the home.",
        lookup.files,
    ),
]
Partial = Annotated[bool, option("--partial", "Import also a file that was cut off: what there is of it.")]


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
    query = filters.query() | {"origin": filters.origin or OriginChoice.ALL}
    if output != STDIO:
        check_free(output, is_forced=force)
    form = form or _form_of(output)
    what = f"run {run}" if run is not None else _how_many(titan, query)
    pieces = titan.stream("api", "v1", "runs", "export", **query, format=form, run_id=run)
    with live_line(is_shown=output != STDIO or not sys.stdout.isatty()) as show, closing(pieces):
        counted = _counted(pieces, lambda size_bytes: show(f"Exporting {what}: {size(size_bytes)}"))
        if output == STDIO:
            write_stream(counted)
            return None
        _write(counted, output)
    size_bytes = output.stat().st_size
    text = f"Wrote {output}{_unlike(output, form)} ({what}, {size(size_bytes)})"
    return Answer({"file": str(output), "format": form, "size_bytes": size_bytes}, lambda: remark(text))


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
        from titan.cli.spool import deliver  # what it sends with takes 0.1 s to import

        return deliver(titan, source)
    with _opened(source) as (content, size_bytes), _shown(content, size_bytes, f"Importing {source}") as file:
        answer = titan.upload(
            *("api", "v1", "import"),
            file=file,
            size_bytes=size_bytes,
            timeout_seconds=QUIET_SECONDS + size_bytes / SLOWEST_BYTES_PER_SECOND,
            partial="true" if partial else None,
        )
    return Answer(answer, lambda: say(imported_words(read(answer, ImportAnswer))))


def imported_words(imported: ImportAnswer) -> str:
    """Return a summary of an import: `Imported 1 run: 3 entries and 1 note; 1 was known already.`"""
    entries = "1 entry" if imported.stored == 1 else f"{imported.stored:,} entries"
    notes = f" and {count(imported.notes, 'note')}" if imported.notes else ""
    known = f"; {imported.repeated:,} {'was' if imported.repeated == 1 else 'were'} known already"
    return f"Imported {count(imported.runs, 'run')}: {entries}{notes}{known if imported.repeated else ''}."


def _how_many(titan: Server, query: Mapping[str, str | None]) -> str:
    """Return the number of runs that match the filters, in words."""
    registry = read(titan.get("api", "v1", "runs", timeout_seconds=None, **query, limit=1), RegistryAnswer)
    return f"over {registry.total:,} runs" if registry.is_total_capped else count(registry.total, "run")


def _form_of(output: Path) -> Format:
    """Return the format that a file's name ends in, else JSON Lines."""
    ending = output.suffix.removeprefix(".").lower()
    return Format(ending) if ending in set(Format) else Format.JSONL


def _unlike(output: Path, form: Format) -> str:
    """Return a remark if the file's name ends in another format than the one written."""
    ending = output.suffix.lower()
    if ending in ("", f".{form}") or (form is Format.JSONL and ending == ".ndjson"):
        return ""
    return f" as {form}, though its name ends in {output.suffix}"


def _counted(pieces: Iterable[bytes], on_progress: Callable[[int], None]) -> Generator[bytes, None, None]:
    """Yield the pieces; report how many bytes there were so far."""
    size_bytes = 0
    for piece in pieces:
        yield piece
        size_bytes += len(piece)
        on_progress(size_bytes)


def _write(pieces: Iterable[bytes], output: Path) -> None:
    """Write the pieces to a file that appears once it is whole."""
    partial = PartialFile(output)
    with local_file(output):
        try:
            with partial.begun() as file:
                for piece in pieces:
                    file.write(piece)
            partial.keep()
        except NotWritable as failure:
            raise failure.as_of_the_disk() from None
        finally:
            partial.discard()


def _shown(file: BinaryIO, size_bytes: int, what: str) -> AbstractContextManager[BinaryIO]:
    """Return the file; on a terminal, reading it moves a progress bar."""
    if not is_live(sys.stderr):
        return nullcontext(file)
    from rich.markup import escape
    from rich.progress import wrap_file

    return wrap_file(file, size_bytes, description=escape(what), console=console_for(sys.stderr), transient=True)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """Yield a file and its size; stdin is read to its end first, because a request begins with its size."""
    try:
        file = _gathered(sys.stdin.buffer) if path == STDIO else path.open("rb")
    except OSError as error:
        expected, found = "an export in JSON Lines, or a folder of recorded entries", error.strerror or str(error)
        next_step = "`titan runs export --output FILE` writes one."
        raise usage_error(f"file {str(path)!r}", expected, found, next_step) from error
    with file:
        yield file, os.fstat(file.fileno()).st_size


def _gathered(source: BinaryIO) -> BinaryIO:
    if source.isatty():
        remark("Reading what is to be imported from stdin; Ctrl-D ends it.")
    gathered = tempfile.TemporaryFile()  # noqa: SIM115  # whoever asked for it closes it
    shutil.copyfileobj(source, gathered)
    gathered.seek(0)
    return gathered
