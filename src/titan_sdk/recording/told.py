"""One entry of POST /api/v1/actions as it goes out: what is fixed, and the payloads in the tape's encoding."""

from __future__ import annotations

import json
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from titan_sdk.redaction import Redactor

__all__ = ["Told", "body_of", "id_line", "line"]

_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
#: What people and programs write freely; the rest are ids, times, numbers and words of the protocol.
_FREE = ("name", "actor", "tags", "failure", "reason", "agent_id")


class Told:
    """What is told of one action or run at one moment."""

    __slots__ = ("_fields", "_payloads", "_redactor", "size_bytes")

    def __init__(
        self, fields: dict[str, object], payloads: dict[str, str] | None = None, *, redactor: Redactor | None = None
    ) -> None:
        """`payloads` are JSON texts; what `redactor` finds leaves the process in no way."""
        self._fields = fields
        self._payloads = payloads or {}
        self._redactor = redactor
        #: about: for filling batches
        self.size_bytes = 400 + sum(map(len, self._payloads.values()))

    @property
    def name(self) -> object:
        """What the action is called; of a run, its id."""
        return self._fields.get("name") or self._fields.get("run_id")

    @property
    def run_id(self) -> str | None:
        """The run it is told of; None: that of the job whose token is shown."""
        found = self._fields.get("run_id")
        return found if isinstance(found, str) else None

    def text(self, disk: Redactor | None = None) -> str:
        """Return the entry as JSON. With `disk` it is without secrets, too: what is written there stays there."""
        redactor = self._redactor or disk
        if redactor is None:
            return _assembled(self._fields, self._payloads)
        free = redactor.redact_value({name: self._fields[name] for name in _FREE if name in self._fields})
        payloads = {name: redactor.redact_json(text) for name, text in self._payloads.items()}
        fields = {**self._fields, **(free.value if isinstance(free.value, dict) else {})}
        if fields["type"] == "action" and (free.taken or any(each.taken for each in payloads.values())):
            fields["is_redacted"] = True
        return _assembled(fields, {name: each.text for name, each in payloads.items()})


def body_of(entries: Iterable[str]) -> bytes:
    """Return the request's body for entries in JSON."""
    return f'{{"entries":[{",".join(entries)}]}}'.encode()


def line(text: object, limit: int) -> str:
    """Return a text that the server takes: UTF-8, and at most `limit` characters; "?" for none."""
    short = str(text)[:limit] or "?"
    return short if short.isascii() else short.encode("utf-8", "replace").decode()


def id_line(text: object, limit: int) -> str:
    """Return an id that the server takes: a longer one ends in a digest of it all, so that two stay two."""
    whole = line(text, sys.maxsize)
    if len(whole) <= limit:
        return whole
    from hashlib import sha256

    return f"{whole[: limit - 17]}-{sha256(whole.encode()).hexdigest()[:16]}"


def _assembled(fields: dict[str, object], payloads: dict[str, str]) -> str:
    text = _to_json(fields)
    for name, payload in payloads.items():
        text = f'{text[:-1]},"{name}":{payload}}}'
    return text
