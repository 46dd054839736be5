"""Format times, ages, durations, sizes, money and foreign text."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from math import floor

#: Shown where there is nothing to show, so that a column never looks forgotten.
NOTHING = "-"
_MOST_USD = Decimal(9_223_372)  # as picodollars the most that 64 bits hold

_LEAST_MILLISECOND = 0.9995  # from here on three digits would make it 1,000 µs

_LISTED = 10  # more names than these are counted

#: A moment in a text of the server's: RFC 3339 in UTC.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")

_UNITS = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("m", timedelta(minutes=1)), ("s", timedelta(seconds=1)))


def plain(text: str) -> str:
    """Return foreign text as one printable line: control characters, ESC too, become escapes."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def age(at: datetime, *, now: datetime) -> str:
    """Return how long ago `at` was, in its largest unit: `now`, `42s`, `3m`, `5h`, `12d`."""
    elapsed = now - at
    for unit, length in _UNITS:
        if elapsed >= length:
            return f"{elapsed // length}{unit}"
    return "now"


def until(at: datetime | None, *, now: datetime) -> str:
    """Return how far a later moment is away, to the nearest of its largest unit: `in 42s`, `in 3m`, `in 30d`."""
    if at is None:
        return NOTHING
    ahead = at - now
    unit = next((length for _name, length in _UNITS if ahead >= length), timedelta(0))
    return f"in {age(now, now=at + unit / 2)}"


def with_local_times(text: str, *, now: datetime, zone: tzinfo | None = None) -> str:
    """Return a text of the server's with its timestamps in local time."""
    return _MOMENT.sub(lambda found: _clock(datetime.fromisoformat(found.group()), now=now, zone=zone), text)


def moment(at: datetime | None, *, now: datetime, zone: tzinfo | None = None) -> str:
    """Return the local clock time and the age: `14:03:07 (2m)`, on another day `12 Mar 14:03 (5d)`, ahead `(in 5d)`.

    `zone` None is this machine's own time zone.
    """
    if at is None:
        return NOTHING
    away = until(at, now=now) if at > now else age(at, now=now)
    return f"{_clock(at, now=now, zone=zone)} ({away})"


def _clock(at: datetime, *, now: datetime, zone: tzinfo | None) -> str:
    local, today = at.astimezone(zone), now.astimezone(zone)
    if local.date() == today.date():
        return f"{local:%H:%M:%S}"
    if local.year == today.year:
        return f"{local.day} {local:%b %H:%M}"
    return f"{local:%Y-%m-%d}"


def instant(at: datetime, *, now: datetime, zone: tzinfo | None = None) -> str:
    """Return the local clock time to the millisecond: `14:03:07.042`, on another day `2026-03-12 14:03:07.042`."""
    local = at.astimezone(zone)
    clock = f"{local:%H:%M:%S}.{local.microsecond // 1000:03}"
    return clock if local.date() == now.astimezone(zone).date() else f"{local:%Y-%m-%d} {clock}"


def duration(length: timedelta | None) -> str:
    """Return a length of time as `in_words`; NOTHING for None."""
    return NOTHING if length is None else in_words(length / timedelta(milliseconds=1))


def in_words(duration_ms: float) -> str:
    """Return a length of time, rounded to what is shown of it: `7.02 µs`, `2.4 ms`, `3.3 s`, `4 min 5 s`, `2 h 5 min`.

    The console writes it alike.
    """
    length = max(duration_ms, 0.0)
    if 0 < length < _LEAST_MILLISECOND:
        return f"{_three_digits(length * 1000)} µs"
    if _rounded(length) < 1000:
        return f"{_three_digits(length)} ms"
    tenths = _rounded(length / 100)
    if tenths < 600:
        return f"{tenths / 10:.1f} s"
    seconds = _rounded(length / 1000)
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    minutes = _rounded(length / 60_000)
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    hours = _rounded(length / 3_600_000)
    return f"{hours // 24} d {hours % 24} h"


def _rounded(amount: float) -> int:
    return floor(amount + 0.5)


def _three_digits(amount: float) -> str:
    """Return a number to three digits that count, without zeros behind them."""
    exact = Decimal(str(amount))
    places = max(0, 2 - exact.adjusted()) if exact else 0
    return f"{exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP).normalize():f}"


def size(size_bytes: int | None) -> str:
    """Return a number of bytes in the largest binary unit that keeps it at 1 or more: `3.4 MiB`."""
    if size_bytes is None:
        return NOTHING
    if size_bytes < 1024:
        return f"{size_bytes} B"
    amount = float(size_bytes)
    for unit in ("KiB", "MiB", "GiB"):
        amount /= 1024
        if amount < 1024:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1024:.1f} TiB"


def money(usd: Decimal | None) -> str:
    """Return US dollars: `$1,204.50`, `$0.016`, `$0.00312`, `$0`; below a cent the three digits that count.

    A sum that the server cannot hold comes to the most that it holds, and reads `too large`.
    """
    if usd is None:
        return NOTHING
    if usd >= _MOST_USD:
        return "too large"
    if not usd:
        return "$0"
    if usd >= Decimal("0.1"):
        return f"${usd.quantize(Decimal('0.01'), ROUND_HALF_UP):,}"
    places = 3 if usd >= Decimal("0.01") else 2 - usd.adjusted()
    digits = f"{usd.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):f}"
    return f"${digits[:4]}{digits[4:].rstrip('0')}"


def count(number: int, noun: str, nouns: str | None = None) -> str:
    """Return `1 job`, `2 jobs`, `1,200 jobs`; `nouns` where it is another than `noun` with an s."""
    return f"{number:,} {noun if number == 1 else nouns or f'{noun}s'}"


def listed(names: Sequence[str]) -> str:
    """Return the number of jobs, up to ten with their names: `2 jobs (a, b)`."""
    if len(names) > _LISTED:
        return count(len(names), "job")
    return f"{count(len(names), 'job')} ({', '.join(names)})"
