"""What a program keeps to itself of what it records, beside what every Titan takes away."""

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

__all__ = ["Redact", "built_in", "check_redact", "leave_out_bodies", "of_process"]

FIELDS = "TITAN_REDACT_FIELDS"
PATTERNS = "TITAN_REDACT_PATTERNS"
_NO_CONTENT = ("callsite", "defined_at", "parameters", "thread")  # of details: what the program's source says
_MOST_SAID = 5  # mistakes of one file

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
        patterns: name → regular expression of what goes out of texts; `[redacted:NAME]` is left. They need RE2, which
            `google-re2` brings (the extra `redact`).
        inputs, outputs: True leaves out all of it.
        errors: True leaves out what an exception says: its message, arguments and causes; its type and the lines of
            code that it came through are kept. Without, a message that repeats an argument reveals it, also under
            `inputs=True`.

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
    from titan_sdk.redaction import Redactor  # 20 ms with its patterns, and most programs leave it all to the server
    from titan_sdk.redaction.finding import make_finder

    named, path = environment.get(FIELDS, ""), environment.get(PATTERNS, "")
    known = named, path, fields, tuple(patterns.items())
    if known not in _redactors:
        finder = make_finder(_own_of(path).patterns if path else {}, patterns)
        _redactors[known] = Redactor(finder, key=_KEY, fields=(*named.replace(",", " ").split(), *fields))
    return _redactors[known]


def leave_out_bodies(
    fields: dict[str, object], payloads: dict[str, str], environment: Mapping[str, str] = os.environ
) -> None:
    """Leave out of an entry what may be content, while patterns of the process cannot be read.

    What they would take is not known then. Names, tags and what a program itself says of a run's end stay, without
    what the patterns take that can be read.
    """
    path = environment.get(PATTERNS)
    if not path or _own_of(path).are_all:
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


class _Own(NamedTuple):
    """What a process has patterns of its own for."""

    patterns: Mapping[str, str]
    are_all: bool  #: else some could not be read


@lru_cache(maxsize=64)  # one, but in tests
def _own_of(path: str) -> _Own:
    """Return the patterns of a TOML file that can be used; what cannot be read is said, once."""
    import tomllib

    from titan_sdk.redaction.finding import problems_in

    try:
        with open(os.path.expanduser(path), "rb") as file:
            found = tomllib.load(file)
    except (OSError, ValueError) as mistake:
        return _closed(path, {}, str(mistake))
    problems = problems_in(found)
    good = {name: regex for name, regex in found.items() if name not in problems}
    wrong = [f"{name!r:.60}: {problem}" for name, problem in problems.items()]
    return _closed(path, good, "; ".join(wrong[:_MOST_SAID])) if wrong else _Own(good, are_all=True)


def _closed(path: str, patterns: Mapping[str, str], mistake: str) -> _Own:
    from titan_sdk.redaction.finding import EXPECTED

    say_once(
        f"titan_sdk: {PATTERNS}={path}: {mistake}; expected {EXPECTED}. Until this is corrected and the program starts "
        "anew, inputs, outputs, messages of exceptions, tracebacks and details are not recorded, and "
        "names, tags and ids are recorded without that pattern"
    )
    return _Own(patterns, are_all=False)
