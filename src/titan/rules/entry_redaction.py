"""Secrets taken out of entries before anything of them is stored, wherever in an entry they stand."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from msgspec.structs import replace

from titan.model.actions import ActionEntry, Entry, Failure, Payload, Redaction, RunEntry
from titan.rules.redaction import Redactor, Taken

MAX_NOTED: Final = 100  # of one entry: a history of messages brings the same ones again and again
CACHED_TEXTS: Final = 4096
LONGEST_CACHED: Final = 4096  # characters; so that the cache never takes more than some 32 MB


@dataclass(frozen=True, slots=True)
class Clean:
    """A text without secrets, and what was taken from it."""

    text: str
    taken: tuple[Taken, ...]


class EntryRedactor:
    """Takes secrets out of entries. Messages come again with every call of a conversation: each is read once."""

    def __init__(self, redactor: Redactor, *, keeps_bodies: bool = True) -> None:
        """Without `keeps_bodies`, inputs, outputs and tracebacks are left out altogether."""
        self._redactor = redactor
        self._keeps_bodies = keeps_bodies
        self._cached = lru_cache(maxsize=CACHED_TEXTS)(self._json)
        self._cached_name = lru_cache(maxsize=CACHED_TEXTS)(redactor.redact_text)

    def clean(self, entry: Entry) -> Entry:
        """Return the entry without secrets; the very same one when it holds none."""
        if not isinstance(entry, ActionEntry):
            return self._clean_run(entry)
        if self._keeps_bodies and not self._may_take(entry):
            return entry
        taken: list[Redaction] = []
        name = self._name(entry.name, taken)
        inputs = self._payload("inputs", entry.inputs, taken)
        outputs = self._payload("outputs", entry.outputs, taken)
        details = self._text("details", entry.details, taken)
        failure = self._failure(entry.failure, taken)
        if not taken and self._keeps_bodies:
            return entry
        return replace(
            entry,
            name=name or "",
            inputs=inputs,
            outputs=outputs,
            details=details,
            failure=failure,
            redacted=(*entry.redacted, *taken[:MAX_NOTED]),
        )

    def without_secrets(self, text: str) -> str:
        """Return a text without secrets, wherever it stands."""
        return self._redactor.redact_text(text).text

    def _may_take(self, entry: ActionEntry) -> bool:
        """Return False only when the entry certainly holds no secret: all its own texts are looked at in one go."""
        inputs, outputs, failure = entry.inputs, entry.outputs, entry.failure
        own = [entry.name, entry.details or ""]
        for payload in (inputs, outputs):
            if payload is not None:
                own.append(payload.text)
                if any(self._cleaned(text).taken for text in payload.shared):
                    return True
        if failure is not None:
            own += (failure.message, failure.traceback or "")
        return self._redactor.may_take("\n".join(own))

    def _clean_run(self, entry: RunEntry) -> RunEntry:
        taken: list[Redaction] = []
        name = self._name(entry.name, taken)
        reason = self._plain("reason", entry.reason, taken)
        details = self._text("details", entry.details, taken)
        return replace(entry, name=name, reason=reason, details=details) if taken else entry

    def _payload(self, where: str, payload: Payload | None, taken: list[Redaction]) -> Payload | None:
        if payload is None or not self._keeps_bodies:
            return None
        before = len(taken)
        text = self._text(where, payload.text, taken)
        assert text is not None
        shared = tuple(self._piece(f"{where}.*[{place}]", piece, taken) for place, piece in enumerate(payload.shared))
        return payload if len(taken) == before else replace(payload, text=text, shared=shared)

    def _piece(self, where: str, text: str, taken: list[Redaction]) -> str:
        clean = self._cleaned(text)
        _note(where, clean.taken, taken)
        return clean.text

    def _cleaned(self, text: str) -> Clean:
        return self._cached(text) if len(text) <= LONGEST_CACHED else self._json(text)

    def _text(self, where: str, text: str | None, taken: list[Redaction]) -> str | None:
        if text is None:
            return None
        clean = self._json(text)
        _note(where, clean.taken, taken)
        return clean.text

    def _plain(self, where: str, text: str | None, taken: list[Redaction]) -> str | None:
        if text is None:
            return None
        clean = self._redactor.redact_text(text)
        _note(where, clean.taken, taken)
        return clean.text

    def _name(self, name: str | None, taken: list[Redaction]) -> str | None:
        """Return a name without secrets: of a span it may be a URL, of a run the first words of its user."""
        if not name or len(name) > LONGEST_CACHED:
            return self._plain("name", name, taken)
        clean = self._cached_name(name)
        _note("name", clean.taken, taken)
        return clean.text

    def _failure(self, failure: Failure | None, taken: list[Redaction]) -> Failure | None:
        if failure is None:
            return None
        message = self._plain("failure.message", failure.message, taken)
        traceback = self._plain("failure.traceback", failure.traceback, taken) if self._keeps_bodies else None
        return replace(failure, message=message or "", traceback=traceback)

    def _json(self, text: str) -> Clean:
        clean = self._redactor.redact_json(text)
        return Clean(clean.text, clean.taken)


def _note(where: str, found: Iterable[Taken], taken: list[Redaction]) -> None:
    for one in found:
        taken.append(Redaction(path=where + one.path[1:], name=one.name, fingerprint=one.fingerprint))
