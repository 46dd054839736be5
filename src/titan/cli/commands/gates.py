"""`titan gates`, `titan approve` and `titan reject`: what waits for a person, and the person's decision."""

import getpass
from typing import Annotated, Literal, TypeAlias

import typer

from titan.cli import completion
from titan.cli.formats import NOTHING, moment, until
from titan.cli.lookup import dag_id_of
from titan.cli.options import EVERYDAY, Answer, DagScope, Limit, RunScope, asks, noun
from titan.cli.screen import Cell, Column, Status, remark_limit, say, show_table
from titan.cli.server import Server, read
from titan.cli.views import now
from titan.wire.gates import GatesAnswer, GateView

app = noun("List gates; titan approve and titan reject decide.")
everyday = typer.Typer()

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
        metavar="GATE",
        help="A gate's name or id, the job it stands behind, or its DAG, of which it is the one open gate.",
        autocompletion=completion.gate_names,
    ),
]
Comment: TypeAlias = Annotated[
    str, typer.Option("--comment", "-c", metavar="TEXT", help="Why; it is stored with the decision.")
]
By: TypeAlias = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who decides. Default: your name on this machine.")
]
All: TypeAlias = Annotated[bool, typer.Option("--all", help="Also those that were decided, or have not opened yet.")]


@asks(app, "titan gates", "titan gates --all --run RESEARCH_cb5e13", "titan gates list --json", name="list")
def list_gates(titan: Server, *, every: All = False, run: RunScope = None, limit: Limit = 200) -> Answer:
    """List the gates that wait for a decision."""
    answer = titan.get("api", "gates", status="all" if every else "open", run=run, limit=limit)
    return Answer(answer, lambda: _show_gates(read(answer, GatesAnswer), limit, is_all=every))


@asks(
    everyday,
    "titan approve draft",
    'titan approve hitl-gate-draft --dag nightly --comment "looks right"',
    panel=EVERYDAY,
)
def approve(
    titan: Server,
    gate: GateArgument,
    *,
    comment: Comment = "",
    by: By = None,
    dag: DagScope = None,
    run: RunScope = None,
) -> Answer:
    """Approve a gate: what waits behind it starts."""
    return _decided(titan, "approve", gate, {"comment": comment, "by": by}, dag=dag, run=run)


@asks(everyday, 'titan reject draft --comment "the figures are of last year"', panel=EVERYDAY)
def reject(
    titan: Server,
    gate: GateArgument,
    *,
    comment: Comment = "",
    by: By = None,
    dag: DagScope = None,
    run: RunScope = None,
) -> Answer:
    """Reject a gate: what waits behind it is cancelled."""
    return _decided(titan, "reject", gate, {"comment": comment, "by": by}, dag=dag, run=run)


def _decided(
    titan: Server,
    verb: Literal["approve", "reject"],
    name: str,
    words: dict[str, str | None],
    *,
    dag: str | None,
    run: str | None,
) -> Answer:
    body = {**words, "by": words["by"] or _own_name()}
    answer = titan.post("api", "gates", name, verb, body=body, dag=dag_id_of(titan, dag), run=run)
    return Answer(answer, lambda: _show_decision(read(answer, GateView)))


def _show_decision(gate: GateView) -> None:
    then = "what waited for it starts" if gate.state == "approved" else "what waited for it is cancelled"
    say(f"Gate {gate.name} of DAG {gate.dag_name} is {gate.state} by {gate.decided_by}: {then}.")


def _show_gates(listed: GatesAnswer, limit: int, *, is_all: bool) -> None:
    if not listed.gates:
        say("No gates yet." if is_all else "No gate is open: nothing waits for you.")
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
        for gate in listed.gates
    ]
    show_table(_COLUMNS, rows)
    remark_limit(len(listed.gates), limit)


def _own_name() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return None
