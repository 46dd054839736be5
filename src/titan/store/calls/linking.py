"""The links of a run's tape: what of an entry goes into the chain, so that nothing of it can be changed unseen."""

from collections.abc import Sequence

from titan.model.actions import ActionEntry, Entry, Payload, digest_of
from titan.store.calls.rows import facts_of
from titan_sdk.tape import chain


def link_of(previous: str, entry: Entry) -> str:
    """Return the link of an entry that follows `previous`."""
    inputs, outputs = (entry.inputs, entry.outputs) if isinstance(entry, ActionEntry) else (None, None)
    return link_after(previous, facts_of(entry), _body(inputs), _body(outputs))


def link_after(previous: str, facts: bytes, inputs: Sequence[bytes], outputs: Sequence[bytes]) -> str:
    """Return the link that follows `previous`; a body is its text and the digests of its shared texts, or nothing.

    Each part goes with its length, so that no other parts look the same when they stand together.
    """
    parts = (facts, b"%d" % len(inputs), *inputs, b"%d" % len(outputs), *outputs)
    return chain(previous, b"".join(b"%d:%b" % (len(part), part) for part in parts))


def _body(payload: Payload | None) -> tuple[bytes, ...]:
    if payload is None:
        return ()
    return (payload.text.encode(), *(digest_of(text) for text in payload.shared))
