"""Gates: list, look at, approve, reject."""

from titan.engine.gates import decide
from titan.model.jobs import GateOutcome, Job
from titan.ports import Reader, Transaction
from titan.rules.access import Permission
from titan.server.access import ANYBODY_HERE
from titan.server.call import Call
from titan.server.lookup import find_gate
from titan.server.route import Routes
from titan.server.texts import check_text
from titan.server.views import gate_view, gate_views
from titan.wire.base import ScopeQuery
from titan.wire.gates import DecideBody, GatesAnswer, GatesQuery, GateView

route = Routes()


@route("GET /api/gates", Permission.SEE_WORK)
def list_gates(call: Call, reader: Reader, query: GatesQuery) -> GatesAnswer:
    """List gates, newest first: those that are open, or all."""
    gates = reader.gates(call.project_id, is_open=query.status == "open", run_id=query.run, limit=query.limit)
    return GatesAnswer(gates=gate_views(reader, gates))


@route("GET /api/gates/{gate}", Permission.SEE_WORK)
async def show_gate(call: Call, query: ScopeQuery) -> GateView:
    """Show a gate, by its id, its name, or the name of the job it stands behind."""
    return await call.house.store.look(lambda reader: gate_view(reader, _find(reader, call, query)))


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
