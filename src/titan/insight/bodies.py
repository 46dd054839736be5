"""What an action was given and what it gave: the bodies that its entries told, put together."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from titan.model.actions import ActionEntry, Entry, Failure, ModelUse, Payload, Redaction, Teller


@dataclass(frozen=True, slots=True, kw_only=True)
class Bodies:
    """What an action's row does not hold."""

    inputs: Payload | None = None
    outputs: Payload | None = None
    failure: Failure | None = None
    use: ModelUse | None = None
    redacted: tuple[Redaction, ...] = ()
    details: str | None = None  #: a JSON object, as in ActionEntry
    tellers: tuple[Teller, ...] = ()  #: who told of it


def bodies_of(entries: Iterable[Entry]) -> Bodies:
    """Return what the entries of one action told, in the order they came: the first that knows a part says it."""
    told = [entry for entry in entries if isinstance(entry, ActionEntry)]
    return Bodies(
        inputs=next((entry.inputs for entry in told if entry.inputs is not None), None),
        outputs=next((entry.outputs for entry in told if entry.outputs is not None), None),
        failure=next((entry.failure for entry in told if entry.failure is not None), None),
        use=next((entry.use for entry in told if entry.use is not None), None),
        redacted=tuple(dict.fromkeys(one for entry in told for one in entry.redacted)),
        details=_together([entry.details for entry in told if entry.details not in (None, _NOTHING)]),
        tellers=tuple(dict.fromkeys(entry.teller for entry in told)),
    )


def _together(details: list[str]) -> str | None:
    """Return JSON objects as one; of a key that several have, the first stands.

    What is no object, and was kept before that was refused, stands under `details`.
    """
    if len(details) < 2 and all(text.startswith("{") for text in details):
        return details[0] if details else None
    parts: dict[str, msgspec.Raw] = {}
    for text in reversed(details):
        parts |= _parts(text)
    return msgspec.json.encode(parts).decode()


def _parts(text: str) -> dict[str, msgspec.Raw]:
    try:
        return _PARTS.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return {"details": msgspec.Raw(text.encode())}


_NOTHING: Final = "null"  # kept as details before that was refused
_PARTS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
