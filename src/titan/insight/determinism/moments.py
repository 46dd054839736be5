"""Moments that values name: texts of dates, numbers of seconds since 1970, ids that hold the time they were made at."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

from titan.insight.determinism.contents import Leaf

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
_HEX: Final = "[0-9a-fA-F]"
_ID: Final = re.compile(
    rf"(?<![\w-])(?:{_HEX}{{8}}-(?:{_HEX}{{4}}-){{3}}{_HEX}{{12}}|{_HEX}{{32}}|{_HEX}{{24}}|[0-7][0-9A-HJKMNP-TV-Z]{{25}}"
    r"|[0-9A-Za-z]{27})(?![\w-])"
)


def moments_in(leaf: Leaf) -> Iterator[tuple[str, datetime]]:
    """Yield (text, moment) of each time that a value names; one without a zone is taken as UTC."""
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
    """Yield (text, what it is, when it was made) of each id in a text whose form says that it was generated."""
    if isinstance(leaf.value, str):
        for match in _ID.finditer(leaf.text):
            known = _generated(match.group())
            if known is not None:
                yield match.group(), *known


def _generated(text: str) -> tuple[str, datetime | None] | None:
    """Return what an id is, and when it was made as far as it says; None of one that may be a digest or a word."""
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


#: Length → what an id of this length is, and the seconds since 1970 at which it was made.
_TIMED: Final[Mapping[int, tuple[str, Callable[[str], float]]]] = MappingProxyType(
    {
        24: ("ObjectId", lambda text: int(text[:8], 16)),
        26: ("ULID", lambda text: _number(text[:10], _CROCKFORD) / 1000),
        27: ("KSUID", lambda text: (_number(text, _BASE62) >> 128) + _KSUID_EPOCH),
    }
)
