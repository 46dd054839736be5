"""What scripts of the original look at: the keys `titan:hitl:*` of the shared store, kept in step with the gates."""

from titan.model.files import StoredValue
from titan.model.jobs import GateOutcome, Job
from titan.ports.jobs_store import Transaction
from titan.rules.jobs import gates


def clear(tx: Transaction, gate: Job) -> None:
    """Write that a gate has not opened yet, whatever an earlier one of its name came to."""
    _put(tx, gate, gates.STATUS_PREFIX, gates.CLEARED)


def announce(tx: Transaction, gate: Job) -> None:
    """Write that a gate has opened, when, and what it asks."""
    opened_ms = str(int(tx.now.timestamp() * 1000))
    _put(tx, gate, gates.MESSAGE_PREFIX, gate.spec.hitl_message or "")
    _put(tx, gate, gates.OPENED_PREFIX, opened_ms)
    _put(tx, gate, gates.STATUS_PREFIX, gates.WAITING)
    tx.add_member(gate.project_id, gates.QUEUE_KEY, gate.name)


def tell_outcome(tx: Transaction, gate: Job, outcome: GateOutcome) -> None:
    """Write how a gate was decided."""
    _put(tx, gate, gates.STATUS_PREFIX, gates.STATUS_WORDS[outcome])


def _put(tx: Transaction, gate: Job, prefix: str, value: str) -> None:
    tx.put_value(gate.project_id, prefix + gate.name, StoredValue(value=value))
