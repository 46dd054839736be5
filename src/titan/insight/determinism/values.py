"""Detect non-deterministic values (times, ids, random values, addresses) by form, name and time.

False alarms cost more than misses: a date counts within a day of its action only, an id with a time in it alike; a long
text counts as random where nobody writes such a word; digests are functions of their content and never count.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from math import log2
from types import MappingProxyType
from typing import Any, Final, TypeAlias
from uuid import UUID

import msgspec

from titan.insight.determinism.model import IssueKind, Recorded, Severity, Side
from titan.model.actions import Payload

MOST_LEAVES: Final = 20_000  # of one payload; later ones are not analysed
LONGEST_TEXT: Final = 20_000  # characters of a value that are searched
_LISTS: Final = frozenset({"$tuple", "$set", "$frozenset"})
_SETS: Final = frozenset({"$set", "$frozenset"})
_SCALARS: Final = frozenset(
    {"$datetime", "$date", "$time", "$Decimal", "$UUID", "$float", "$int", "$str", "$complex"}
    | {"$Path", "$PosixPath", "$WindowsPath", "$PurePosixPath", "$PureWindowsPath"}
)
_INDEX: Final = re.compile(r"\[\d+\]")
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_JSON: Final = msgspec.json.Decoder()

Scalar: TypeAlias = str | int | float


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar value in a payload."""

    path: str  #: "$.items[0].id"
    key: str  #: the nearest name above it; empty at the top
    value: Scalar
    tag: str = ""  #: of the typed encoding: "$UUID", "$datetime", "$opaque"

    @property
    def text(self) -> str:
        """The value as a text."""
        return self.value[:LONGEST_TEXT] if isinstance(self.value, str) else repr(self.value)

    @property
    def pattern(self) -> str:
        """The path with every index as [*]."""
        return _INDEX.sub("[*]", self.path)

    @property
    def words(self) -> Sequence[str]:
        """The words of the key in lower case: `requestId` and `request_id` have the same."""
        return words_of(self.key)


@dataclass(frozen=True, slots=True)
class TextList:
    """A list, tuple or set of several texts."""

    path: str
    texts: tuple[str, ...]
    is_set: bool


@dataclass(slots=True)
class Contents:
    """The values of a payload."""

    leaves: list[Leaf] = field(default_factory=list)
    lists: list[TextList] = field(default_factory=list)
    is_whole: bool = True  #: False where it is too large or nested too deeply, or is not stored


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


def words_of(name: str) -> Sequence[str]:
    """Return the words of a name in snake, kebab or camel case, in lower case."""
    return [word.lower() for word in _WORD.findall(name)]


def contents_of(payload: Payload | None) -> Contents:
    """Return the values of a payload; none for a missing payload, a blob, or what is no JSON."""
    found = Contents()
    if payload is None or payload.blob is not None:
        found.is_whole = False
        return found
    try:
        for leaf in _walk(_JSON.decode(payload.whole), "$", "", found.lists):
            if len(found.leaves) >= MOST_LEAVES:
                found.is_whole = False
                break
            found.leaves.append(leaf)
    except (msgspec.DecodeError, RecursionError):  # the walk needs a few frames for each level
        found.is_whole = False
    return found


def _walk(value: Any, path: str, key: str, lists: list[TextList]) -> Iterator[Leaf]:
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, str | int | float):
        yield Leaf(path, key, value)
    elif isinstance(value, list):
        yield from _walk_list(value, path, key, lists, is_set=False)
    else:
        [tag] = value if len(value) == 1 else [""]
        if tag.startswith("$"):
            yield from _walk_tagged(tag, value[tag], path, key, lists)
        else:
            for name, member in value.items():
                yield from _walk(member, f"{path}.{name}", name, lists)


def _walk_list(items: list[object], path: str, key: str, lists: list[TextList], *, is_set: bool) -> Iterator[Leaf]:
    if len(items) > 1 and all(isinstance(item, str) for item in items):
        lists.append(TextList(path, tuple(map(str, items)), is_set))
    for index, item in enumerate(items):
        yield from _walk(item, f"{path}[{index}]", key, lists)


def _walk_tagged(tag: str, content: object, path: str, key: str, lists: list[TextList]) -> Iterator[Leaf]:
    if tag in _LISTS and isinstance(content, list):
        yield from _walk_list(content, path, key, lists, is_set=tag in _SETS)
    elif tag in _SCALARS and isinstance(content, str):
        yield Leaf(path, key, content, tag)
    elif tag == "$dict" and isinstance(content, list):
        for name, member in _pairs(content):
            yield from _walk(member, f"{path}.{name}", name, lists)
    elif tag in ("$object", "$opaque", "$exception") and isinstance(content, dict):
        state, shown = content.get("state", content.get("args")), content.get("repr")
        if isinstance(shown, str):
            yield Leaf(path, key, shown, tag)
        yield from _walk(state, path, key, lists)


def _pairs(content: list[object]) -> Iterator[tuple[str, object]]:
    for pair in content:
        if isinstance(pair, list) and len(pair) == 2:
            yield str(pair[0]), pair[1]


_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?")
_MAIL: Final = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d(?::\d\d)? ?(?:GMT|UTC|[+-]\d{4})"
)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_EPOCH: Final = re.compile(r"\d{10}(?:\.\d{1,9})?|\d{13}|\d{16}|\d{19}")
_UNITS: Final = ((10**18, 10**9), (10**15, 10**6), (10**12, 10**3), (10**9, 1))  # least number, units in a second
_1582: Final = datetime(1582, 10, 15, tzinfo=UTC)  # RFC 9562, section 5.1
_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_KSUID_EPOCH: Final = 1_400_000_000
_DIGIT: Final = "[0-9a-fA-F]"
_ID: Final = re.compile(
    rf"(?<![\w-])(?:{_DIGIT}{{8}}-(?:{_DIGIT}{{4}}-){{3}}{_DIGIT}{{12}}|{_DIGIT}{{32}}|{_DIGIT}{{24}}|[0-7][0-9A-HJKMNP-TV-Z]{{25}}"
    r"|[0-9A-Za-z]{27})(?![\w-])"
)


def moments_in(leaf: Leaf) -> Iterator[tuple[str, datetime]]:
    """Yield (text, time) for each time in a value; times without a zone are UTC."""
    text = leaf.text
    if not isinstance(leaf.value, str) or _EPOCH.fullmatch(text):
        moment = _epoch(text)
        if moment is not None:
            yield text, moment
    elif _DAY.fullmatch(text):
        yield from _readable([text], _day)
    else:
        yield from _readable(_ISO.findall(text), lambda found: datetime.fromisoformat(found.replace(",", ".")))
        yield from _readable(_MAIL.findall(text), parsedate_to_datetime)


def _readable(texts: list[str], read: Callable[[str], datetime]) -> Iterator[tuple[str, datetime]]:
    for text in texts:
        try:
            moment = read(text)
        except ValueError:  # the 31st of February
            continue
        yield text, moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _day(text: str) -> datetime:
    day = date.fromisoformat(text)
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def _epoch(text: str) -> datetime | None:
    if not _EPOCH.fullmatch(text):
        return None
    number = float(text)
    units = next(units for least, units in _UNITS if number >= least) if number >= 10**9 else 1
    return _at(number / units)


def _at(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError):
        return None


def ids_in(leaf: Leaf) -> Iterator[tuple[str, str, datetime | None]]:
    """Yield (text, kind, creation time) for each generated id in a text."""
    if isinstance(leaf.value, str):
        for match in _ID.finditer(leaf.text):
            known = _generated(match.group())
            if known is not None:
                yield match.group(), *known


def _generated(text: str) -> tuple[str, datetime | None] | None:
    """Return an id's kind and creation time, if it has one; None for what may be a digest or a word."""
    if len(text) in _TIMED:
        name, made_at = _TIMED[len(text)]
        moment = _at(made_at(text))
        return None if moment is None else (name, moment)
    found = UUID(text)
    if found.version == 7:
        return "UUID", _at((found.int >> 80) / 1000)
    if found.version == 1:
        return "UUID", _1582 + timedelta(microseconds=found.time // 10)
    return ("UUID", None) if found.version == 4 else None


def _number(text: str, alphabet: str) -> int:
    number = 0
    for letter in text:
        number = number * len(alphabet) + alphabet.index(letter)
    return number


#: Length of an id → its kind, and its creation time in seconds since 1970.
_TIMED: Final[Mapping[int, tuple[str, Callable[[str], float]]]] = MappingProxyType(
    {
        24: ("ObjectId", lambda text: int(text[:8], 16)),
        26: ("ULID", lambda text: _number(text[:10], _CROCKFORD) / 1000),
        27: ("KSUID", lambda text: (_number(text, _BASE62) >> 128) + _KSUID_EPOCH),
    }
)


NEAR: Final = timedelta(days=1)  # a time further from its action is stored data, not the current time
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
    """A value that may differ in the next execution."""

    kind: IssueKind
    severity: Severity
    value: str
    description: str


Detector: TypeAlias = Callable[[Leaf, Side, Recorded], Iterator[Hit]]


def hits(leaf: Leaf, side: Side, recorded: Recorded) -> Sequence[Hit]:
    """Return the findings of the first detector that has any."""
    for detector in DETECTORS:
        found = list(detector(leaf, side, recorded))
        if found:
            return found
    return ()


def shown(value: str) -> str:
    """Return a value for a message, cut where it is long."""
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
    """Return whether an id names a stored object: it is the output of a call that reads."""
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
    """Return the least entropy of random text in its alphabet: 16 hexadecimal digits have about 3."""
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


#: In this order: names are stronger evidence than the form of values.
DETECTORS: Final[Sequence[Detector]] = (
    _api_values,
    _environment,
    _timestamps,
    _ids,
    _random_values,
    _float_tails,
    _set_texts,
)
