"""Secrets taken out of entries before anything of them is stored, wherever in an entry they stand."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from msgspec.structs import replace

from titan.model.actions import ActionEntry, Entry, Failure, ModelUse, Payload, Redaction, RunEntry
from titan.rules.content import without_content
from titan.rules.redaction import RedactedText, Redactor, Taken

MAX_NOTED: Final = 100  # of one entry: a history of messages brings the same ones again and again
CACHED_TEXTS: Final = 4096
LONGEST_CACHED: Final = 4096  # characters; so that the cache never takes more than some 32 MB


class EntryRedactor:
    """Takes secrets out of entries. Messages come again with every call of a conversation: each is read once."""

    def __init__(self, redactor: Redactor, *, keeps_content: bool = True) -> None:
        """Without `keeps_content` inputs, outputs, tracebacks and what in details may be content go, too."""
        self._redactor = redactor
        self.version = redactor.version
        self._keeps_content = keeps_content
        self._cached = lru_cache(maxsize=CACHED_TEXTS)(redactor.redact_json)
        self._cached_name = lru_cache(maxsize=CACHED_TEXTS)(redactor.redact_text)
        self._cached_id = lru_cache(maxsize=CACHED_TEXTS)(redactor.redact_id)

    def clean(self, entry: Entry) -> Entry:
        """Return the entry without secrets; the very same one when it holds none."""
        if not self._keeps_content:
            entry = without_content(entry)
        if not isinstance(entry, ActionEntry):
            return self._clean_run(entry)
        if not self._may_take(entry):
            return entry
        taken: list[Redaction] = []
        clean = replace(
            entry,
            id=self._id("id", entry.id, taken),
            run_id=self._id("run_id", entry.run_id, taken),
            parent_id=entry.parent_id and self._id("parent_id", entry.parent_id, taken),
            actor=entry.actor and self._id("actor", entry.actor, taken),
            name=self._name("name", entry.name, taken) or "",
            inputs=self._payload("inputs", entry.inputs, taken),
            outputs=self._payload("outputs", entry.outputs, taken),
            details=self._text("details", entry.details, taken),
            failure=self._failure(entry.failure, taken),
            use=self._use(entry.use, taken),
            tags=self._tags(entry.tags, taken),
            project=entry.project and self._id("project", entry.project, taken),
        )
        if not taken:
            return entry
        return replace(clean, redacted=(*entry.redacted, *taken[:MAX_NOTED]))

    def known_as(self, told_id: str) -> str:
        """Return what stands for an id of a run, action or agent: itself, unless it holds a secret."""
        return self._cached_id(told_id).text

    def without_secrets(self, text: str) -> str:
        """Return a text without secrets, wherever it stands."""
        return self._redactor.redact_text(text).text

    def _may_take(self, entry: ActionEntry) -> bool:
        """Return False only when the entry certainly holds no secret: all its own texts are looked at in one go."""
        inputs, outputs, failure, use = entry.inputs, entry.outputs, entry.failure, entry.use
        own = [entry.name, entry.details or "", entry.id, entry.run_id, entry.parent_id or "", entry.actor or ""]
        own += entry.tags
        if entry.project is not None:
            own.append(entry.project)
        if use is not None:
            own += (use.model or "", use.provider or "", use.response_id or "")
        for payload in (inputs, outputs):
            if payload is not None:
                own.append(payload.text)
                if any(self._cleaned(text).taken for text in payload.shared):
                    return True
        if failure is not None:
            own += (failure.type, failure.message, failure.traceback or "")
        return self._redactor.may_take(*own)

    def _clean_run(self, entry: RunEntry) -> RunEntry:
        taken: list[Redaction] = []
        clean = replace(
            entry,
            run_id=self._id("run_id", entry.run_id, taken),
            agent_id=entry.agent_id and self._id("agent_id", entry.agent_id, taken),
            session_id=entry.session_id and self._id("session_id", entry.session_id, taken),
            name=self._name("name", entry.name, taken),
            reason=self._plain("reason", entry.reason, taken),
            tags=self._tags(entry.tags, taken),
            traces=tuple(self._id(f"traces[{place}]", trace_id, taken) for place, trace_id in enumerate(entry.traces)),
            details=self._text("details", entry.details, taken),
            project=entry.project and self._id("project", entry.project, taken),
        )
        return clean if taken else entry

    def _payload(self, where: str, payload: Payload | None, taken: list[Redaction]) -> Payload | None:
        if payload is None:
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

    def _cleaned(self, text: str) -> RedactedText:
        return self._cached(text) if len(text) <= LONGEST_CACHED else self._redactor.redact_json(text)

    def _text(self, where: str, text: str | None, taken: list[Redaction]) -> str | None:
        if text is None:
            return None
        clean = self._redactor.redact_json(text)
        _note(where, clean.taken, taken)
        return clean.text

    def _plain(self, where: str, text: str | None, taken: list[Redaction]) -> str | None:
        if text is None:
            return None
        clean = self._redactor.redact_text(text)
        _note(where, clean.taken, taken)
        return clean.text

    def _name(self, where: str, name: str | None, taken: list[Redaction]) -> str | None:
        """Return a name without secrets: of a span it may be a URL, of a run the first words of its user."""
        if not name or len(name) > LONGEST_CACHED:
            return self._plain(where, name, taken)
        clean = self._cached_name(name)
        _note(where, clean.taken, taken)
        return clean.text

    def _id(self, where: str, told_id: str, taken: list[Redaction]) -> str:
        clean = self._cached_id(told_id)
        _note(where, clean.taken, taken)
        return clean.text

    def _tags(self, tags: tuple[str, ...], taken: list[Redaction]) -> tuple[str, ...]:
        return tuple(self._name(f"tags[{place}]", tag, taken) or "" for place, tag in enumerate(tags))

    def _use(self, use: ModelUse | None, taken: list[Redaction]) -> ModelUse | None:
        if use is None:
            return None
        return replace(
            use,
            model=self._name("use.model", use.model, taken),
            provider=self._name("use.provider", use.provider, taken),
            response_id=use.response_id and self._id("use.response_id", use.response_id, taken),
        )

    def _failure(self, failure: Failure | None, taken: list[Redaction]) -> Failure | None:
        if failure is None:
            return None
        kind = self._name("failure.type", failure.type, taken)
        message = self._plain("failure.message", failure.message, taken)
        traceback = self._plain("failure.traceback", failure.traceback, taken)
        return replace(failure, type=kind or "", message=message or "", traceback=traceback)


def _note(where: str, found: Iterable[Taken], taken: list[Redaction]) -> None:
    for one in found:
        taken.append(Redaction(path=where + one.path[1:], name=one.name, fingerprint=one.fingerprint))
