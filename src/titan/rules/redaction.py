"""Secrets found by RE2: in linear time whatever the text, and whatever pattern a user gives.

What a secret looks like and how it is taken away stands in `titan_sdk.redaction_patterns` and `titan_sdk.redaction`,
which client and server share, as the check of users' patterns in `titan_sdk.redaction_own`; this is the engine that the
server runs them on, and what that says of such a pattern.
JSON of 2 KB without a secret takes 9 µs, the walk through it 50 µs where there may be one; with `re` 400 and 600 µs.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import re2

from titan.model.errors import InvalidInput
from titan_sdk.redaction import Redactor, Taken
from titan_sdk.redaction_finding import Span, joined, spans_of
from titan_sdk.redaction_own import EXPECTED, MAX_PATTERN, MAX_PATTERNS, problem_in
from titan_sdk.redaction_patterns import CHIP, ESCAPE_TRACE, FIELD_TRACE, POWER_TRACE, SECRET_PATTERNS, SecretPattern

__all__ = ["CHIP", "LinearFinder", "Redactor", "Taken", "check_patterns", "make_redactor"]

SET_MEMORY_BYTES: Final = 16 * 1024 * 1024  # the built-in patterns need 0.4 MB
_HALF_PAIR: Final = re.compile("[\ud800-\udfff]")
_COUNTED: Final = re.compile(r"\{0,[0-9]+\}")
_ALWAYS: Final = ""  # matches every text: RE2 answers "no match" also when memory ran out, but then without this one


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
    try:
        finder = LinearFinder(own)
    except re2.error:
        raise InvalidInput(
            f"redaction patterns {', '.join(own)}",
            expected=f"what RE2 compiles, all together, within {SET_MEMORY_BYTES // 1024**2} MiB",
            found="more",
            next_step="Make counted repeats smaller, such as x{1000}, or leave patterns out.",
        ) from None
    return Redactor(finder, key=key, fields=fields)


def check_patterns(patterns: Mapping[str, str]) -> None:
    """Accept a user's patterns that server and SDK can both run, and that cannot make `re` run on for ever.

    Raises:
        InvalidInput: one cannot be used, or they are over a hundred; the message names it and says why.
    """
    if len(patterns) > MAX_PATTERNS:
        raise InvalidInput(
            "redaction patterns",
            expected=f"at most {MAX_PATTERNS}",
            found=str(len(patterns)),
            next_step="Join some of them with `|`.",
        )
    for name, regex in patterns.items():
        problem = _problem(name, regex)
        if problem is not None:
            raise InvalidInput(
                f"redaction pattern {name[:60]!r}",
                expected=EXPECTED,
                found=problem,
                next_step="Correct the pattern or leave it out; nothing was changed.",
            )


class LinearFinder:
    """Finds by RE2: one pass of a set says which patterns occur in a text, only those are run on it."""

    def __init__(self, patterns: Mapping[str, str] | None = None) -> None:
        own = [SecretPattern(name, regex, ()) for name, regex in (patterns or {}).items()]
        self._patterns = [*SECRET_PATTERNS, *own]
        self._regexes = [re2.compile(pattern.regex) for pattern in self._patterns]
        self._set = _set_of([*(pattern.regex for pattern in self._patterns), _ALWAYS])
        self._traces = _set_of([f"(?i){trace}" for trace in _traces()] + [_ALWAYS])
        self._no_trace = len(_traces())  # the place of _ALWAYS
        self._always_may = bool(own)

    def find(self, text: str) -> list[Span]:
        """Return the secrets in a text, ascending, none overlapping another."""
        try:
            encoded = text.encode()
        except UnicodeEncodeError:  # RE2 reads UTF-8, which cannot say half a surrogate pair
            text = _HALF_PAIR.sub("\ufffd", text)
            encoded = text.encode()
        found = self._occurring(encoded)
        if not found:
            return []
        return joined(
            span for index in found for span in spans_of(self._patterns[index], self._regexes[index].finditer(text))
        )

    def may_hold(self, json_text: str) -> bool:
        """Return False only when JSON text certainly holds nothing that a pattern or a built-in field rule takes."""
        if self._always_may:
            return True
        found: Sequence[int] | None = self._traces.Match(json_text.encode("utf-8", "replace"))
        return found != [self._no_trace]

    def which_may_hold(self, json_texts: Sequence[str]) -> list[bool]:
        """Return of each of several texts what `may_hold` does."""
        return [self.may_hold(text) for text in json_texts]

    def _occurring(self, encoded: bytes) -> Sequence[int]:
        every = len(self._patterns)
        found = self._set.Match(encoded)
        if found == [every]:
            return ()
        return range(every) if found is None else sorted(index for index in found if index != every)


def _set_of(regexes: Sequence[str]) -> re2.Set:
    options = re2.Options()
    options.max_mem = SET_MEMORY_BYTES
    options.never_capture = True
    chosen = re2.Set.SearchSet(options)
    for regex in regexes:
        chosen.Add(regex)
    chosen.Compile()
    return chosen


def _traces() -> list[str]:
    """Return what to look for in JSON text; RE2 has a state for each step of a counted repeat, so none is counted."""
    per_pattern = [pattern.trace or "|".join(map(re2.escape, pattern.hints)) for pattern in SECRET_PATTERNS]
    return [_COUNTED.sub("*", trace) for trace in dict.fromkeys([*per_pattern, FIELD_TRACE, ESCAPE_TRACE, POWER_TRACE])]


def _problem(name: str, regex: str) -> str | None:
    """Return what is wrong with a user's pattern, None when nothing is."""
    if len(regex) > MAX_PATTERN:
        return problem_in(name, regex)
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(regex.encode(), options)
    except UnicodeEncodeError:
        return "half a surrogate pair, which UTF-8 cannot say"
    except re2.error as error:
        return f"what RE2 refuses: {error.args[0].decode(errors='replace')}"
    return problem_in(name, regex)
