"""`titan gates`, `titan approve` and `titan reject`: list and decide the gates that wait for approval."""

import getpass
from typing import Annotated, Final, Literal

import typer

from titan.cli import lookup
from titan.cli.lookup import dag_id_of
from titan.cli.options import EVERYDAY, Answer, DagScope, Limit, RunScope, argument, asks, noun, option
from titan.cli.server import Server, read
from titan.cli.terminal import Column, Columns, Status, say, show_list
from titan.cli.views.formats import moment, until
from titan.wire.work import GatesAnswer, GateView

app = noun("List gates; titan approve and titan reject decide.")
everyday = typer.Typer()

_COLUMNS: Columns[GateView] = (
    Column("GATE", lambda gate, _: gate.name, folds=True),
    Column("STATE", lambda gate, _: Status(gate.state)),
    Column("DAG", lambda gate, _: gate.dag_name, folds=True),
    Column("ASKS", lambda gate, _: gate.message, folds=True),
    Column("OPENED", lambda gate, at: moment(gate.opened_at, now=at), least_columns=90),
    Column("EXPIRES", lambda gate, at: until(gate.expires_at, now=at), least_columns=90),
    Column("DECIDED BY", lambda gate, _: gate.decided_by, folds=True, least_columns=110),
    Column("COMMENT", lambda gate, _: gate.comment, folds=True, least_columns=130),
    Column("ID", lambda gate, _: gate.gate_id, least_columns=150),
)

_HOW: Final = 'Add one after a job: titan submit draft.py send.py --chain --ask draft="Send it?"'
GateArgument = Annotated[
    str,
    argument(
        "GATE",
        "A gate's name or id; the job whose output it reviews; or a DAG with one open gate.",
        lookup.gate_names,
    ),
]
Comment = Annotated[str, option("--comment -c TEXT", "Why; it is stored with the decision.")]
By = Annotated[str | None, option("--by NAME", "Who decides. Default: your name on this machine.")]
All = Annotated[bool, option("--all", "Also those that were decided, or have not opened yet.")]


@asks(app, "titan gates", "titan gates --all --run RESEARCH_cb5e13", "titan gates list --json", name="list")
def list_gates(titan: Server, *, every: All = False, run: RunScope = None, limit: Limit = 200) -> Answer:
    """List the gates that wait for a decision."""
    answer = titan.get("api", "gates", status="all" if every else "open", run=run, limit=limit)
    nothing = f"{'No gates yet.' if every else 'No gate is open: nothing waits for you.'}\n{_HOW}"
    return Answer(answer, lambda: show_list(_COLUMNS, read(answer, GatesAnswer).gates, nothing=nothing, limit=limit))


def _decides(verb: Literal["approve", "reject"], help_text: str, *lines: str) -> None:
    """Declare `titan approve` or `titan reject`."""

    def decide(
        titan: Server,
        gate: GateArgument,
        *,
        comment: Comment = "",
        by: By = None,
        dag: DagScope = None,
        run: RunScope = None,
    ) -> Answer:
        body = {"comment": comment, "by": by or _own_name()}
        answer = titan.post("api", "gates", gate, verb, body=body, dag=dag_id_of(titan, dag), run=run)
        return Answer(answer, lambda: _show_decision(read(answer, GateView)))

    decide.__doc__ = help_text
    asks(everyday, *lines, name=verb, panel=EVERYDAY)(decide)


def _show_decision(gate: GateView) -> None:
    then = "what waited for it starts" if gate.state == "approved" else "what waited for it is cancelled"
    say(f"Gate {gate.name} of DAG {gate.dag_name} is {gate.state} by {gate.decided_by}: {then}.")


def _own_name() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return None


_decides(
    "approve",
    "Approve a gate: what waits behind it starts.",
    "titan approve draft",
    'titan approve hitl-gate-draft --dag nightly --comment "looks right"',
)
_decides(
    "reject",
    "Reject a gate: what waits behind it is cancelled.",
    'titan reject draft --comment "the figures are of last year"',
)
