"""Secrets found in texts by `re`, for the SDK, which has the standard library only.

`re` tries a regex at each character, which costs 0.2 µs for one that begins with a choice. So each text is searched
once for the hints of all patterns, which are plain texts, and a regex is tried only where one of its own stands. JSON
of 1 KB without a secret takes 30 µs so, and in a batch, in which much is the same, half of that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from titan_sdk.redaction_own import compiled, is_slow
from titan_sdk.redaction_patterns import (
    CHIP,
    ESCAPE_TRACE,
    FIELD_HINTS,
    FIELD_REACH,
    FIELD_TRACE,
    FOLLOWS_WITHIN,
    POWER_TRACE,
    SECRET_PATTERNS,
    VALUE_GROUP,
    SecretPattern,
)

LONGEST_FOR_SLOW: Final = 8192  # characters: 0.1 s for `[a-z]+@` in letters alone, seconds for what was made to be slow
TOO_LONG: Final = "too_long"  #: the chip for a text that is longer, and so was not looked at


class Span(NamedTuple):
    """A secret's place in a text."""

    start: int
    end: int
    name: str


class Finder(Protocol):
    """An engine that finds secrets in texts. Every engine finds the same ones."""

    def find(self, text: str) -> list[Span]:
        """Return the secrets in a text, ascending, none overlapping another."""

    def may_hold(self, json_text: str) -> bool:
        """Return False only when JSON text certainly holds nothing that a pattern or a built-in field rule takes."""

    def which_may_hold(self, json_texts: Sequence[str]) -> list[bool]:
        """Return of each of several texts what `may_hold` does."""


class StandardFinder:
    """Finds by `re`.

    Built-in patterns are linear in `re`. Those given beside them must have passed `titan_sdk.redaction_own.problem_in`.
    While one of these is slow, all of a text of over LONGEST_FOR_SLOW characters is taken: nobody knows what it would.
    """

    def __init__(self, *patterns: Mapping[str, str]) -> None:
        """`patterns` are regular expressions by their names. A name in two of them stands for both."""
        own = tuple(SecretPattern(name, regex, ()) for named in patterns for name, regex in named.items())
        groups = [
            *_looked_for_together(SECRET_PATTERNS),
            *([[(pattern, compiled(pattern.regex)) for pattern in own]] if own else []),
        ]
        self._places = _Places([group[0][0] for group in groups])
        self._groups = groups
        self._always_may = bool(own)
        self._has_slow = any(is_slow(pattern.regex) for pattern in own)

    def find(self, text: str) -> list[Span]:
        """Return the secrets in a text, ascending, none overlapping another."""
        if self._has_slow and len(text) > LONGEST_FOR_SLOW:
            return [Span(0, len(text), TOO_LONG)]
        lowered = text.lower()
        if len(lowered) != len(text):  # some letters beyond ASCII become two; then a hint's place is not the text's
            lowered = "".join(character.lower() if character.isascii() else character for character in text)
        found: list[Span] = []
        for index, starts in self._places.starts(lowered):
            for pattern, regex in self._groups[index]:
                found += spans_of(pattern, _matches(regex, text, starts))
        return joined(found)

    def may_hold(self, json_text: str) -> bool:
        """Return False only when JSON text certainly holds nothing that a pattern or a built-in field rule takes."""
        if self._always_may:
            return True
        return _has_trace(json_text.lower(), None, _SEARCHED)

    def which_may_hold(self, json_texts: Sequence[str]) -> list[bool]:
        """Return of each of several texts what `may_hold` does.

        What stands in many of them is looked at once: entries of one program have most in common. A hint has no quote
        in it, nor has what a glance finds, so what is between two quotes may be looked at by itself.
        """
        if self._always_may:
            return [True] * len(json_texts)
        lowered = [text.lower() for text in json_texts]
        together = '"'.join(set('"'.join(lowered).split('"')))
        seen = _TRACE_PLACES.seen_in(together)
        searched = [trace for trace in _SEARCHED if trace.search(together)]
        return [_has_trace(text, seen, searched) for text in lowered]


def _has_trace(lowered: str, seen: Seen | None, searched: Iterable[re.Pattern[str]]) -> bool:
    if any(trace.search(lowered) for trace in searched):
        return True
    places = _TRACE_PLACES.starts(lowered, seen)
    return any(next(_matches(_TRACES[index], lowered, starts), None) is not None for index, starts in places)


def spans_of(pattern: SecretPattern, matches: Iterable[re.Match[str]]) -> Iterable[Span]:
    """Yield those of a pattern's matches that are secrets. Chips and empty matches are none."""
    for match in matches:
        text, group = match.string, match.re.groupindex.get(VALUE_GROUP, 0)
        start, end = match.start(group), match.end(group)
        value = text[start:end]
        if not value or CHIP.fullmatch(value):
            continue
        if pattern.is_secret is None or pattern.is_secret(value, text[end : end + pattern.following]):
            yield Span(start, end, pattern.name)


def joined(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order, those that overlap as one under the name of the first: no end of a secret sticks out."""
    result: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if result and span.start < result[-1].end:
            result[-1] = result[-1]._replace(end=max(result[-1].end, span.end))
        else:
            result.append(span)
    return result


def find_again(values: Mapping[str, str], text: str) -> list[Span]:
    """Return where values stand in a text, as secrets of the names that they are given with."""
    here = [value for value in values if value in text]
    return joined(Span(start, start + len(value), values[value]) for value in here for start in _places(value, text))


def _places(value: str, text: str) -> Iterator[int]:
    start = text.find(value)
    while start >= 0:
        yield start
        start = text.find(value, start + len(value))


class Seen(NamedTuple):
    """What there is in a text that patterns are told by."""

    hints: Sequence[str]
    by_glance: Sequence[tuple[int, re.Pattern[str] | None]]


class _Places:
    """Where the matches of patterns may begin."""

    def __init__(self, patterns: Sequence[SecretPattern]) -> None:
        self._patterns = patterns
        #: Of each hint the patterns, by their number, whose matches it may stand in.
        self._by_hint: dict[str, list[int]] = {}
        for index, pattern in enumerate(patterns):
            for hint in pattern.hints:
                self._by_hint.setdefault(hint, []).append(index)
        self._hints = Hints(self._by_hint)
        self._by_glance = [
            (index, re.compile(pattern.glance) if pattern.glance else None)
            for index, pattern in enumerate(patterns)
            if not pattern.hints
        ]

    def seen_in(self, lowered: str) -> Seen:
        """Return what of all hints and glances there is in a text."""
        by_glance = [(index, glance) for index, glance in self._by_glance if glance is None or glance.search(lowered)]
        return Seen(self._hints.within(lowered), by_glance)

    def starts(self, lowered: str, seen: Seen | None = None) -> Iterator[tuple[int, Sequence[int] | None]]:
        """Yield which patterns may match in a text, and where, ascending; None where they may anywhere.

        What there may be in it was `seen`, if that is known already.
        """
        found: dict[int, list[str]] = {}
        for hint in self._hints.within(lowered) if seen is None else seen.hints:
            for index in self._by_hint[hint]:
                found.setdefault(index, []).append(hint)
        for index, hints in found.items():
            starts = _starts(lowered, hints, self._patterns[index])
            if starts:
                yield index, starts
        for index, glance in self._by_glance if seen is None else seen.by_glance:
            if glance is None:
                yield index, None
            elif starts := _glanced(lowered, glance, self._patterns[index].reach):
                yield index, starts


class Hints:
    """Plain texts that are looked for at once.

    To look for each takes 0.5 µs in 1 KB. Those that have a rare character are looked for together, around its places
    alone; what holds another one is looked for where that stands.
    """

    def __init__(self, hints: Iterable[str]) -> None:
        self._ranks = {hint: rank for rank, hint in enumerate(hints)}
        groups: dict[str, list[str]] = {}
        for hint in self._ranks:
            rare = next((character for character in (*_RARE, *_SHARED) if character in hint), None)
            groups.setdefault(rare or _part_of(hint, self._ranks), []).append(hint)
        self._groups = [
            (_around(rare, hints) if rare in _RARE else None, rare, hints) for rare, hints in groups.items()
        ]

    def within(self, lowered: str) -> list[str]:
        """Return those that stand in a text, in the order in which they were given."""
        found: list[str] = []
        for around, part, hints in self._groups:
            if part in lowered if around is None else around.search(lowered):
                found += [hint for hint in hints if hint in lowered]
        return sorted(found, key=self._ranks.__getitem__)


def _part_of(hint: str, others: Iterable[str]) -> str:
    """Return the shortest of the others that stands in a hint, which may be the hint itself."""
    return min((other for other in others if other in hint), key=len)


def _around(rare: str, hints: Sequence[str]) -> re.Pattern[str]:
    """Return what finds a place of a character where one of the hints stands; `re` leaps from one place to the next."""
    choices = []
    for hint in hints:
        before, _, after = hint.partition(rare)
        choices.append((f"(?<={re.escape(before + rare)})" if before else "") + re.escape(after))
    return re.compile(f"{re.escape(rare)}(?:{'|'.join(choices)})")


def _starts(lowered: str, hints: Sequence[str], pattern: SecretPattern) -> Sequence[int]:
    starts: set[int] = set()
    for hint in hints:
        place = lowered.find(hint)
        while place >= 0:
            if not pattern.follows or _FOLLOWING[pattern.follows].search(lowered, place, place + FOLLOWS_WITHIN):
                starts.update(range(max(0, place - pattern.reach), place + 1))
            place = lowered.find(hint, place + 1)
    return sorted(starts)


def _glanced(lowered: str, glance: re.Pattern[str], reach: int) -> Sequence[int]:
    """Return where matches may begin that hold what a glance finds."""
    starts: set[int] = set()
    found = glance.search(lowered)
    while found is not None:
        starts.update(range(max(0, found.start() - reach), found.start() + 1))
        found = glance.search(lowered, found.start() + 1)
    return sorted(starts)


def _looked_for_together(patterns: Iterable[SecretPattern]) -> list[list[tuple[SecretPattern, re.Pattern[str]]]]:
    """Return patterns with their regexes, those in one list whose matches may begin at the same places."""
    groups: dict[tuple[object, ...], list[tuple[SecretPattern, re.Pattern[str]]]] = {}
    for pattern in patterns:
        places = (pattern.hints, pattern.reach, pattern.follows, pattern.glance)
        groups.setdefault(places, []).append((pattern, re.compile(pattern.regex, re.ASCII)))
    return list(groups.values())


def _matches(regex: re.Pattern[str], text: str, starts: Sequence[int] | None) -> Iterator[re.Match[str]]:
    """Yield what `finditer` yields, by looking only where a match may begin."""
    if starts is None:
        yield from regex.finditer(text)
        return
    end = 0
    for start in starts:
        match = regex.match(text, start) if start >= end else None
        if match is not None:
            yield match
            end = match.end()


#: Characters that hints have and most texts have few of, the rarest in English and in JSON first.
_RARE: Final = "zqj-_.kvbg"
#: What several other hints have in common; it is looked for as one of them would be.
_SHARED: Final = ("pass", "dap", "//", "sn")
#: What JSON text in lower case must hold if anything is to be taken from it.
_TRACED: Final = (
    *(
        pattern._replace(hints=(pattern.trace,)) if pattern.trace.isalnum() else pattern  # its trace is plain text
        for pattern in SECRET_PATTERNS
        if pattern.trace != FIELD_TRACE
    ),
    SecretPattern("field", "", FIELD_HINTS, FIELD_TRACE, follows=':=">'),
)
_TRACES: Final = tuple(re.compile(pattern.trace or "|".join(map(re.escape, pattern.hints))) for pattern in _TRACED)
_SEARCHED: Final = (re.compile(ESCAPE_TRACE), re.compile(POWER_TRACE))
_FOLLOWING: Final = {
    follows: re.compile(f"[{follows}]")
    for follows in (pattern.follows for pattern in (*SECRET_PATTERNS, *_TRACED))
    if follows
}
_TRACE_PLACES: Final = _Places([pattern._replace(reach=max(pattern.reach, FIELD_REACH)) for pattern in _TRACED])
