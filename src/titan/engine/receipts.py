"""A repeated request gets its first answer: receipts by idempotency key."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from titan.model.errors import IdempotencyConflict
from titan.model.memory import Receipt
from titan.ports import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """A client's key for one mutation, and what it asked for."""

    project_id: str
    key: str
    fingerprint: str  #: digest of method, path and body


def once(tx: Transaction, mark: Once | None, act: Callable[[Transaction], object]) -> bytes:
    """Return the JSON of `act`'s answer, running it only when `mark` has no receipt yet.

    Without a mark it always runs.

    Raises:
        IdempotencyConflict: the key was used for another request.
    """
    if mark is None:
        return msgspec.json.encode(act(tx))
    receipt = tx.receipt(mark.project_id, mark.key)
    if receipt is not None:
        if receipt.fingerprint != mark.fingerprint:
            raise IdempotencyConflict(
                f"idempotency key '{mark.key}'",
                expected="the request it was first used for",
                found="another one",
                next_step="Use a new key for each new request.",
            )
        return receipt.answer.encode()
    answer = msgspec.json.encode(act(tx))
    tx.add_receipt(mark.project_id, Receipt(key=mark.key, fingerprint=mark.fingerprint, answer=answer.decode()))
    return answer
