"""`titan cancel`: ends a job, a DAG or a whole agent run."""

from typing import Annotated, TypeAlias

import typer

from titan.cli import completion
from titan.cli.answers import Cancelled, Document, read
from titan.cli.exits import usage_error
from titan.cli.formats import listed
from titan.cli.lookup import find_job
from titan.cli.options import JsonOption, ServerOption, examples
from titan.cli.screen import say, show_json
from titan.cli.server import Server, connect

app = typer.Typer()

JobName: TypeAlias = Annotated[
    str | None,
    typer.Argument(
        metavar="JOB",
        help="The job to cancel, by name or id.",
        autocompletion=completion.job_names,
        show_default=False,
    ),
]
DagName: TypeAlias = Annotated[
    str | None,
    typer.Option("--dag", metavar="DAG", help="Without JOB: all of this DAG.", autocompletion=completion.dag_names),
]
RunId: TypeAlias = Annotated[
    str | None,
    typer.Option("--run", metavar="RUN", help="Without JOB: all of this agent run.", autocompletion=completion.run_ids),
]


@app.command(
    epilog=examples(
        "titan cancel train",
        "titan cancel train --dag nightly",
        "titan cancel --dag nightly",
        "titan cancel --run RESEARCH_cb5e13",
    )
)
def cancel(
    name: JobName = None,
    *,
    dag: DagName = None,
    run: RunId = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Cancel a job, or with --dag or --run alone everything there.

    What has not started never will, and the children of a cancelled job neither; what runs is ended with all
    its processes. --dag and --run beside JOB say where to look for it.
    """
    if name is None and (dag is None) == (run is None):
        raise usage_error(
            "titan cancel",
            expected="a JOB, --dag DAG or --run RUN",
            found="none of them" if dag is None else "--dag and --run without a JOB",
            next_step="For example: titan cancel --dag nightly",
        )
    answer = _cancel(connect(server), name=name, dag=dag, run=run)
    if as_json:
        show_json(answer)
    else:
        show_cancelled(read(answer, Cancelled))


def _cancel(server: Server, *, name: str | None, dag: str | None, run: str | None) -> Document:
    if name is not None:
        return server.post("api", "jobs", find_job(server, name, dag=dag, run=run).job_id, "cancel")
    if dag is not None:
        return server.post("api", "dags", dag, "cancel")
    assert run is not None
    return server.post("api", "v1", "runs", run, "cancel")


def show_cancelled(done: Cancelled) -> None:
    """Write what a cancel did."""
    if done.cancelled:
        say(f"Cancelled {listed(done.cancelled)}.")
    if done.stopping:
        say(f"Stopping {listed(done.stopping)}: what runs is being ended with all its processes.")
    if not done.cancelled and not done.stopping:
        say(f"Nothing to cancel: {listed(done.skipped)} had ended already." if done.skipped else "Nothing to cancel.")
