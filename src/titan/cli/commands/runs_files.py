"""`titan runs export` and `titan runs import`: recorded runs as one file, and back."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO, Final, TypeAlias

import typer

from titan.cli import completion
from titan.cli.answers import read
from titan.cli.commands.runs import (
    Archived,
    MinCost,
    OfAgent,
    OfSession,
    Query,
    Search,
    Since,
    Sort,
    SortBy,
    Statuses,
    WithTag,
    app,
    query_of,
)
from titan.cli.exits import CommandFailed, ExitCode, usage_error
from titan.cli.formats import count, size
from titan.cli.lookup import run_named
from titan.cli.options import JsonOption, ServerOption, examples
from titan.cli.recorded_answers import Imported, Registry
from titan.cli.screen import remark, say, show_json, write_bytes
from titan.cli.server import Server, connect, local_file
from titan.cli.transfer import CountedFile, Transfer
from titan.rules.windows import ALL_TIME
from titan_sdk.http1 import NotWritable
from titan_sdk.partial_file import PartialFile


class Format(StrEnum):
    """What an export is written as."""

    JSONL = "jsonl"  #: the one that can be imported
    JSON = "json"
    CSV = "csv"


STDIO: Final = Path("-")
#: While the server reads an import through and keeps it, it says nothing: 250 calls of 1 KB a second, at the slowest.
QUIET_SECONDS: Final = 60.0
SLOWEST_BYTES_PER_SECOND: Final = 250_000

FormatOption: TypeAlias = Annotated[
    Format | None,
    typer.Option(
        "--format",
        case_sensitive=False,
        help="Only jsonl can be imported. Default: what the file's name ends in, else jsonl.",
        show_default=False,
    ),
]
OutputFile: TypeAlias = Annotated[
    Path,
    typer.Option("--output", "-o", metavar="FILE", help="Where to write it; - is stdout.", show_default=True),
]
OneRun: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--run",
        metavar="RUN",
        help="Only this run, whatever other filters say.",
        autocompletion=completion.run_ids,
        show_default=False,
    ),
]
Force: TypeAlias = Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")]
ImportFile: TypeAlias = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", help="An export in JSON Lines; - is stdin.", autocompletion=completion.files, show_default=False
    ),
]
Partial: TypeAlias = Annotated[
    bool, typer.Option("--partial", help="Import also a file that was cut off: what there is of it.")
]


@app.command(
    name="export",
    epilog=examples(
        "titan runs export --since 7d --output week.jsonl",
        "titan runs export --status failed --format csv > failed.csv",
        "titan runs export --run RESEARCH_cb5e13 | jq -c 'select(.type == \"action\")'",
    ),
)
def export_runs(
    *,
    form: FormatOption = None,
    output: OutputFile = STDIO,
    run: OneRun = None,
    status: Statuses = None,
    agent: OfAgent = None,
    session: OfSession = None,
    tag: WithTag = None,
    since: Since = ALL_TIME,
    min_cost: MinCost = None,
    search: Search = None,
    sort: SortBy = Sort.STARTED,
    archived: Archived = False,
    force: Force = False,
    server: ServerOption = None,
) -> None:
    """Write runs with all their actions: as JSON Lines, one JSON document or CSV.

    The file appears once it is whole.
    """
    query = query_of(
        status=status,
        agent=agent,
        session=session,
        tag=tag,
        since=since,
        min_cost=min_cost,
        search=search,
        sort=sort,
        archived=archived,
    )
    if output != STDIO and output.exists() and not force:
        raise usage_error(
            f"file {str(output)!r}",
            expected="a name that nothing has yet",
            found="something of that name",
            next_step="Choose another with --output FILE, or overwrite it with --force.",
        )
    form = form or _form_of(output)
    titan = connect(server)
    what = f"run {run}" if run is not None else _how_many(titan, query)
    pieces = _exported(titan, run, query, form)
    is_shown = output != STDIO or not sys.stdout.isatty()
    with Transfer(f"Exporting {what}", is_shown=is_shown) as transfer:
        if output == STDIO:
            for piece in pieces:
                write_bytes(piece)
                transfer.moved(len(piece))
        else:
            _write(pieces, output, transfer)
    if output != STDIO:
        remark(f"Wrote {output}{_unlike(output, form)} ({what}, {size(transfer.moved_bytes)})")


@app.command(
    name="import",
    epilog=examples(
        "titan runs import week.jsonl", "titan runs import - < week.jsonl", "titan runs import --partial cut.jsonl"
    ),
)
def import_runs(
    file: ImportFile, *, partial: Partial = False, as_json: JsonOption = False, server: ServerOption = None
) -> None:
    """Keep the runs of an export in JSON Lines, as they are there; what is known already counts once.

    Nothing of it is kept where a line is none of an export, or the last lines are missing.
    """
    with _opened(file) as (content, size_bytes):
        titan = connect(server)
        with Transfer(f"Importing {file}", total_bytes=size_bytes) as transfer:
            answer = titan.upload(
                *("api", "v1", "import"),
                file=CountedFile(content, transfer),
                size_bytes=size_bytes,
                timeout_seconds=QUIET_SECONDS + size_bytes / SLOWEST_BYTES_PER_SECOND,
                partial="true" if partial else None,
            )
    if as_json:
        show_json(answer)
        return
    imported = read(answer, Imported)
    say(imported_words(imported))


def imported_words(imported: Imported) -> str:
    """Return what an import brought: `Imported 1 run: 3 entries and 1 note; 1 was known already.`"""
    entries = "1 entry" if imported.stored == 1 else f"{imported.stored:,} entries"
    notes = f" and {count(imported.notes, 'note')}" if imported.notes else ""
    known = f"; {imported.repeated:,} {'was' if imported.repeated == 1 else 'were'} known already"
    return f"Imported {count(imported.runs, 'run')}: {entries}{notes}{known if imported.repeated else ''}."


def _how_many(titan: Server, query: Query) -> str:
    """Return how many runs the filters leave, in words."""
    registry = read(titan.get("api", "v1", "runs", **query, limit=1), Registry)
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


def _exported(titan: Server, run: str | None, query: Query, form: Format) -> Iterator[bytes]:
    """Yield the pieces of an export of one run, or of all that the filters leave."""
    with nullcontext() if run is None else run_named(titan, run):
        yield from titan.stream("api", "v1", "runs", "export", **query, format=form, run_id=run)


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
    """Yield a file's content and its size; stdin is gathered first, for a request begins with its size.

    Raises:
        CommandFailed: it cannot be read.
    """
    try:
        file = _gathered(sys.stdin.buffer) if path == STDIO else path.open("rb")
    except OSError as error:
        raise CommandFailed(
            f"file {str(path)!r}",
            exit_code=ExitCode.USAGE,
            expected="an export in JSON Lines",
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


__all__ = ["app"]
