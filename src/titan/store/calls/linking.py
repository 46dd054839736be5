"""The links of a run's tape: what of an entry goes into the chain, so that nothing of it can be changed unseen."""

from collections.abc import Sequence
from typing import Final

from titan.model.actions import DIGEST_BYTES
from titan_sdk.tape import chain

_DIGEST: Final = b"%d:" % DIGEST_BYTES


def link_after(previous: str, facts: bytes, inputs: Sequence[bytes], outputs: Sequence[bytes]) -> str:
    """Return the link that follows `previous`; a body is its text and the digests of its shared texts, or nothing.

    Each part goes with its length, so that no other parts look the same when they stand together.
    """
    return chain(previous, b"%d:%b" % (len(facts), facts) + _sized(inputs) + _sized(outputs))


def _sized(body: Sequence[bytes]) -> bytes:
    """Return how many parts a body has, its text, and its digests, which are all of one length."""
    count = b"%d" % len(body)
    sized = b"%d:%b" % (len(count), count)
    if body:
        sized += b"%d:%b" % (len(body[0]), body[0])
    return sized + _DIGEST + _DIGEST.join(body[1:]) if len(body) > 1 else sized
