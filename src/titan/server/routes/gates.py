"""Gates: list, look at, approve, reject."""

import asyncio

from litestar import Response

from titan.engine.gates import decide
from titan.model.jobs import GateOutcome, Job
from titan.ports import Reader, Transaction
from titan.server.access import ANYBODY_HERE
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.lookup import find_gate
from titan.server.texts import check_text
from titan.server.views import gate_view, gate_views
from titan.wire.base import ScopeQuery
from titan.wire.gates import DecideBody, GatesAnswer, GatesQuery


async def list_gates(call: Call) -> Response[bytes]:
    """List gates, newest first: those that are open, or all."""
    query = call.query(GatesQuery)

    def look(reader: Reader) -> GatesAnswer:
        gates = reader.gates(call.project_id, is_open=query.status == "open", run_id=query.run, limit=query.limit)
        return GatesAnswer(gates=gate_views(reader, gates))

    return json_answer(await asyncio.to_thread(call.house.store.read, look))


async def show_gate(call: Call) -> Response[bytes]:
    """Show a gate, by its id, its name, or the name of the job it stands behind."""
    scope = call.query(ScopeQuery)
    return json_answer(await call.house.store.look(lambda reader: gate_view(reader, _find(reader, call, scope))))


async def approve_gate(call: Call) -> Response[bytes]:
    """Approve an open gate: what waits behind it starts."""
    return await _decide(call, GateOutcome.APPROVED)


async def reject_gate(call: Call) -> Response[bytes]:
    """Reject an open gate: what waits behind it is cancelled."""
    return await _decide(call, GateOutcome.REJECTED)


async def _decide(call: Call, outcome: GateOutcome) -> Response[bytes]:
    raw = await call.raw_body()
    body = call.decode(raw or b"{}", DecideBody)
    scope = call.query(ScopeQuery)
    comment = check_text("comment of the decision", body.comment) or None
    claimed = check_text("field by of the decision", body.by or "", limit_characters=200)

    def act(tx: Transaction) -> object:
        by = _decider(call, claimed)
        return gate_view(tx, decide(tx, _find(tx, call, scope), outcome, by=by, comment=comment))

    return json_answer(await call.house.orchestrator.decide(call.once(raw, act)))


def _decider(call: Call, claimed: str) -> str:
    """Return who decides: whom the caller names, and beside it what the caller has shown, where that is anything."""
    shown = call.caller.name
    if not claimed or call.caller is ANYBODY_HERE:
        return claimed or shown
    return f"{claimed}, with {shown}"


def _find(reader: Reader, call: Call, scope: ScopeQuery) -> Job:
    return find_gate(reader, call.project_id, call.path("gate"), dag_id=scope.dag, run_id=scope.run)
