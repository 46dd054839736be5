"""Decides open gates: by a request, by a key as scripts of the original do, or because their time is over."""

from typing import Final

from titan.model.errors import Conflict, InvalidInput
from titan.model.events import GateApproved, GateExpired, GateRejected
from titan.model.files import StoredValue
from titan.model.jobs import GateOutcome, Job, JobStatus
from titan.orchestrator.transitions import Moves, follow, write_outcome
from titan.ports.jobs_store import Transaction
from titan.rules.jobs import gates

BY_KEY: Final = "a script, through the shared store"


def decide(tx: Transaction, gate: Job, outcome: GateOutcome, *, by: str, comment: str | None = None) -> Job:
    """Approve or reject an open gate, with all that follows; return it as it is now.

    Raises:
        InvalidInput: the job is no gate.
        Conflict: it has not opened yet, or was decided or cancelled before. Nothing was changed.
    """
    _check_open(gate)
    event: GateApproved | GateRejected
    if outcome is GateOutcome.APPROVED:
        event = GateApproved(cause=f"approved by {by}", decided_by=by, comment=comment)
    else:
        event = GateRejected(cause=f"rejected by {by}", decided_by=by, comment=comment)
    with Moves(tx) as moves:
        return _end(moves, gate, event, outcome)


def expire(moves: Moves, gate: Job) -> None:
    """End an open gate whose time is over."""
    _end(moves, gate, GateExpired(cause="its time is over"), GateOutcome.EXPIRED)


def put_value(tx: Transaction, project_id: str, key: str, value: StoredValue) -> None:
    """Set a key of the shared store; a decision written to an open gate's status key decides the gate.

    Raises:
        Conflict: two gates of that name are open; nothing was changed.
    """
    outcome = gates.DECIDING_WORDS.get(value.value) if key.startswith(gates.STATUS_PREFIX) else None
    if outcome is not None:
        name = key.removeprefix(gates.STATUS_PREFIX)
        is_open = tx.open_gates_called(project_id, name)
        if len(is_open) > 1:
            raise Conflict(
                f"key {key!a}",
                expected="one open gate of this name",
                found=f"{len(is_open)}, of DAGs {', '.join(gate.dag_id for gate in is_open[:5])}",
                next_step="Decide each by its id: `titan gates`, then `titan approve ID` or `titan reject ID`.",
            )
        for gate in is_open:
            decide(tx, gate, outcome, by=BY_KEY)
    tx.put_value(project_id, key, value)


def _end(moves: Moves, gate: Job, event: GateApproved | GateRejected | GateExpired, outcome: GateOutcome) -> Job:
    moved = moves.move(gate, event)
    write_outcome(moves.tx, gate, outcome)
    follow(moves, moved, worker_id=gate.preferred_worker_id)  # affinity passes through a gate
    return moved


def _check_open(gate: Job) -> None:
    if not gate.is_gate:
        raise InvalidInput(
            f"job '{gate.name}' of dag {gate.dag_id}",
            expected="a gate",
            found="a job with work",
            next_step="List the gates with `titan gates`.",
        )
    if gate.status is JobStatus.WAITING_APPROVAL:
        return
    decision = gate.decision
    if decision is None:
        found = "it waits for its parents" if gate.status is JobStatus.WAITING else gate.status.lower()
    else:
        found = f"{decision.outcome}" + (f" by {decision.decided_by}" if decision.decided_by else "")
    raise Conflict(
        f"gate '{gate.name}' of dag {gate.dag_id}",
        expected="an open gate",
        found=found,
        next_step="List the open ones with `titan gates`.",
    )
