"""Redaction in the program: `Redact` for one action, TITAN_REDACT_FIELDS and TITAN_REDACT_PATTERNS for the process."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from typing import NamedTuple

from titan_sdk.recording.validation import check_patterns, names_in, say_once

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from titan_sdk.redaction import Redactor

FIELDS = "TITAN_REDACT_FIELDS"
PATTERNS = "TITAN_REDACT_PATTERNS"
_NO_CONTENT = ("callsite", "defined_at", "parameters", "thread")  # of details: what comes from the program's source
_MOST_PROBLEMS = 5  # printed of one file

#: Fingerprints need a key that outlives the process, which only the server has: the SDK drops its own.
_KEY = os.urandom(32)
#: By the fields and the pattern file that the environment names, and those of one `Redact`.
_redactors: dict[tuple[str, str, tuple[str, ...], tuple[tuple[str, str], ...]], Redactor] = {}


class Redact:
    """Which of an action's data never leaves the process.

        @action(redact=Redact(fields=["iban"], patterns={"order": r"ORD-[0-9]{8}"}))
        @action(redact=Redact(outputs=True))

    Args:
        fields: names of fields whose whole value is removed, at any depth; `api-key` and `apiKey` are the same.
        patterns: name → regular expression of what is removed from texts; `[redacted:NAME]` is left. They need RE2 from
            `google-re2` (the extra `redact`).
        inputs, outputs: True leaves out all of it.
        errors: True leaves out an exception's message, arguments and causes; its type and traceback lines are kept.
            Without it, a message that repeats an argument reveals it, even with `inputs=True`.

    Raises:
        TypeError: `fields` is one text, or `patterns` has no names.
        ValueError: a pattern is no regular expression that RE2 reads, or RE2 is not installed.
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
        """Return the redactor for its fields and patterns and those of the process; None while there are none."""
        if not self._fields and not self._patterns:
            return of_process(environment)
        return _redactor(environment, self._fields, self._patterns)


def check_redact(found: object) -> None:
    """Check the argument `redact`.

    Raises:
        TypeError: it is no Redact.
    """
    if found is not None and not isinstance(found, Redact):
        raise TypeError(f"redact={found!r:.100}: expected a titan_sdk.Redact, as Redact(fields=['iban'])")


def of_process(environment: Mapping[str, str] = os.environ) -> Redactor | None:
    """Return the redactor for everything this process sends; None where the environment asks for none."""
    return built_in(environment) if environment.get(FIELDS) or environment.get(PATTERNS) else None


def built_in(environment: Mapping[str, str] = os.environ) -> Redactor:
    """Return the redactor with the server's patterns, TITAN_REDACT_FIELDS and TITAN_REDACT_PATTERNS."""
    return _redactor(environment, (), {})


def _redactor(environment: Mapping[str, str], fields: tuple[str, ...], patterns: Mapping[str, str]) -> Redactor:
    from titan_sdk.redaction import Redactor  # 20 ms with its patterns; most programs leave redaction to the server
    from titan_sdk.redaction.finding import make_finder

    named, path = environment.get(FIELDS, ""), environment.get(PATTERNS, "")
    key = named, path, fields, tuple(patterns.items())
    if key not in _redactors:
        finder = make_finder(_patterns_in(path).patterns if path else {}, patterns)
        _redactors[key] = Redactor(finder, key=_KEY, fields=(*named.replace(",", " ").split(), *fields))
    return _redactors[key]


def leave_out_bodies(
    fields: dict[str, object], payloads: dict[str, str], environment: Mapping[str, str] = os.environ
) -> None:
    """Remove content from an entry while patterns of the process cannot be read: they would have redacted it.

    Names, tags and the reason that a program gives for a run's end are kept; the readable patterns apply to them.
    """
    path = environment.get(PATTERNS)
    if not path or _patterns_in(path).are_all:
        return
    kept = {name: text for name, text in payloads.items() if name == "details"}
    if "details" in kept:
        details = json.loads(kept["details"])
        kept["details"] = json.dumps({name: details[name] for name in _NO_CONTENT if name in details})
    if fields["type"] == "run" and payloads:  # the traceback of an exception, whose message is the reason
        fields.pop("reason", None)
    payloads.clear()
    payloads.update(kept)
    failure = fields.get("failure")
    if isinstance(failure, dict):
        fields["failure"] = {"type": failure["type"], "message": ""}
    if fields["type"] == "action":
        fields["is_redacted"] = True


class _OwnPatterns(NamedTuple):
    """The patterns of TITAN_REDACT_PATTERNS."""

    patterns: Mapping[str, str]
    are_all: bool  #: else some could not be read


@lru_cache(maxsize=64)  # one, except in tests
def _patterns_in(path: str) -> _OwnPatterns:
    """Return the valid patterns of a TOML file; problems are printed, once."""
    import tomllib

    from titan_sdk.redaction.finding import EXPECTED, problems_in

    found: dict[str, str] = {}
    problems: dict[str, str] = {}
    try:
        with open(os.path.expanduser(path), "rb") as file:
            found = tomllib.load(file)
        problems = problems_in(found)
        mistake = "; ".join([f"{name!r:.60}: {problem}" for name, problem in problems.items()][:_MOST_PROBLEMS])
    except (OSError, ValueError) as error:
        mistake = str(error)
    if mistake:
        say_once(
            f"titan_sdk: {PATTERNS}={path}: {mistake}; expected {EXPECTED}. Until this is corrected and the program "
            "starts anew, inputs, outputs, messages of exceptions, tracebacks and details are not recorded, and "
            "names, tags and ids are recorded without that pattern"
        )
    good = {name: regex for name, regex in found.items() if name not in problems}
    return _OwnPatterns(good, are_all=not mistake)
