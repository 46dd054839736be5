"""`titan files`: list and fetch the files that jobs left in their workspace or uploaded."""

from pathlib import Path, PurePosixPath
from typing import Annotated

import typer

from titan.cli.exit_codes import not_found, usage_error
from titan.cli.lookup import path_of
from titan.cli.options import EVERYDAY, AllOfDag, AllOfRun, Answer, AnyArgument, Force, argument, asks, option
from titan.cli.server import Server, check_free, read
from titan.cli.terminal import Column, Columns, remark, show_list, write_stream
from titan.cli.views.formats import moment, plain, size
from titan.model.files import FilePlace
from titan.wire.store import LeftFilesAnswer, LeftFileView

everyday = typer.Typer()

_COLUMNS: Columns[LeftFileView] = (
    Column("PATH", lambda file, _: file.path, folds=True),
    Column("SIZE", lambda file, _: size(file.size_bytes), is_right=True),
    Column("CHANGED", lambda file, at: moment(file.modified_at, now=at), least_columns=70),
    Column("JOB", lambda file, _: file.job, folds=True, least_columns=50),
    Column("ATTEMPT", lambda file, _: str(file.attempt), is_right=True, least_columns=100),
    Column("WORKER", lambda file, _: file.worker, folds=True, least_columns=90),
    Column("CONTENT", lambda file, _: _content(file), folds=True, least_columns=60),
)

FilePath = Annotated[str | None, argument("[PATH]", "Fetch this one; its path is as the list shows it.")]
Attempt = Annotated[int | None, option("--attempt N", "Of a job: only what this attempt left.", min=1)]
Output = Annotated[
    Path | None, option("--output -o FILE", "Where to write it; - is stdout. Default: its own name, here.")
]


@asks(
    everyday,
    "titan files train",
    "titan files --run RESEARCH_cb5e13",
    "titan files train model/weights.bin",
    "titan files train metrics.json --output - | jq .loss",
    panel=EVERYDAY,
)
def files(
    titan: Server,
    name: AnyArgument = None,
    path: FilePath = None,
    *,
    dag: AllOfDag = None,
    run: AllOfRun = None,
    attempt: Attempt = None,
    output: Output = None,
    force: Force = False,
) -> Answer:
    """List the files that a job, a DAG or an agent run left, or fetch one.

    Of a path that several attempts wrote, the last one's file is listed, on each node.
    """
    if path is None and (output is not None or force):
        raise usage_error("titan files --output", "the PATH of one file", "none")
    place = path_of(titan, "titan files", name, dag=dag, run=run)
    answer = titan.get("api", *place, "files", attempt=attempt if place[0] == "jobs" else None)
    if path is None:
        return Answer(answer, lambda: _show(read(answer, LeftFilesAnswer)))
    file = _chosen(read(answer, LeftFilesAnswer).files, path)
    assert file.digest is not None
    if output == Path("-"):
        write_stream(titan.stream("api", "blobs", file.digest))
        raise typer.Exit
    target = output or Path(PurePosixPath(file.path).name)
    check_free(target, is_forced=force)
    titan.download("api", "blobs", file.digest, target=target)
    size_bytes = target.stat().st_size
    written = {"path": file.path, "file": str(target), "size_bytes": size_bytes}
    return Answer(written, lambda: remark(f"Wrote {target} ({size(size_bytes)})"))


def _show(listed: LeftFilesAnswer) -> None:
    nothing = "No files. What a job writes into its working directory appears here when it has ended."
    show_list(_COLUMNS, listed.files, nothing=nothing)
    if listed.more:
        remark(f"These are the first {len(listed.files):,} by path; name a job to see its own.")


def _content(file: LeftFileView) -> str | None:
    if file.reason is not None:
        return f"not here: {file.reason}"
    return "uploaded" if file.place is FilePlace.ARTIFACT else None


def _chosen(files: list[LeftFileView], path: str) -> LeftFileView:
    """Return the file of this path that changed last; several nodes may have one."""
    subject, found = f"file {path!r}", [file for file in files if file.path == path]
    if not found:
        near = ", ".join(plain(file.path) for file in files[:5]) + (", …" if len(files) > 5 else "")
        found_words = f"none among {len(files)}" + (f" ({near})" if files else "")
        next_step = "`titan files` without PATH lists them."
        raise not_found(subject, "the path of a file that was left", found_words, next_step, kind="UnknownArtifact")
    newest = max(found, key=lambda file: file.modified_at)
    if newest.digest is None:
        expected, next_step = "a file whose content was collected", f"It lies on the worker {newest.worker}."
        raise not_found(subject, expected, f"none: {newest.reason}", next_step, kind="UnknownArtifact")
    return newest
