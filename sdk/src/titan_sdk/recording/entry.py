"""One entry of POST /api/v1/actions as it goes out: what is fixed, and the payloads in the tape's encoding."""

from __future__ import annotations

import re
import sys
import time
from typing import NamedTuple

from titan_sdk.tape.compact import compact_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from titan_sdk.redaction import Redactor

__all__ = ["ID_LIMIT", "NAME_LIMIT", "TAG_LIMIT", "Entry", "Lost", "body_of", "id_line", "line", "texts_of"]

ID_LIMIT = 200
TAG_LIMIT = 200
NAME_LIMIT = 500
_NO_LIMIT = sys.maxsize
#: What people and programs write freely, with the characters that the server takes of each. What is in none of these
#: and is no id is a time, a number or a word of the protocol.
_FREE = {"name": NAME_LIMIT, "actor": NAME_LIMIT, "agent_id": NAME_LIMIT, "reason": _NO_LIMIT, "project": TAG_LIMIT}
_FREE_OF_FAILURE = {"type": NAME_LIMIT, "message": _NO_LIMIT, "traceback": _NO_LIMIT}
_FREE_OF_USE = {"model": _NO_LIMIT, "provider": _NO_LIMIT}
_OWN_ID = re.compile("[0-9a-f]{32}")
_IDS = ("id", "run_id", "parent_id", "session_id", "parent_run_id", "forked_at_action_id")


class Lost(NamedTuple):
    """One entry that will not be delivered."""

    #: None: the run of the job whose token is shown
    run_id: str | None
    at_ns: int  #: when it began


class Entry:
    """What is reported of one action or run at one moment."""

    __slots__ = ("fields", "payloads", "redactor", "size_bytes")

    def __init__(
        self,
        fields: dict[str, object],
        payloads: dict[str, str] | None = None,
        *,
        redactor: Redactor | None = None,
    ) -> None:
        """`payloads` are JSON texts; what `redactor` finds leaves the process in no way."""
        self.fields = fields
        self.payloads = payloads or {}
        self.redactor = redactor
        #: about: for filling batches
        self.size_bytes = 400 + sum(map(len, self.payloads.values()))

    @property
    def name(self) -> object:
        """What the action is called; of a run, its id."""
        return self.fields.get("name") or self.fields.get("run_id")

    @property
    def lost(self) -> Lost:
        """What is counted where it cannot be delivered."""
        at_ns = self.fields.get("started_at_ns", self.fields.get("at_ns"))
        run_id = self.fields.get("run_id")
        return Lost(run_id if isinstance(run_id, str) else None, at_ns if isinstance(at_ns, int) else time.time_ns())

    def text(self, disk: Redactor | None = None) -> str:
        """Return the entry as JSON. With `disk` it is without secrets, too: what is written there stays there.

        Ids are sent as they were given. On the disk, one that holds a secret is replaced, by the same
        one in all entries of this process.
        """
        [text] = texts_of([self], disk)
        return text


def texts_of(batch: Iterable[Entry], disk: Redactor | None = None) -> list[str]:
    """Return several entries as JSON, each as `Entry.text` does."""
    return [_text_of(entry, entry.redactor or disk, disk) for entry in batch]


def _text_of(entry: Entry, redactor: Redactor | None, disk: Redactor | None) -> str:
    if redactor is None:
        return _assembled(entry.fields, entry.payloads)
    plain = {name: value for name, value in entry.fields.items() if _is_plain(name, value)}
    text = _assembled({name: value for name, value in entry.fields.items() if name not in plain}, entry.payloads)
    if redactor.may_take(text):
        return _cleaned(entry, redactor, disk)
    if entry.fields["type"] == "action":
        plain["redaction_version"] = redactor.version
    return f"{compact_json(plain)[:-1]},{text[1:]}" if plain else text


def _cleaned(entry: Entry, redactor: Redactor, disk: Redactor | None) -> str:
    cleaning = _Cleaning(redactor, disk)
    fields = cleaning.fields(entry.fields)
    payloads = {name: cleaning.payload(text) for name, text in entry.payloads.items()}
    if fields["type"] == "action":
        fields["redaction_version"] = redactor.version
        if cleaning.has_taken:
            fields["is_redacted"] = True
    return _assembled(fields, payloads)


class _Cleaning:
    """Takes the secrets out of one entry, in every field as `titan.rules.redaction` does at the server."""

    __slots__ = ("_ids", "_redactor", "has_taken")

    def __init__(self, redactor: Redactor, ids: Redactor | None) -> None:
        self._redactor = redactor
        self._ids = ids
        self.has_taken = False

    def fields(self, given: Mapping[str, object]) -> dict[str, object]:
        clean = self._texts(given, _FREE)
        for name in _IDS:
            if name in given:
                clean[name] = self._id(given[name])
        tags, failure, use = given.get("tags"), given.get("failure"), given.get("use")
        if isinstance(tags, list):
            clean["tags"] = [self._text(tag, TAG_LIMIT) for tag in tags]
        if isinstance(failure, dict):
            clean["failure"] = self._texts(failure, _FREE_OF_FAILURE)
        if isinstance(use, dict):
            clean["use"] = self._texts(use, _FREE_OF_USE)
            if "response_id" in use:
                clean["use"]["response_id"] = self._id(use["response_id"])
        return clean

    def payload(self, text: str) -> str:
        clean = self._redactor.redact_json(text)
        self.has_taken = self.has_taken or bool(clean.taken)
        return clean.text

    def _texts(self, given: Mapping[str, object], limits: Mapping[str, int]) -> dict[str, Any]:
        return {name: self._text(text, limits[name]) if name in limits else text for name, text in given.items()}

    def _text(self, given: object, limit: int) -> object:
        if not isinstance(given, str):
            return given
        clean = self._redactor.redact_text(given)
        if not clean.taken:
            return given
        self.has_taken = True
        return line(clean.text, limit)  # a chip may be longer than what it stands for

    def _id(self, given: object) -> object:
        if self._ids is None or not isinstance(given, str):
            return given
        clean = self._ids.redact_id(given)
        if not clean.taken:
            return given
        self.has_taken = True
        return id_line(clean.text, ID_LIMIT)


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


def _is_plain(name: str, value: object) -> bool:
    """Return whether a field holds no secret whatever a pattern looks for: a time, a number, an id of our own."""
    return isinstance(value, int) or (name in _IDS and isinstance(value, str) and _OWN_ID.fullmatch(value) is not None)


def _assembled(fields: dict[str, object], payloads: dict[str, str]) -> str:
    parts = [f'"{name}":{payload}' for name, payload in payloads.items()]
    return ",".join([compact_json(fields)[:-1], *parts]) + "}" if parts else compact_json(fields)
