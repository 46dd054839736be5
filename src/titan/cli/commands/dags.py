"""`titan dags`: what was submitted, and its status."""

from typing import Annotated, TypeAlias

import typer

from titan.cli import completion
from titan.cli.commands.submit import submitted_once_more
from titan.cli.following import check_watching, outcome_code, watch_dag
from titan.cli.lookup import find_dag
from titan.cli.options import Answer, DagArgument, Follow, Limit, Wait, asks, noun
from titan.cli.screen import remark_limit, say, show_table
from titan.cli.server import Server, read
from titan.cli.views import DAG_COLUMNS, dag_row, now, show_dag
from titan.wire.work import DagsAnswer, DagView

app = noun("List and show DAGs, wait for one; submit one again.")

OfRun: TypeAlias = Annotated[
    str | None,
    typer.Option("--run", metavar="RUN", help="Only stages of this agent run.", autocompletion=completion.run_ids),
]
Named: TypeAlias = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="Only submissions of this name.", autocompletion=completion.dag_names),
]


@asks(
    app,
    "titan dags",
    "titan dags --name nightly --limit 5",
    "titan dags list --json | jq -r '.dags[] | select(.status == \"FAILED\") | .name'",
    name="list",
)
def list_dags(titan: Server, *, limit: Limit = 50, run: OfRun = None, name: Named = None) -> Answer:
    """List the newest DAGs."""
    answer = titan.get("api", "dags", limit=limit, run=run, name=name)
    return Answer(answer, lambda: _show_dags(read(answer, DagsAnswer), limit, is_filtered=bool(run or name)))


@asks(
    app,
    "titan dags show nightly",
    "titan dags show nightly --wait && echo done",
    "titan dags show nightly --json | jq '.counts'",
)
def show(
    titan: Server, name: DagArgument, *, wait: Wait = False, follow: Follow = False, as_json: bool = False
) -> Answer:
    """Show one DAG and its jobs, or wait until it has ended.

    A name means the newest DAG of that name.
    """
    check_watching(as_json=as_json, follow=follow)
    if wait or follow:
        dag = watch_dag(titan, find_dag(titan, name).dag_id, as_json=as_json, follow=follow)
        raise typer.Exit(outcome_code(dag))
    answer = titan.get("api", "dags", name)
    return Answer(answer, lambda: show_dag(read(answer, DagView), at=now()))


@asks(app, "titan dags redeploy nightly")
def redeploy(titan: Server, name: DagArgument) -> Answer:
    """Submit a DAG again, all of it, under the same name."""
    return submitted_once_more(titan.post("api", "dags", name, "redeploy"))


def _show_dags(listed: DagsAnswer, limit: int, *, is_filtered: bool) -> None:
    if listed.dags:
        at = now()
        show_table(DAG_COLUMNS, [dag_row(dag, at=at) for dag in listed.dags])
        remark_limit(len(listed.dags), limit)
    elif is_filtered:
        say("No such DAGs. `titan dags` lists all of them.")
    else:
        say("No DAGs yet: whatever is submitted appears here. Submit a script: titan submit hello.py")
