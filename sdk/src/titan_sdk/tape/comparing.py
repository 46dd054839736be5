"""When two recorded values are equal, and what stands for them: canonical JSON, keyed fingerprints, the hash chain."""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from typing import Any, Final

from titan_sdk.tape.paths import Step, steps_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    Paths = frozenset[tuple[Step, ...]]

__all__ = ["CHAIN_START", "canonical", "chain", "fingerprint"]

#: What stands before the first entry of a run.
CHAIN_START: Final = "0" * 64

_SHORTEST_KEY_BYTES: Final = 16  # a shorter key can be guessed, and with it every short value
_CANONICAL: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, check_circular=False, separators=(",", ":"))
#: Tags whose items have no order.
_UNORDERED: Final = frozenset({"$set", "$frozenset", "$dict"})
#: Tags of containers.
_TAGS: Final = _UNORDERED | {"$tuple"}
#: What is left of a path that has led to its end.
_ARRIVED: Final = ()


def canonical(text: bytes | str, *, ignore: Collection[str] = ()) -> bytes:
    """Return the one form of all texts that mean the same value, but for the parts that `ignore` names.

    - The order of dicts and sets does not count; that of lists and tuples does.
    - Types count: a list is not a tuple, and 1, 1.0 and True are three values: code can tell them apart.
    - Floats are equal when their repr is: 0.0 and -0.0 differ, NaN equals NaN. How near is near enough is asked of
      the values, not here: rounding would put 0.1499 and 0.1501 apart and 0.1500 and 0.1599 together.
    - White space and escapes do not count. Keys are sorted by code point.

    Paths go through tags as a reader would: `$.args[0].id` also leads into a tuple and a dataclass (see `steps_of`).
    An ignored entry of a dict is left out; an ignored item of a list becomes null, so that lengths still count.

    Raises:
        ValueError: `text` is not JSON or is nested too deep, or a path cannot be read.
    """
    paths = frozenset(steps_of(path) for path in ignore)
    try:
        kept = _CANONICAL.encode(_without(json.loads(text), paths)) if paths else text
        return _CANONICAL.encode(json.loads(kept, object_hook=_ordered)).encode("utf-8", "surrogatepass")
    except RecursionError:
        raise ValueError("the text is nested deeper than Python's recursion limit allows") from None


def fingerprint(canonical_value: bytes, key: bytes) -> str:
    """Return the HMAC-SHA-256 (RFC 2104) in hex: equal for equal values, telling nothing to who lacks the key.

    Raises:
        ValueError: the key has fewer than 16 bytes.
    """
    if len(key) < _SHORTEST_KEY_BYTES:
        raise ValueError(f"a key of fingerprints has at least {_SHORTEST_KEY_BYTES} bytes, this one has {len(key)}")
    return hmac.digest(key, canonical_value, "sha256").hex()


def chain(previous: str, entry: bytes) -> str:
    """Return the link after `previous` (CHAIN_START before the first): whoever changes an entry changes all after it.

    It is SHA-256 of the 32 bytes of `previous` and the bytes of `entry`, in hex.

    Raises:
        ValueError: `previous` is not a link.
    """
    before = bytes.fromhex(previous)
    if len(before) != sha256().digest_size:
        raise ValueError(f"a link of the chain is 64 hex digits, not {previous!r}")
    return sha256(before + entry).hexdigest()


def _ordered(entries: dict[str, Any]) -> dict[str, Any]:
    """Return the items of a set or of an odd dict in the order of their texts; JSON sorts the plain dicts."""
    tag, items = _tagged(entries)
    return {tag: sorted(items, key=_CANONICAL.encode)} if tag in _UNORDERED else entries


def _tagged(entries: dict[str, Any]) -> tuple[str, list[Any]]:
    """Return the tag of a container and the list under it; "" where it is something else."""
    if len(entries) == 1:
        [(tag, payload)] = entries.items()
        if tag in _TAGS and isinstance(payload, list):
            return tag, payload
    return "", []


def _without(value: Any, paths: Paths) -> Any:
    """Return `value` without what any of `paths` leads to. Loops, since a comprehension is a frame of its own."""
    if not paths:
        return value
    if isinstance(value, list):
        return _items_without(value, paths)
    if not isinstance(value, dict):
        return value
    tag, payload = _tagged(value)
    if tag == "$dict":
        return {tag: _pairs_without(payload, paths)}
    if tag:
        return {tag: _items_without(payload, paths)}
    if len(value) == 1 and isinstance(instance := value.get("$object"), dict) and "state" in instance:
        return {"$object": {**instance, "state": _without(instance["state"], paths)}}
    kept = {}
    for key, item in value.items():
        if _ARRIVED not in (below := _below(paths, key)):
            kept[key] = _without(item, below)
    return kept


def _items_without(items: list[Any], paths: Paths) -> list[Any]:
    kept = []
    for place, item in enumerate(items):
        below = _below(paths, place)
        kept.append(None if _ARRIVED in below else _without(item, below))
    return kept


def _pairs_without(pairs: list[Any], paths: Paths) -> list[Any]:
    kept = []
    for pair in pairs:
        match pair:
            case [str() | int() as key, item]:
                if _ARRIVED not in (below := _below(paths, key)):
                    kept.append([key, _without(item, below)])
            case _:  # a key that no path can name
                kept.append(pair)
    return kept


def _below(paths: Paths, place: str | int) -> Paths:
    """Return what is left of `paths` after the step to `place`."""
    left = {path[1:] for path in paths if path[0].leads_to(place)}
    return frozenset(left | {path for path in paths if path[0].anywhere})
