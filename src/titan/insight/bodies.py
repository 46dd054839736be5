"""What an action was given and what it gave: the bodies that its entries told, put together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from titan.model.actions import ActionEntry, Failure, ModelUse, Payload, Redaction

_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True, kw_only=True)
class Bodies:
    """What an action's row does not hold."""

    inputs: Payload | None = None
    outputs: Payload | None = None
    failure: Failure | None = None
    use: ModelUse | None = None
    redacted: tuple[Redaction, ...] = ()
    details: str | None = None  #: a JSON object, as in ActionEntry


def bodies_of(entries: Iterable[ActionEntry]) -> Bodies:
    """Return what the entries of one action told, in the order they came: the first that knows a part says it."""
    told = list(entries)
    return Bodies(
        inputs=next((entry.inputs for entry in told if entry.inputs is not None), None),
        outputs=next((entry.outputs for entry in told if entry.outputs is not None), None),
        failure=next((entry.failure for entry in told if entry.failure is not None), None),
        use=next((entry.use for entry in told if entry.use is not None), None),
        redacted=tuple(dict.fromkeys(one for entry in told for one in entry.redacted)),
        details=_merged([entry.details for entry in told if entry.details is not None]),
    )


def _merged(objects: Sequence[str]) -> str | None:
    """Return JSON objects as one; of a field that several have, the first stands."""
    if len(objects) < 2:
        return objects[0] if objects else None
    fields: dict[str, msgspec.Raw] = {}
    for text in objects:
        fields = _FIELDS.decode(text) | fields
    return msgspec.json.encode(fields).decode()
