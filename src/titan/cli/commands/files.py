"""`titan files`: what jobs left in their workspace or uploaded, and how to get it."""

from pathlib import Path, PurePosixPath
from typing import Annotated, TypeAlias

import typer

from titan.cli import completion
from titan.cli.answers import Document, LeftFile, LeftFiles, read
from titan.cli.exits import CommandFailed, ExitCode, usage_error
from titan.cli.formats import NOTHING, moment, plain, size
from titan.cli.lookup import find_job
from titan.cli.options import DagScope, JsonOption, RunScope, ServerOption, examples
from titan.cli.screen import Cell, Column, remark, say, show_json, show_table, write_bytes
from titan.cli.server import Server, connect
from titan.cli.views import now
from titan.model.files import FilePlace

app = typer.Typer()

_COLUMNS = (
    Column("PATH", folds=True),
    Column("SIZE", "right"),
    Column("CHANGED", least_columns=70),
    Column("JOB", folds=True, least_columns=50),
    Column("ATTEMPT", "right", least_columns=100),
    Column("WORKER", folds=True, least_columns=90),
    Column("CONTENT", folds=True, least_columns=60),
)

Name: TypeAlias = Annotated[
    str | None,
    typer.Argument(
        metavar="JOB|DAG|RUN",
        help="Whose files: a job by name or id, else a DAG, else an agent run.",
        autocompletion=completion.job_names,
        show_default=False,
    ),
]
Attempt: TypeAlias = Annotated[
    int | None,
    typer.Option("--attempt", min=1, metavar="N", help="Of a job: only what this attempt left.", show_default=False),
]
Get: TypeAlias = Annotated[
    str | None,
    typer.Option("--get", metavar="PATH", help="Fetch the file of this path.", show_default=False),
]
Force: TypeAlias = Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")]
Output: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Where to write it; - is stdout. Default: its own name, here.",
        show_default=False,
    ),
]


@app.command(
    epilog=examples(
        "titan files train",
        "titan files train --get model/weights.bin --output weights.bin",
        "titan files train --get metrics.json --output - | jq .loss",
        "titan files --run RESEARCH_cb5e13",
    )
)
def files(
    name: Name = None,
    *,
    dag: DagScope = None,
    run: RunScope = None,
    attempt: Attempt = None,
    get: Get = None,
    output: Output = None,
    force: Force = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """List the files that a job left, or those of a whole DAG or agent run; --get fetches one.

    Of a path that several attempts wrote, the last one's file is listed, on each node.
    """
    _check_usage(name, dag=dag, run=run, get=get, output=output)
    titan = connect(server)
    answer = _listed(titan, name, dag=dag, run=run, attempt=attempt)
    listed = read(answer, LeftFiles)
    if get is not None:
        _fetch(titan, _chosen(listed.files, get), output, is_forced=force)
    elif as_json:
        show_json(answer)
    else:
        _show(listed)


def _check_usage(name: str | None, *, dag: str | None, run: str | None, get: str | None, output: Path | None) -> None:
    if name is None and (dag is None) == (run is None):
        raise usage_error(
            "titan files",
            expected="a JOB, DAG or RUN",
            found="none" if dag is None else "--dag and --run without a JOB",
            next_step="For example: titan files train",
        )
    if output is not None and get is None:
        raise usage_error(
            "titan files --output",
            expected="--get PATH beside it",
            found="none",
            next_step="For example: titan files train --get model.bin --output model.bin",
        )


def _listed(titan: Server, name: str | None, *, dag: str | None, run: str | None, attempt: int | None) -> Document:
    """Return the answer for what is meant: inside --dag and --run a job; else the first of job, DAG and run."""
    if name is None and dag is not None:
        return titan.get("api", "dags", dag, "files")
    if name is None:
        return titan.get("api", "v1", "runs", run or "", "files")
    if dag is not None or run is not None:
        job_id = find_job(titan, name, dag=dag, run=run).job_id
        return titan.get("api", "jobs", job_id, "files", attempt=attempt)
    for kind, missing in (("jobs", "UnknownJob"), ("dags", "UnknownDag"), ("v1/runs", "UnknownRun")):
        try:
            path = ("api", *kind.split("/"), name, "files")
            return titan.get(*path, attempt=attempt if kind == "jobs" else None)
        except CommandFailed as failure:
            if failure.kind != missing:
                raise
    raise CommandFailed(
        repr(name),
        exit_code=ExitCode.NOT_FOUND,
        expected="the name or id of a job, a DAG or an agent run",
        found="none such",
        next_step="`titan jobs`, `titan dags` and `titan runs` list them.",
        kind="UnknownJob",
    )


def _show(listed: LeftFiles) -> None:
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


def _content(file: LeftFile) -> str:
    if file.reason is not None:
        return f"not here: {file.reason}"
    return "uploaded" if file.place is FilePlace.ARTIFACT else NOTHING


def _chosen(files: list[LeftFile], path: str) -> LeftFile:
    """Return the file of this path that changed last: the same path may stand on several nodes."""
    found = [file for file in files if file.path == path]
    if not found:
        near = ", ".join(plain(file.path) for file in files[:5])
        raise CommandFailed(
            f"file {path!r}",
            exit_code=ExitCode.NOT_FOUND,
            expected="the path of a file that was left",
            found=f"none such among {len(files)}" + (f" ({near}{', …' if len(files) > 5 else ''})" if files else ""),
            next_step="The same command without --get lists them.",
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


def _fetch(titan: Server, file: LeftFile, output: Path | None, *, is_forced: bool) -> None:
    assert file.digest is not None
    if output == Path("-"):
        for piece in titan.stream("api", "blobs", file.digest):
            write_bytes(piece)
        return
    target = output or Path(PurePosixPath(file.path).name)
    if target.exists() and not is_forced:
        raise CommandFailed(
            f"file {str(target)!r}",
            exit_code=ExitCode.USAGE,
            expected="a name that nothing has yet",
            found="something of that name",
            next_step="Choose another with --output FILE, or overwrite it with --force.",
        )
    titan.download("api", "blobs", file.digest, target=target)
    remark(f"Wrote {target} ({size(target.stat().st_size)})")
