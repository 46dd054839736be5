"""`titan dags`: what was submitted, and its status."""

from typing import Annotated, Final

import typer

from titan.cli import completion
from titan.cli.following import check_watching, outcome_code, watch_dag
from titan.cli.lookup import find_dag
from titan.cli.options import Answer, DagArgument, Follow, Limit, OfRun, Wait, asks, noun, option
from titan.cli.server import Server, read
from titan.cli.terminal import show_list
from titan.cli.views.jobs import DAG_COLUMNS, now, show_dag
from titan.wire.work import DagsAnswer, DagView

app = noun("List and show DAGs, wait for one.")

_NO_DAGS: Final = "No DAGs yet: whatever is submitted appears here. Submit a script: titan submit hello.py"

Named = Annotated[str | None, option("--name NAME", "Only submissions of this name.", completion.dag_names)]


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
    nothing = "No such DAGs. `titan dags` lists all of them." if run or name else _NO_DAGS
    return Answer(answer, lambda: show_list(DAG_COLUMNS, read(answer, DagsAnswer).dags, nothing=nothing, limit=limit))


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
