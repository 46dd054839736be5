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
#: By the fields and the file of patterns that the environment names, and those of one `Redact`.
_redactors: dict[tuple[str, str, tuple[str, ...], tuple[tuple[str, str], ...]], Redactor] = {}


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

    __slots__ = ("_fields", "_patterns", "errors", "inputs", "outputs")

    def __init__(
        self,
        *,
        fields: Iterable[str] = (),
        patterns: Mapping[str, str] | None = None,
        inputs: bool = False,
        outputs: bool = False,
        errors: bool = False,
    ) -> None:
        self._fields = names_in("fields", fields)
        check_patterns(patterns or {})
        self._patterns = dict(patterns or {})
        self.inputs = inputs
        self.outputs = outputs
        self.errors = errors

    def redactor(self, environment: Mapping[str, str] = os.environ) -> Redactor | None:
        """Return what takes out its fields and patterns beside those of the process; None while there are none."""
        if not self._fields and not self._patterns:
            return of_process(environment)
        return _redactor(environment, self._fields, self._patterns)


def check_redact(found: object) -> None:
    """Refuse what says nothing of what is to stay at home.

    Raises:
        TypeError: it is no Redact.
    """
    if found is not None and not isinstance(found, Redact):
        raise TypeError(f"redact={found!r:.100}: expected a titan_sdk.Redact, as Redact(fields=['iban'])")


def of_process(environment: Mapping[str, str] = os.environ) -> Redactor | None:
    """Return what TITAN_REDACT_FIELDS and TITAN_REDACT_PATTERNS take out of all that this process sends, if they do."""
    return built_in(environment) if environment.get(FIELDS) or environment.get(PATTERNS) else None


def built_in(environment: Mapping[str, str] = os.environ) -> Redactor:
    """Return what takes out secrets as the server does, with TITAN_REDACT_FIELDS and TITAN_REDACT_PATTERNS."""
    return _redactor(environment, (), {})


def _redactor(environment: Mapping[str, str], fields: tuple[str, ...], patterns: Mapping[str, str]) -> Redactor:
    """Return what takes out secrets, the environment's fields and patterns, and these."""
    named, path = environment.get(FIELDS, ""), environment.get(PATTERNS, "")
    known = named, path, fields, tuple(patterns.items())
    if known not in _redactors:
        _redactors[known] = Redactor(_finder(path, patterns), key=_KEY, fields=(*_named(named), *fields))
    return _redactors[known]


def _finder(path: str, patterns: Mapping[str, str]) -> StandardFinder:
    """Return what finds the built-in patterns, those of a TOML file as the server reads it, and `patterns`."""
    if not path:
        return StandardFinder(patterns)
    import tomllib

    try:
        with open(os.path.expanduser(path), "rb") as file:
            return StandardFinder({name: str(regex) for name, regex in tomllib.load(file).items()}, patterns)
    except (OSError, ValueError, re.error) as mistake:
        say_once(f"titan_sdk: {PATTERNS}={path}: {mistake}; only what every Titan knows is taken away")
        return StandardFinder(patterns)


def _named(fields: str) -> tuple[str, ...]:
    return tuple(field for field in fields.replace(",", " ").split() if field)
