"""What a program keeps to itself of what it records, beside what every Titan takes away."""

from __future__ import annotations

import os
import re

from titan_sdk.recording.mistakes import check_patterns, names_in, say_once
from titan_sdk.redaction import Redactor, StandardFinder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Redact", "built_in", "check_redact", "of_process"]

FIELDS = "TITAN_REDACT_FIELDS"
PATTERNS = "TITAN_REDACT_PATTERNS"

#: Fingerprints need a key that outlives the process, which only the server has: the SDK's are dropped.
_KEY = os.urandom(32)
_redactors: dict[tuple[str, str], Redactor] = {}


class Redact:
    """What of one action's data never leaves the process.

        @action(redact=Redact(fields=["iban"], patterns={"order": r"ORD-[0-9]{8}"}))
        @action(redact=Redact(outputs=True))

    Args:
        fields: names of fields whose whole value goes, wherever they stand; `api-key` and `apiKey` are the same.
        patterns: name → regular expression of what goes out of texts; `[redacted:NAME]` is left.
        inputs, outputs: True leaves out all of it.
        errors: True leaves out what an exception says: its message, arguments and causes; its type and the lines of
            code that it came through are kept. Without, a message that repeats an argument tells it, also under
            `inputs=True`.

    Raises:
        TypeError: `fields` is one text, or `patterns` has no names.
        ValueError: a pattern is no regular expression.
    """

    __slots__ = ("errors", "inputs", "outputs", "redactor")

    def __init__(
        self,
        *,
        fields: Iterable[str] = (),
        patterns: Mapping[str, str] | None = None,
        inputs: bool = False,
        outputs: bool = False,
        errors: bool = False,
    ) -> None:
        fields = names_in("fields", fields)
        check_patterns(patterns or {})
        self.inputs = inputs
        self.outputs = outputs
        self.errors = errors
        #: None: nothing but whole payloads goes
        self.redactor: Redactor | None = None
        if fields or patterns:
            self.redactor = Redactor(
                StandardFinder(patterns), key=_KEY, fields=(*_named(os.environ.get(FIELDS, "")), *fields)
            )


def check_redact(found: object) -> None:
    """Refuse what says nothing of what is to stay at home.

    Raises:
        TypeError: it is no Redact.
    """
    if found is not None and not isinstance(found, Redact):
        raise TypeError(f"redact={found!r:.100}: expected a titan_sdk.Redact, as Redact(fields=['iban'])")


def of_process() -> Redactor | None:
    """Return what TITAN_REDACT_FIELDS takes out of all that this process sends; None while it names nothing."""
    return built_in() if os.environ.get(FIELDS) else None


def built_in(environment: Mapping[str, str] = os.environ) -> Redactor:
    """Return what takes out secrets as the server does, with TITAN_REDACT_FIELDS and TITAN_REDACT_PATTERNS."""
    fields, patterns = environment.get(FIELDS, ""), environment.get(PATTERNS, "")
    if (fields, patterns) not in _redactors:
        _redactors[fields, patterns] = Redactor(_finder(patterns), key=_KEY, fields=_named(fields))
    return _redactors[fields, patterns]


def _finder(path: str) -> StandardFinder:
    """Return what finds the built-in patterns, and those of a TOML file as the server reads it."""
    if not path:
        return StandardFinder()
    import tomllib

    try:
        with open(os.path.expanduser(path), "rb") as file:
            return StandardFinder({name: str(regex) for name, regex in tomllib.load(file).items()})
    except (OSError, ValueError, re.error) as mistake:
        say_once(f"titan_sdk: {PATTERNS}={path}: {mistake}; only what every Titan knows is taken away")
        return StandardFinder()


def _named(fields: str) -> tuple[str, ...]:
    return tuple(field for field in fields.replace(",", " ").split() if field)
