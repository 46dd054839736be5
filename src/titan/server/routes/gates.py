"""Gates: list, look at, approve, reject."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from titan.model.jobs import GateOutcome, Job, JobStatus
from titan.orchestrator.gates import decide
from titan.ports.jobs_store import Reader, Transaction
from titan.rules.access import Permission
from titan.server.http.access import ANYBODY_HERE
from titan.server.http.call import Call
from titan.server.http.route import Routes
from titan.server.http.validation_messages import check_text
from titan.server.lookup import find_gate
from titan.wire.base import ScopeQuery
from titan.wire.work import DecideBody, GatesAnswer, GatesQuery, GateView

route = Routes()


@route("GET /api/gates", Permission.SEE_WORK)
def list_gates(call: Call, reader: Reader, query: GatesQuery) -> GatesAnswer:
    """List gates, newest first: those that are open, or all."""
    gates = reader.gates(call.project_id, is_open=query.status == "open", run_id=query.run, limit=query.limit)
    return GatesAnswer(gates=gate_views(reader, gates))


@route("GET /api/gates/{gate}", Permission.SEE_WORK)
async def show_gate(call: Call, query: ScopeQuery) -> GateView:
    """Show a gate, by its id, its name, or the name of the job it stands behind."""
    return await call.app.store.look(lambda reader: gate_view(reader, _find(reader, call, query)))


@route("POST /api/gates/{gate}/approve", Permission.DECIDE, mutates=True)
def approve_gate(call: Call, tx: Transaction, query: ScopeQuery, body: DecideBody) -> GateView:
    """Approve an open gate: what waits behind it starts."""
    return _decide(call, tx, query, body, GateOutcome.APPROVED)


@route("POST /api/gates/{gate}/reject", Permission.DECIDE, mutates=True)
def reject_gate(call: Call, tx: Transaction, query: ScopeQuery, body: DecideBody) -> GateView:
    """Reject an open gate: what waits behind it is cancelled."""
    return _decide(call, tx, query, body, GateOutcome.REJECTED)


def _decide(call: Call, tx: Transaction, scope: ScopeQuery, body: DecideBody, outcome: GateOutcome) -> GateView:
    comment = check_text("comment of the decision", body.comment) or None
    claimed = check_text("field by of the decision", body.by or "", limit_characters=200)
    by = _decider(call, claimed)
    return gate_view(tx, decide(tx, _find(tx, call, scope), outcome, by=by, comment=comment))


def _decider(call: Call, claimed: str) -> str:
    """Return who decides: whom the caller names, and beside it what the caller has shown, where that is anything."""
    shown = call.caller.name
    if not claimed or call.caller is ANYBODY_HERE:
        return claimed or shown
    return f"{claimed}, with {shown}"


def _find(reader: Reader, call: Call, scope: ScopeQuery) -> Job:
    return find_gate(reader, call.project_id, call.path("gate"), dag_id=scope.dag, run_id=scope.run)


def gate_view(reader: Reader, gate: Job) -> GateView:
    """Return one gate."""
    return gate_views(reader, [gate])[0]


def gate_views(reader: Reader, gates: Sequence[Job]) -> list[GateView]:
    """Return gates as those who decide see them."""
    names = reader.dag_names(list({gate.dag_id for gate in gates}))
    return [_gate_view(gate, dag_name=names[gate.dag_id]) for gate in gates]


#: What a gate without a decision is called; any other status means that it was cancelled.
_UNDECIDED: Final[Mapping[JobStatus, Literal["waiting", "open"]]] = {
    JobStatus.WAITING: "waiting",
    JobStatus.WAITING_APPROVAL: "open",
}


def _gate_view(gate: Job, *, dag_name: str) -> GateView:
    decision = gate.decision
    is_open = gate.status is JobStatus.WAITING_APPROVAL
    return GateView(
        gate_id=gate.id,
        name=gate.name,
        dag_id=gate.dag_id,
        dag_name=dag_name,
        agent_run_id=gate.run_id,
        message=gate.spec.hitl_message or "",
        state=decision.outcome.value if decision else _UNDECIDED.get(gate.status, "cancelled"),
        parents=gate.spec.parents,
        opened_at=gate.ready_at,
        expires_at=gate.due_at if is_open else None,
        decided_at=gate.ended_at if decision else None,
        decided_by=decision.decided_by if decision else None,
        comment=decision.comment if decision else None,
    )
