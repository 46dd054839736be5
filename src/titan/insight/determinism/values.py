"""Detectors of single values: what a value's form, name and time say of where it came from.

False alarms cost more than misses: a date counts within a day of its action only, an id with a time in it alike; a long
text counts as random where nobody writes such a word; digests are functions of their content and never count.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log2
from typing import Final, TypeAlias

from titan.insight.determinism.contents import Leaf
from titan.insight.determinism.model import IssueKind, Recorded, Severity, Side
from titan.insight.determinism.moments import ids_in, moments_in

NEAR: Final = timedelta(days=1)  # what is further from its action is stored data, not the current time
LEAST_ENTROPY: Final = 3.5  # bits a character
LONGEST_SHOWN: Final = 80
_NOW_KEYS: Final = frozenset({"now", "current_time", "current_date", "current_timestamp", "today"})
_LOG_KEYS: Final = frozenset({"ts", "logged_at", "log_time", "log_ts", "recorded_at"})
_API_KEYS: Final = frozenset({"request_id", "trace_id", "correlation_id", "etag", "session_token"})
_PROCESS_KEYS: Final = frozenset({"pid", "ppid", "process_id", "hostname", "nodename"})
_PLACE_KEYS: Final = frozenset({"cwd", "workdir", "working_directory"})
_RANDOM_WORDS: Final = frozenset({"seed", "rand", "random", "nonce", "jitter"})
_TOKEN_WORDS: Final = frozenset({"token", "nonce", "salt", "session"})
_DIGEST_WORDS: Final = frozenset(
    {"sha", "md", "digest", "hash", "checksum", "fingerprint", "commit", "revision", "etag"}
)
_READ_WORDS: Final = frozenset({"get", "fetch", "list", "search", "query", "read", "find", "load", "lookup", "select"})
_ADDRESS: Final = re.compile(r" at 0x[0-9a-f]{6,}")
_TEMPORARY: Final = re.compile(r"/[\w./-]*/tmp[a-z0-9_]{8}\b|/tmp/tmp[a-z0-9_]{8}\b")
_SET_TEXT: Final = re.compile(r"\{'[^'{}:]*'(?:, '[^'{}:]*')+\}")
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{16,128}")
_HEX: Final = re.compile(r"[0-9a-f]+")
_CHANGES: Final = re.compile(r"[a-z]+|[A-Z]+|\d+|[_-]+")
_SHARE_OF_CHANGES: Final = 0.3  # of a token's letters that begin another kind of letter; identifiers have fewer
_DIGEST_LENGTHS: Final = frozenset({32, 40, 56, 64, 96, 128})  # hexadecimal: MD5, SHA-1, SHA-2


@dataclass(frozen=True, slots=True)
class Hit:
    """A value that may be another one in the next execution."""

    kind: IssueKind
    severity: Severity
    value: str
    description: str


Detector: TypeAlias = Callable[[Leaf, Side, Recorded], Iterator[Hit]]


def hits(leaf: Leaf, side: Side, recorded: Recorded) -> Sequence[Hit]:
    """Return what the first detector that finds something in a value finds."""
    for detector in DETECTORS:
        found = list(detector(leaf, side, recorded))
        if found:
            return found
    return ()


def shown(value: str) -> str:
    """Return a value for a sentence, cut where it is long."""
    return value if len(value) <= LONGEST_SHOWN else f"{value[:LONGEST_SHOWN]}…"


def _where(side: Side) -> str:
    return "Output" if side is Side.OUTPUTS else "Input"


def _api_values(leaf: Leaf, side: Side, recorded: Recorded) -> Iterator[Hit]:
    name = "_".join(leaf.words).removeprefix("x_")
    if name in _API_KEYS:
        what = f'{_where(side)} contains {leaf.key} ("{shown(leaf.text)}"), which a service generates for each request.'
        yield Hit(IssueKind.API_VALUE, Severity.MEDIUM, leaf.text, what)


def _environment(leaf: Leaf, side: Side, recorded: Recorded) -> Iterator[Hit]:
    name, text = "_".join(leaf.words), leaf.text
    if name in _PROCESS_KEYS or name in _PLACE_KEYS:
        what = f'{_where(side)} contains {leaf.key} ("{shown(text)}"), which depends on where the program runs.'
        yield Hit(IssueKind.ENVIRONMENT, Severity.MEDIUM, text, what)
    elif isinstance(leaf.value, str) and _ADDRESS.search(text):
        what = f'{_where(side)} contains a memory address ("{shown(text)}"), which differs in every process.'
        yield Hit(IssueKind.ENVIRONMENT, Severity.HIGH, text, what)
    elif isinstance(leaf.value, str):
        for path in _TEMPORARY.findall(text):
            what = f'{_where(side)} contains a temporary path ("{shown(path)}"), whose name is chosen at random.'
            yield Hit(IssueKind.ENVIRONMENT, Severity.MEDIUM, path, what)


def _timestamps(leaf: Leaf, side: Side, recorded: Recorded) -> Iterator[Hit]:
    name = "_".join(leaf.words)
    severity = Severity.LOW if name in _LOG_KEYS else Severity.HIGH
    near = [text for text, moment in moments_in(leaf) if _is_near(moment, recorded)]
    if not near and name in _NOW_KEYS:
        near = [leaf.text]
    for text in dict.fromkeys(near):
        what = f'{_where(side)} contains current timestamp ("{shown(text)}") which will differ on replay.'
        yield Hit(IssueKind.TIMESTAMP, severity, text, what)


def _is_near(moment: datetime, recorded: Recorded) -> bool:
    action = recorded.action
    return action.started_at - NEAR <= moment <= (action.ended_at or action.started_at) + NEAR


def _ids(leaf: Leaf, side: Side, recorded: Recorded) -> Iterator[Hit]:
    if not _DIGEST_WORDS.isdisjoint(leaf.words):
        return
    for text, what_it_is, made_at in ids_in(leaf):
        if made_at is None and _is_stored(side, recorded):
            continue
        if made_at is not None and not _is_near(made_at, recorded):
            continue
        if what_it_is == "UUID" and "-" not in text and leaf.text != text:
            continue  # 32 hexadecimal digits within a text may be anything
        what = f'{_where(side)} contains a generated {what_it_is} ("{text}"), which differs in every execution.'
        yield Hit(IssueKind.UUID, Severity.MEDIUM, text, what)


def _is_stored(side: Side, recorded: Recorded) -> bool:
    """Return whether an id names something that was there before: it came out of a call that reads."""
    return side is Side.OUTPUTS and not _READ_WORDS.isdisjoint(Leaf("", recorded.action.name, "").words)


def _random_values(leaf: Leaf, side: Side, recorded: Recorded) -> Iterator[Hit]:
    words = frozenset(leaf.words)
    is_named = not _RANDOM_WORDS.isdisjoint(words) and not isinstance(leaf.value, str)
    if is_named or (isinstance(leaf.value, str) and _is_random_token(leaf.text, words)):
        what = f'{_where(side)} contains a random value ("{shown(leaf.text)}"), drawn anew in every execution.'
        yield Hit(IssueKind.RANDOM, Severity.MEDIUM, leaf.text, what)


def _is_random_token(text: str, words: frozenset[str]) -> bool:
    if not _TOKEN.fullmatch(text) or words & _DIGEST_WORDS or _entropy(text) < _least_entropy(text):
        return False
    if _HEX.fullmatch(text):
        has_both = not text.isdigit() and not text.isalpha()
        return has_both and (len(text) not in _DIGEST_LENGTHS or bool(words & _TOKEN_WORDS))
    changes = _CHANGES.findall(text)
    numbers = sum(part.isdigit() for part in changes)
    has_both_cases = text.lower() != text and text.upper() != text
    return has_both_cases and numbers >= 2 and len(changes) >= _SHARE_OF_CHANGES * len(text)


def _entropy(text: str) -> float:
    counts = Counter(text).values()
    return -sum(count / len(text) * log2(count / len(text)) for count in counts)


def _least_entropy(text: str) -> float:
    """Return the least of random text in its alphabet: 16 hexadecimal digits have about 3."""
    return 2.75 if _HEX.fullmatch(text) else LEAST_ENTROPY


def _float_tails(leaf: Leaf, side: Side, recorded: Recorded) -> Iterator[Hit]:
    if isinstance(leaf.value, float) and 0 < abs(leaf.value) < 1e15:
        short = f"{leaf.value:.12g}"
        if len(repr(leaf.value)) - len(short) >= 5 and float(short) != leaf.value and "e" not in short:
            what = (
                f"{_where(side)} contains {leaf.text}: {short} with an error that changes with the order of operations."
            )
            yield Hit(IssueKind.FLOATING_POINT, Severity.LOW, leaf.text, what)


def _set_texts(leaf: Leaf, side: Side, recorded: Recorded) -> Iterator[Hit]:
    if isinstance(leaf.value, str):
        for text in _SET_TEXT.findall(leaf.text):
            what = (
                f"{_where(side)} contains a set as text ({shown(text)}), whose order changes with Python's hash seed."
            )
            yield Hit(IssueKind.ORDER, Severity.MEDIUM, text, what)


#: In this order: what a name says counts more than what a value looks like.
DETECTORS: Final[Sequence[Detector]] = (
    _api_values,
    _environment,
    _timestamps,
    _ids,
    _random_values,
    _float_tails,
    _set_texts,
)
