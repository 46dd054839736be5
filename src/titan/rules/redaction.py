"""The server's redaction: RE2, with a user's own patterns and fields beside the built-in ones of the SDK."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, TypeAlias, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from titan.model.actions import ActionEntry, Entry, Payload, Redaction
from titan.model.errors import InvalidInput
from titan.model.jobs import LEAST_MASKED
from titan.rules.runs.content import without_content
from titan.rules.runs.sanitize import texts_of_action
from titan_sdk.redaction import RedactedText, Redactor, Taken, marker
from titan_sdk.redaction.finding import EXPECTED, MARKER, LinearFinder, problems_in

__all__ = ["MARKER", "RedactedText", "Redactor", "Taken", "check_patterns", "make_redactor", "marker"]


def make_redactor(*, key: bytes, patterns: Mapping[str, str] | None = None, fields: Iterable[str] = ()) -> Redactor:
    """Return a redactor with the built-in patterns and field rules, and with a user's own ones.

    Args:
        key: of the fingerprints, 16 bytes or more.
        patterns: a user's regexes by name; their group `value` is the secret, without one the whole match is.
        fields: names of further fields whose whole value goes.

    Raises:
        InvalidInput: a pattern may not be used; the message names it.
    """
    own = patterns or {}
    check_patterns(own)
    return Redactor(LinearFinder(own), key=key, fields=fields)


def check_patterns(patterns: Mapping[str, object]) -> None:
    """Accept a user's patterns that RE2 can run.

    Raises:
        InvalidInput: one cannot be used, or they are over a hundred; the message names it and says why.
    """
    for name, problem in problems_in(patterns).items():
        raise InvalidInput(
            f"redaction pattern {name[:60]!r}",
            expected=EXPECTED,
            found=problem,
            next_step="Correct the pattern or leave it out; nothing was changed.",
        )


# --- secrets in entries ---


MAX_NOTED: Final = 100  # of one entry: a history of messages brings the same ones again and again
CACHED_TEXTS: Final = 4096
_RUNS: Final = re.compile("[A-Za-z0-9+=]+")
LONGEST_CACHED: Final = 4096  # characters; so that the cache never takes more than some 32 MB

_IDS: Final = (
    *("id", "run_id", "parent_id", "actor", "agent_id", "session_id", "parent_run_id", "forked_at_action_id", "traces"),
    *("response_id", "project"),
)
_NAMES: Final = ("name", "tags", "model", "provider", "type")
_TEXTS: Final = ("reason", "message", "traceback")
_JSON: Final = ("details", "process", "inputs", "outputs", "program", "failure", "use")  # or parts with fields
_Way: TypeAlias = Callable[[str], RedactedText]

E = TypeVar("E", bound=Entry)


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
        #: How a text of each field, of an entry or of a part of one, is cleaned.
        self._ways: dict[str, _Way] = {
            **dict.fromkeys(_IDS, self._cached_id),
            **dict.fromkeys(_NAMES, self._cleaned_name),
            **dict.fromkeys(_TEXTS, redactor.redact_text),
            **dict.fromkeys(_JSON, redactor.redact_json),
        }

    def clean(self, entry: Entry) -> Entry:
        """Return the entry without secrets; the very same one when it holds none."""
        if not self._keeps_content:
            entry = without_content(entry)
        return entry if isinstance(entry, ActionEntry) and not self._may_take(entry) else self._clean(entry)

    def known_as(self, reported_id: str) -> str:
        """Return what stands for an id of a run, action or agent: itself, unless it holds a secret."""
        return self._cached_id(reported_id).text

    def without_secrets(self, text: str) -> str:
        """Return a text without secrets, wherever it stands."""
        return self._redactor.redact_text(text).text

    def secret_names(self, environment: Mapping[str, str]) -> list[str]:
        """Return the names of variables with secrets: by name, by pattern, or since letters and digits are mixed.

        Values of fewer than LEAST_MASKED characters are none, nor are paths: words such as `production`, model names
        and addresses without a password stay readable in logs.
        """
        return [
            name for name, value in environment.items() if len(value) >= LEAST_MASKED and self._is_secret(name, value)
        ]

    def _is_secret(self, name: str, value: str) -> bool:
        if self._redactor.rule_of(name) is not None or self._redactor.redact_text(value).taken:
            return True
        return not name.startswith(("TITAN_", "_TITAN_", "WORLD_")) and any(
            len(run) >= LEAST_MASKED and not run.isalpha() and not run.isdigit()
            for run in ([] if value.startswith(("/", ".", "~")) else _RUNS.findall(value))
        )

    def _may_take(self, entry: ActionEntry) -> bool:
        """Return False only when the entry certainly holds no secret: all its own texts are looked at in one go."""
        own = [*texts_of_action(entry), entry.details or "", entry.project or ""]
        for payload in (entry.inputs, entry.outputs):
            if payload is not None:
                own.append(payload.text)
                if any(self._cleaned(text).taken for text in payload.shared):
                    return True
        return self._redactor.may_take(*own)

    def _clean(self, entry: E) -> E:
        taken: list[Redaction] = []
        changed = self._changed("", entry, taken)
        if not taken:
            return entry
        if isinstance(entry, ActionEntry):
            changed["redacted"] = (*entry.redacted, *taken[:MAX_NOTED])
        return replace(entry, **changed)

    def _changed(self, above: str, reported: Struct, taken: list[Redaction]) -> dict[str, Any]:
        """Return the fields of an entry, or of a part of one, as they are without secrets; what is taken is noted."""
        return {
            name: self._value(f"{above}{name}", value, self._ways[name], taken)
            for name in reported.__struct_fields__
            if name in self._ways and (value := getattr(reported, name)) is not None
        }

    def _value(self, where: str, value: Any, way: _Way, taken: list[Redaction]) -> Any:
        if isinstance(value, tuple):
            return tuple(self._value(f"{where}[{place}]", each, way, taken) for place, each in enumerate(value))
        if isinstance(value, Payload):
            before = len(taken)
            text = self._value(where, value.text, self._redactor.redact_json, taken)
            shared = self._value(f"{where}.*", value.shared, self._cleaned, taken)
            return value if len(taken) == before else replace(value, text=text, shared=shared)
        if isinstance(value, Struct):
            return replace(value, **self._changed(f"{where}.", value, taken))
        clean = way(value)
        taken += [
            Redaction(path=where + one.path[1:], name=one.name, fingerprint=one.fingerprint) for one in clean.taken
        ]
        return clean.text

    def _cleaned(self, text: str) -> RedactedText:
        return self._cached(text) if len(text) <= LONGEST_CACHED else self._redactor.redact_json(text)

    def _cleaned_name(self, name: str) -> RedactedText:
        """Return a name without secrets: of a span it may be a URL, of a run the first words of its user."""
        return self._cached_name(name) if len(name) <= LONGEST_CACHED else self._redactor.redact_text(name)
