"""`titan gates`, `titan approve` and `titan reject`: what waits for a person, and the person's word."""

import getpass
from typing import Annotated, Literal, TypeAlias

import typer

from titan.cli import completion
from titan.cli.answers import Gate, GateList, read
from titan.cli.formats import NOTHING, moment, until
from titan.cli.lookup import dag_id_of
from titan.cli.options import DagScope, JsonOption, Limit, RunScope, ServerOption, examples
from titan.cli.screen import Cell, Column, Status, remark_limit, say, show_json, show_table
from titan.cli.server import connect
from titan.cli.views import now

app = typer.Typer()

_COLUMNS = (
    Column("GATE", folds=True),
    Column("STATE"),
    Column("DAG", folds=True),
    Column("ASKS", folds=True),
    Column("OPENED", least_columns=90),
    Column("EXPIRES", least_columns=90),
    Column("DECIDED BY", folds=True, least_columns=110),
    Column("COMMENT", folds=True, least_columns=130),
    Column("ID", least_columns=150),
)

GateArgument: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="GATE", help="A gate's name or id, or the job it stands behind.", autocompletion=completion.gate_names
    ),
]
Comment: TypeAlias = Annotated[
    str, typer.Option("--comment", "-c", metavar="TEXT", help="Why; it is kept with the decision.")
]
By: TypeAlias = Annotated[
    str | None,
    typer.Option("--by", metavar="NAME", help="Who decides. Default: your name on this machine.", show_default=False),
]
All: TypeAlias = Annotated[bool, typer.Option("--all", help="Also those that were decided, or have not opened yet.")]


@app.command(epilog=examples("titan gates", "titan gates --all --run RESEARCH_cb5e13", "titan gates --json"))
def gates(
    *,
    every: All = False,
    run: RunScope = None,
    limit: Limit = 200,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """List the gates that wait for a decision."""
    answer = connect(server).get("api", "gates", status="all" if every else "open", run=run, limit=limit)
    if as_json:
        show_json(answer)
        return
    listed = read(answer, GateList).gates
    if not listed:
        say("No gates yet." if every else "No gate is open: nothing waits for you.")
        say('Have one asked for behind a job: titan submit draft.py send.py --chain --ask draft="Send it?"')
        return
    at = now()
    rows: list[list[Cell]] = [
        [
            gate.name,
            Status(gate.state),
            gate.dag_name,
            gate.message,
            moment(gate.opened_at, now=at),
            until(gate.expires_at, now=at),
            gate.decided_by or NOTHING,
            gate.comment or NOTHING,
            gate.gate_id,
        ]
        for gate in listed
    ]
    show_table(_COLUMNS, rows)
    remark_limit(len(listed), limit)


@app.command(
    epilog=examples(
        "titan approve draft",
        'titan approve hitl-gate-draft --dag nightly --comment "looks right"',
    )
)
def approve(
    gate: GateArgument,
    *,
    comment: Comment = "",
    by: By = None,
    dag: DagScope = None,
    run: RunScope = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Approve a gate: what waits behind it starts."""
    _decide("approve", gate, comment=comment, by=by, dag=dag, run=run, as_json=as_json, server=server)


@app.command(epilog=examples('titan reject draft --comment "the figures are of last year"'))
def reject(
    gate: GateArgument,
    *,
    comment: Comment = "",
    by: By = None,
    dag: DagScope = None,
    run: RunScope = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Reject a gate: what waits behind it is cancelled."""
    _decide("reject", gate, comment=comment, by=by, dag=dag, run=run, as_json=as_json, server=server)


def _decide(
    word: Literal["approve", "reject"],
    name: str,
    *,
    comment: str,
    by: str | None,
    dag: str | None,
    run: str | None,
    as_json: bool,
    server: str | None,
) -> None:
    titan = connect(server)
    body = {"comment": comment, "by": by or _who_types()}
    answer = titan.post("api", "gates", name, word, body=body, dag=dag_id_of(titan, dag), run=run)
    if as_json:
        show_json(answer)
        return
    gate = read(answer, Gate)
    then = "what waited for it starts" if gate.state == "approved" else "what waited for it is cancelled"
    say(f"Gate {gate.name} of DAG {gate.dag_name} is {gate.state} by {gate.decided_by}: {then}.")


def _who_types() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return None
