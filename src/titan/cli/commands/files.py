"""`titan files`: what jobs left in their workspace or uploaded, and how to get it."""

from pathlib import Path, PurePosixPath
from typing import Annotated, TypeAlias

import typer

from titan.cli import completion
from titan.cli.exits import CommandFailed, ExitCode
from titan.cli.formats import NOTHING, moment, plain, size
from titan.cli.lookup import on_any
from titan.cli.options import AllOfDag, AllOfRun, Answer, AnyArgument, DagScope, Force, RunScope, asks, noun
from titan.cli.screen import Cell, Column, remark, say, show_table, write_bytes
from titan.cli.server import Document, Server, check_free, read
from titan.cli.views import now
from titan.model.files import FilePlace
from titan.wire.files import LeftFilesAnswer, LeftFileView

app = noun("List the files that jobs left; get one.")

_COLUMNS = (
    Column("PATH", folds=True),
    Column("SIZE", "right"),
    Column("CHANGED", least_columns=70),
    Column("JOB", folds=True, least_columns=50),
    Column("ATTEMPT", "right", least_columns=100),
    Column("WORKER", folds=True, least_columns=90),
    Column("CONTENT", folds=True, least_columns=60),
)

Named: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="JOB|DAG|RUN",
        help="Whose file: a job by name or id, else a DAG, else an agent run.",
        autocompletion=completion.job_names,
    ),
]
FilePath: TypeAlias = Annotated[str, typer.Argument(metavar="PATH", help="Its path, as `titan files list` shows it.")]
Attempt: TypeAlias = Annotated[
    int | None, typer.Option("--attempt", min=1, metavar="N", help="Of a job: only what this attempt left.")
]
Output: TypeAlias = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Where to write it; - is stdout. Default: its own name, here."),
]


@asks(
    app,
    "titan files list train",
    "titan files list nightly",
    "titan files list --run RESEARCH_cb5e13",
    name="list",
)
def list_files(
    titan: Server, name: AnyArgument = None, *, dag: AllOfDag = None, run: AllOfRun = None, attempt: Attempt = None
) -> Answer:
    """List the files that a job left, or those of a whole DAG or agent run.

    Of a path that several attempts wrote, the last one's file is listed, on each node.
    """
    answer = _files_of(titan, "titan files list", name, dag=dag, run=run, attempt=attempt)
    return Answer(answer, lambda: _show(read(answer, LeftFilesAnswer)))


@asks(
    app,
    "titan files get train model/weights.bin",
    "titan files get train metrics.json --output - | jq .loss",
)
def get(
    titan: Server,
    name: Named,
    path: FilePath,
    *,
    dag: DagScope = None,
    run: RunScope = None,
    attempt: Attempt = None,
    output: Output = None,
    force: Force = False,
) -> Answer:
    """Fetch a file that a job, a DAG or an agent run left."""
    answer = _files_of(titan, "titan files get", name, dag=dag, run=run, attempt=attempt)
    file = _chosen(read(answer, LeftFilesAnswer).files, path)
    assert file.digest is not None
    if output == Path("-"):
        for piece in titan.stream("api", "blobs", file.digest):
            write_bytes(piece)
        raise typer.Exit
    target = output or Path(PurePosixPath(file.path).name)
    check_free(target, is_forced=force)
    titan.download("api", "blobs", file.digest, target=target)
    size_bytes = target.stat().st_size
    written = {"path": file.path, "file": str(target), "size_bytes": size_bytes}
    return Answer(written, lambda: remark(f"Wrote {target} ({size(size_bytes)})"))


def _files_of(
    titan: Server, command: str, name: str | None, *, dag: str | None, run: str | None, attempt: int | None
) -> Document:
    def ask(*path: str) -> Document:
        return titan.get("api", *path, "files", attempt=attempt if path[0] == "jobs" else None)

    return on_any(titan, command, ask, name, dag=dag, run=run)


def _show(listed: LeftFilesAnswer) -> None:
    if not listed.files:
        say("No files. What a job writes into its working directory appears here when it has ended.")
        return
    at = now()
    rows: list[list[Cell]] = [
        [
            file.path,
            size(file.size_bytes),
            moment(file.modified_at, now=at),
            file.job,
            str(file.attempt),
            file.worker,
            _content(file),
        ]
        for file in listed.files
    ]
    show_table(_COLUMNS, rows)
    if listed.more:
        remark(f"These are the first {len(listed.files):,} by path; name a job to see its own.")


def _content(file: LeftFileView) -> str:
    if file.reason is not None:
        return f"not here: {file.reason}"
    return "uploaded" if file.place is FilePlace.ARTIFACT else NOTHING


def _chosen(files: list[LeftFileView], path: str) -> LeftFileView:
    """Return the file of this path that changed last: the same path may stand on several nodes."""
    found = [file for file in files if file.path == path]
    if not found:
        near = ", ".join(plain(file.path) for file in files[:5])
        raise CommandFailed(
            f"file {path!r}",
            exit_code=ExitCode.NOT_FOUND,
            expected="the path of a file that was left",
            found=f"none such among {len(files)}" + (f" ({near}{', …' if len(files) > 5 else ''})" if files else ""),
            next_step="`titan files list` lists them.",
            kind="UnknownArtifact",
        )
    newest = max(found, key=lambda file: file.modified_at)
    if newest.digest is None:
        raise CommandFailed(
            f"file {path!r}",
            exit_code=ExitCode.NOT_FOUND,
            expected="a file whose content was collected",
            found=f"none: {newest.reason}",
            next_step=f"It lies on the worker {newest.worker}.",
            kind="UnknownArtifact",
        )
    return newest
