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

__all__ = ["ID_LIMIT", "NAME_LIMIT", "TAG_LIMIT", "Lost", "Told", "body_of", "id_line", "line", "texts_of"]

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
_IDS = ("id", "run_id", "parent_id", "session_id")


class Lost(NamedTuple):
    """One entry that nobody will hear of."""

    #: None: the run of the job whose token is shown
    run_id: str | None
    #: when it began; what tells of the loss is of that time, for one later than the run's end would reopen the run
    at_ns: int
    #: Of what tells of losses: how many, which were counted when they were lost. 0: an entry that says something itself
    earlier: int = 0


class Told:
    """What is told of one action or run at one moment."""

    __slots__ = ("_tells_of", "fields", "payloads", "redactor", "size_bytes")

    def __init__(
        self,
        fields: dict[str, object],
        payloads: dict[str, str] | None = None,
        *,
        redactor: Redactor | None = None,
        tells_of: int = 0,
    ) -> None:
        """`payloads` are JSON texts; what `redactor` finds leaves the process in no way.

        `tells_of` is how many lost entries it tells of, if it does that.
        """
        self._tells_of = tells_of
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
    def run_id(self) -> str | None:
        """The run it is told of; None: that of the job whose token is shown."""
        found = self.fields.get("run_id")
        return found if isinstance(found, str) else None

    @property
    def lost(self) -> Lost:
        """What is counted where it cannot be delivered."""
        at_ns = self.fields.get("started_at_ns", self.fields.get("at_ns"))
        return Lost(self.run_id, at_ns if isinstance(at_ns, int) else time.time_ns(), self._tells_of)

    def text(self, disk: Redactor | None = None) -> str:
        """Return the entry as JSON. With `disk` it is without secrets, too: what is written there stays there.

        Ids go as they were told, but to the disk: there, one that holds a secret is another, the same in all entries
        of this process.
        """
        [text] = texts_of([self], disk)
        return text


def texts_of(batch: Iterable[Told], disk: Redactor | None = None) -> list[str]:
    """Return several entries as JSON, each as `Told.text` does, in less time than one by one.

    Most hold no secret, and much in them is the same: so they are looked at together.
    """
    texts: list[str] = []
    looked_at: dict[Redactor, list[tuple[int, Told, str]]] = {}
    for told in batch:
        redactor = told.redactor or disk
        if redactor is None:
            texts.append(_assembled(told.fields, told.payloads))
            continue
        plain = {name: value for name, value in told.fields.items() if _is_plain(name, value)}
        others = {name: value for name, value in told.fields.items() if name not in plain}
        text = _assembled(others, told.payloads)
        looked_at.setdefault(redactor, []).append((len(texts), told, text))
        texts.append(f"{compact_json(plain)[:-1]},{text[1:]}" if plain else text)
    for redactor, found in looked_at.items():
        for (place, told, _), may_be in zip(found, redactor.may_take_of([text for _, _, text in found]), strict=True):
            if may_be:
                texts[place] = _cleaned(told, redactor, disk)
    return texts


def _cleaned(told: Told, redactor: Redactor, disk: Redactor | None) -> str:
    cleaning = _Cleaning(redactor, disk)
    fields = cleaning.fields(told.fields)
    payloads = {name: cleaning.payload(text) for name, text in told.payloads.items()}
    if cleaning.has_taken and fields["type"] == "action":
        fields["is_redacted"] = True
    return _assembled(fields, payloads)


class _Cleaning:
    """Takes the secrets out of one entry, in every field in which `titan.rules.entry_redaction` does at the server."""

    __slots__ = ("_ids", "_redactor", "has_taken")

    def __init__(self, redactor: Redactor, ids: Redactor | None) -> None:
        self._redactor = redactor
        self._ids = ids
        self.has_taken = False

    def fields(self, told: Mapping[str, object]) -> dict[str, object]:
        clean = self._texts(told, _FREE)
        for name in _IDS:
            if name in told:
                clean[name] = self._id(told[name])
        tags, failure, use = told.get("tags"), told.get("failure"), told.get("use")
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

    def _texts(self, told: Mapping[str, object], limits: Mapping[str, int]) -> dict[str, Any]:
        return {name: self._text(text, limits[name]) if name in limits else text for name, text in told.items()}

    def _text(self, told: object, limit: int) -> object:
        if not isinstance(told, str):
            return told
        clean = self._redactor.redact_text(told)
        if not clean.taken:
            return told
        self.has_taken = True
        return line(clean.text, limit)  # a chip may be longer than what it stands for

    def _id(self, told: object) -> object:
        if self._ids is None or not isinstance(told, str):
            return told
        clean = self._ids.redact_id(told)
        if not clean.taken:
            return told
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
