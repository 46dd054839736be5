"""`titan dags` and `titan dag`: what was submitted, and how it stands."""

from typing import Annotated, TypeAlias

import typer

from titan.cli import completion
from titan.cli.answers import Dag, DagList, read
from titan.cli.lookup import find_dag
from titan.cli.options import DagArgument, JsonOption, Limit, ServerOption, examples
from titan.cli.screen import remark_limit, say, show_json, show_table
from titan.cli.server import connect
from titan.cli.views import DAG_COLUMNS, dag_row, now, show_dag
from titan.cli.waiting import check_watching, watch_dag

app = typer.Typer()

OfRun: TypeAlias = Annotated[
    str | None,
    typer.Option("--run", metavar="RUN", help="Only stages of this agent run.", autocompletion=completion.run_ids),
]
Named: TypeAlias = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="Only submissions of this name.", autocompletion=completion.dag_names),
]
Wait: TypeAlias = Annotated[
    bool, typer.Option("--wait", "-w", help="Show progress until it has ended; exit 1 unless all completed.")
]
Follow: TypeAlias = Annotated[
    bool, typer.Option("--follow", "-f", help="As --wait, and write what the jobs write to stdout.")
]


@app.command(
    epilog=examples(
        "titan dags",
        "titan dags --name nightly --limit 5",
        "titan dags --json | jq -r '.dags[] | select(.status == \"FAILED\") | .name'",
    )
)
def dags(
    *,
    limit: Limit = 50,
    run: OfRun = None,
    name: Named = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """List the newest DAGs."""
    answer = connect(server).get("api", "dags", limit=limit, run=run, name=name)
    if as_json:
        show_json(answer)
        return
    listed = read(answer, DagList).dags
    if not listed:
        _say_none(is_filtered=bool(run or name))
        return
    at = now()
    show_table(DAG_COLUMNS, [dag_row(dag, at=at) for dag in listed])
    remark_limit(len(listed), limit)


@app.command(
    epilog=examples(
        "titan dag nightly",
        "titan dag nightly --wait && echo done",
        "titan dag nightly --json | jq '.counts'",
    )
)
def dag(
    name: DagArgument,
    *,
    wait: Wait = False,
    follow: Follow = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Show one DAG and its jobs, or wait until it has ended.

    A name means the newest DAG of that name.
    """
    check_watching(as_json=as_json, follow=follow)
    titan = connect(server)
    if wait or follow:
        raise typer.Exit(watch_dag(titan, find_dag(titan, name).dag_id, as_json=as_json, follow=follow))
    answer = titan.get("api", "dags", name)
    if as_json:
        show_json(answer)
    else:
        show_dag(read(answer, Dag), at=now())


def _say_none(*, is_filtered: bool) -> None:
    if is_filtered:
        say("No such DAGs. `titan dags` lists all of them.")
    else:
        say("No DAGs yet: whatever is submitted appears here. Submit a script: titan submit hello.py")
