"""Find secrets in texts, by RE2 where google-re2 is installed (the server requires it), else by `re`.

Both find the same secrets with the built-in patterns. A user's own patterns need RE2, which runs in linear time.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from titan_sdk.redaction.patterns import FIELD_HINTS, SECRET_PATTERNS, SHAPES, VALUE_GROUP, SecretPattern

try:
    import re2
except ImportError:  # the extra `redact` brings it
    re2 = None

MARKER: Final = re.compile(r"\[redacted:[a-z0-9_-]{1,64}\]", re.ASCII)  #: in place of a secret
MAX_PATTERNS: Final = 100
MAX_PATTERN: Final = 1000  # characters
PATTERN_NAME: Final = re.compile("[a-z][a-z0-9_-]{0,39}")
EXPECTED: Final = "a name such as customer_id, and a regular expression that RE2 reads"
_HALF_PAIR: Final = re.compile("[\ud800-\udfff]")
_ALWAYS: Final = ""  # matches every text: RE2 answers "no match" also when memory ran out, but then without this one


class Span(NamedTuple):
    """The place of a secret in a text."""

    start: int
    end: int
    name: str


class Finder(ABC):
    """A search engine for secrets in texts. Threads may share one."""

    def find(self, text: str) -> list[Span]:
        """Return the secrets in a text, ascending and without overlaps."""
        return joined(span for pattern, match in self._matches(text) if (span := _secret(pattern, match)) is not None)

    @abstractmethod
    def may_hold(self, json_text: str) -> bool:
        """Return False only if JSON text certainly has no secret, and no field of a built-in rule."""

    @abstractmethod
    def _matches(self, text: str) -> Iterator[tuple[SecretPattern, re.Match[str]]]:
        """Yield the matches of all patterns."""


def make_finder(*patterns: Mapping[str, str]) -> Finder:
    """Return an engine for the built-in patterns and a user's own, which must have no `problems_in`.

    A name in two of the mappings stands for both patterns.
    """
    return StandardFinder() if re2 is None else LinearFinder(*patterns)


def problems_in(patterns: Mapping[Any, object]) -> dict[Any, str]:
    """Return the problems of a user's patterns, by name; those after the hundredth are too many."""
    too_many = f"{len(patterns)} patterns, over {MAX_PATTERNS}: join some of them with `|`"
    problems = {
        name: _problem(name, regex) if place < MAX_PATTERNS else too_many
        for place, (name, regex) in enumerate(patterns.items())
    }
    return {name: problem for name, problem in problems.items() if problem is not None}


def _problem(name: object, regex: object) -> str | None:
    if not isinstance(name, str) or not PATTERN_NAME.fullmatch(name):
        return "a name that is not 1 to 40 of a-z, 0-9, _ and -, a letter first"
    if not isinstance(regex, str):
        return f"{regex!r:.100}, no text"
    if len(regex) > MAX_PATTERN:
        return f"{len(regex)} characters, over {MAX_PATTERN}"
    if re2 is None:
        return "no RE2, which own patterns need; install it with: pip install google-re2"
    options = re2.Options()
    options.log_errors = False
    try:
        matches_nothing = re2.compile(regex.encode(), options).search(b"") is not None
    except UnicodeEncodeError:
        return "half a surrogate pair, which UTF-8 cannot say"
    except re2.error as error:
        return f"what RE2 refuses: {error.args[0].decode(errors='replace')}"
    return "a regular expression that matches an empty text, and so would match everywhere" if matches_nothing else None


class LinearFinder(Finder):
    """Finds secrets by RE2: one pass of a set tells which built-in patterns occur, and only those are searched."""

    def __init__(self, *patterns: Mapping[str, str]) -> None:
        own = [SecretPattern(name, regex) for named in patterns for name, regex in named.items()]
        options = re2.Options()
        options.never_capture = True
        self._set = re2.Set.SearchSet(options)
        for pattern in SECRET_PATTERNS:
            self._set.Add(pattern.regex)
        self._set.Add(_ALWAYS)
        self._set.Compile()
        self._own = range(
            len(SECRET_PATTERNS), len(SECRET_PATTERNS) + len(own)
        )  # not in the set, whose size is limited
        self._patterns = [(pattern, re2.compile(pattern.regex)) for pattern in (*SECRET_PATTERNS, *own)]
        self._glance = re2.compile(f"(?i){'|'.join([*map(re2.escape, _hints()), *SHAPES])}")

    def _matches(self, text: str) -> Iterator[tuple[SecretPattern, re.Match[str]]]:
        try:
            occurring = self._occurring(text.encode())
        except UnicodeEncodeError:  # RE2 reads UTF-8, which cannot encode half a surrogate pair
            text = _HALF_PAIR.sub("\ufffd", text)
            occurring = self._occurring(text.encode())
        for index in (*occurring, *self._own):
            pattern, regex = self._patterns[index]
            for match in regex.finditer(text):
                yield pattern, match

    def may_hold(self, json_text: str) -> bool:
        """Return False only if JSON text certainly has no secret, and no field of a built-in rule."""
        return bool(self._own) or self._glance.search(json_text.encode("utf-8", "replace")) is not None

    def _occurring(self, encoded: bytes) -> Sequence[int]:
        every = len(SECRET_PATTERNS)
        found: list[int] | None = self._set.Match(encoded)
        return range(every) if found is None else sorted(index for index in found if index != every)


class StandardFinder(Finder):
    """Finds secrets by `re`, trying each pattern only near one of its hints, which keeps it linear."""

    def __init__(self) -> None:
        self._hints = _hints()
        self._shapes = [re.compile(shape, re.ASCII) for shape in SHAPES]

    def may_hold(self, json_text: str) -> bool:
        """Return False only if JSON text certainly has no secret, and no field of a built-in rule."""
        lowered = json_text.lower()
        return any(hint in lowered for hint in self._hints) or any(shape.search(lowered) for shape in self._shapes)

    def _matches(self, text: str) -> Iterator[tuple[SecretPattern, re.Match[str]]]:
        lowered = text.lower()
        if len(lowered) != len(text):  # some letters become two in lower case, which shifts the hints
            lowered = "".join(character.lower() if character.isascii() else character for character in text)
        for (hints, reach), patterns in _by_hints().items():
            starts = _starts(lowered, hints, reach)
            for pattern, regex in patterns if starts else ():
                end = 0
                for start in starts:
                    match = regex.match(text, start) if start >= end else None
                    if match is not None:
                        end = match.end()
                        yield pattern, match


def joined(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order; overlapping ones become one, with the name of the first."""
    result: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if result and span.start < result[-1].end:
            result[-1] = result[-1]._replace(end=max(result[-1].end, span.end))
        else:
            result.append(span)
    return result


def _secret(pattern: SecretPattern, match: Any) -> Span | None:
    """Return the place of a match if it is a secret. Markers and empty matches are not."""
    text, group = match.string, match.re.groupindex.get(VALUE_GROUP, 0)
    start, end = match.span(group)
    value = text[start:end]
    if not value or MARKER.fullmatch(value):
        return None
    is_secret = pattern.is_secret is None or pattern.is_secret(value, text[end : end + pattern.following])
    return Span(start, end, pattern.name) if is_secret else None


def _starts(lowered: str, hints: Iterable[str], reach: int) -> Sequence[int]:
    """Return the places where matches may begin, ascending."""
    starts: set[int] = set()
    for hint in hints:
        place = lowered.find(hint)
        while place >= 0:
            starts.update(range(max(0, place - reach), place + 1))
            place = lowered.find(hint, place + 1)
    return sorted(starts)


def _hints() -> list[str]:
    """Return the hints: JSON text with a secret has one of them, or of SHAPES, in lower case."""
    hints = {hint for pattern in SECRET_PATTERNS for hint in pattern.hints if len(hint) > 2} | set(FIELD_HINTS)
    return sorted(hints - {"token"})  # one of SHAPES tells more


@cache
def _by_hints() -> dict[tuple[tuple[str, ...], int], list[tuple[SecretPattern, re.Pattern[str]]]]:
    """Return the patterns with their regexes, grouped by hints."""
    groups: dict[tuple[tuple[str, ...], int], list[tuple[SecretPattern, re.Pattern[str]]]] = {}
    for pattern in SECRET_PATTERNS:
        found = (pattern, re.compile(pattern.regex, re.ASCII))
        groups.setdefault((pattern.hints, pattern.reach), []).append(found)
    return groups
