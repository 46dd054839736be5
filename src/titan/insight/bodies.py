"""What an action was given and what it gave: the content that its entries report, put together."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from titan.model.actions import ActionEntry, Entry, Failure, Payload, Redaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Bodies:
    """What an action's row does not hold."""

    inputs: Payload | None = None
    outputs: Payload | None = None
    failure: Failure | None = None
    redacted: tuple[Redaction, ...] = ()
    details: str | None = None  #: a JSON object, as in ActionEntry


def bodies_of(entries: Iterable[Entry]) -> Bodies:
    """Return the content of the entries of one action, in the order they came: the first that has a part counts.

    Messages that were reported apart (`ActionEntry.is_part`) are put together in the order of their times.
    """
    reported = [entry for entry in entries if isinstance(entry, ActionEntry)]
    return Bodies(
        inputs=_put_together([(entry, entry.inputs) for entry in reported if entry.inputs is not None]),
        outputs=_put_together([(entry, entry.outputs) for entry in reported if entry.outputs is not None]),
        failure=next((entry.failure for entry in reported if entry.failure is not None), None),
        redacted=tuple(dict.fromkeys(one for entry in reported for one in entry.redacted)),
        details=_together([entry.details for entry in reported if entry.details not in (None, _NOTHING)]),
    )


def _put_together(reported: list[tuple[ActionEntry, Payload]]) -> Payload | None:
    whole = next((payload for entry, payload in reported if not entry.is_part), None)
    if whole is not None or not reported:
        return whole
    parts = [payload for _, payload in sorted(reported, key=lambda one: one[0].started_at)]
    messages = (message for part in parts if part.text == parts[0].text for message in part.shared)
    return Payload(parts[0].text, tuple(messages))


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
