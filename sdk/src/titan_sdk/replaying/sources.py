"""Sources of non-determinism that a re-execution varies, and those of them that it pins to find the cause.

An execution that is compared with another one differs from it in everything that a program should not depend on: the
clock, ids, random numbers, the order of directory listings. A pinned source gives the same in each execution:

    clock          `time.time`, `time.time_ns`, `datetime.now`, …: starts at START and moves on 1 ms with each question
    uuid           `uuid.uuid1`, `uuid.uuid4`: from a generator with a fixed seed
    random         the `random` module, `secrets`, `os.urandom`: from generators with a fixed seed
    file_listing   `os.listdir`, `os.scandir`, and what uses them: sorted; else shuffled by the execution's seed
    environment    `os.getpid`, `os.getppid`, `socket.gethostname`, `tempfile`'s names: fixed words and numbers

The hash seed is pinned from outside, by PYTHONHASHSEED, and the order in which calls that run side by side are answered
by `titan_sdk.replaying.answers` too. To be installed before the program's first import: it may take functions by name.
"""

from __future__ import annotations

import copyreg
import datetime as datetimes
import os
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Any, Final

__all__ = ["PINS", "dates_by", "install"]

#: What can be pinned; in the order in which a cause is looked for: temporary names are made of random numbers.
PINS: Final = ("hash_seed", "clock", "uuid", "environment", "random", "task_order", "file_listing")
START: Final = 1_735_396_200.0  # seconds since 1970: 2024-12-28T14:30:00Z
STEP_SECONDS: Final = 0.001
_PROCESS: Final = 4711
_REAL: Final[dict[str, Any]] = {"datetime": datetimes.datetime, "date": datetimes.date}


def install(pinned: frozenset[str], *, seed: int) -> None:
    """Pin the sources named, and vary the listings of directories by `seed` where these are not.

    Raises:
        ValueError: a name is none of PINS.
    """
    if unknown := pinned - set(PINS):
        raise ValueError(f"pins: expected {', '.join(PINS)}; found {', '.join(sorted(unknown))}")
    if "clock" in pinned:
        _pin_clock()
    _make_uuids(random.Random(0).randbytes if "uuid" in pinned else os.urandom)
    if "random" in pinned:
        _pin_random()
    if "environment" in pinned:
        _pin_environment()
    if "task_order" in pinned:
        _keep_order()
    _order_listings(None if "file_listing" in pinned else random.Random(seed))


def _pin_clock() -> None:
    ticks = count()
    local_time, universal_time = time.localtime, time.gmtime

    def now() -> float:
        return START + next(ticks) * STEP_SECONDS

    datetimes.datetime, datetimes.date = dates_by(now)  # type: ignore[misc]
    time.time = now
    time.time_ns = lambda: int(now() * 1_000_000) * 1000
    time.localtime = lambda seconds=None: local_time(now() if seconds is None else seconds)
    time.gmtime = lambda seconds=None: universal_time(now() if seconds is None else seconds)


def dates_by(now: Callable[[], float]) -> tuple[Any, Any]:
    """Return what stands in for `datetime` and `date`, by whose clock it is `now()`, seconds since 1970."""
    for real in _REAL.values():  # by name, pickle would find the one that stands in and refuse
        copyreg.pickle(real, lambda value: (_restored, (type(value).__name__, value.__reduce__()[1])))
    return _pinned_datetime(now), _pinned_date(now)


def _pinned_datetime(now: Callable[[], float]) -> Any:
    real = _REAL["datetime"]

    class datetime(real, metaclass=_standing_in_for(real)):  # type: ignore[misc,valid-type,metaclass]  # noqa: N801
        def __new__(cls, *parts: Any, **named: Any) -> Any:
            return real(*parts, **named)  # so that what a program makes is of the type that it always is

        @classmethod
        def now(cls, tz: datetimes.tzinfo | None = None) -> Any:
            return real.fromtimestamp(now(), tz)

        @classmethod
        def utcnow(cls) -> Any:
            return real.fromtimestamp(now(), datetimes.UTC).replace(tzinfo=None)

        @classmethod
        def today(cls) -> Any:
            return real.fromtimestamp(now())

    datetime.__module__, datetime.__qualname__ = "datetime", "datetime"
    return datetime


def _pinned_date(now: Callable[[], float]) -> Any:
    real = _REAL["date"]

    class date(real, metaclass=_standing_in_for(real)):  # type: ignore[misc,valid-type,metaclass]  # noqa: N801
        def __new__(cls, *parts: Any, **named: Any) -> Any:
            return real(*parts, **named)

        @classmethod
        def today(cls) -> Any:
            return real.fromtimestamp(now())

    date.__module__, date.__qualname__ = "datetime", "date"
    return date


def _standing_in_for(real: Any) -> Any:
    """Return the type of a class of which all that is `real` is an instance."""

    class StandIn(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, real)

    return StandIn


def _restored(kind: str, state: tuple[Any, ...]) -> Any:
    return _REAL[kind](*state)


def _make_uuids(new_bytes: Callable[[int], bytes]) -> None:
    """Have new UUIDs made of `new_bytes` alone, whatever else is pinned."""
    import uuid

    uuid.uuid4 = lambda: uuid.UUID(bytes=new_bytes(16), version=4)
    uuid.uuid1 = lambda node=None, clock_seq=None: uuid.UUID(bytes=new_bytes(16), version=1)


def _pin_random() -> None:
    numbers = random.Random(0)
    os.urandom = lambda size, /: numbers.randbytes(size)

    class Pinned(random.Random):
        def __init__(self, seed: Any = None) -> None:
            super().__init__(0 if seed is None else seed)

        def seed(self, a: Any = None, version: int = 2) -> None:
            super().seed(0 if a is None else a, version)

    class PinnedSystemRandom(Pinned):
        pass

    random.seed(0)
    random.Random = Pinned  # type: ignore[misc,assignment]
    random.SystemRandom = PinnedSystemRandom  # type: ignore[misc,assignment]
    real_seed = random.seed
    random.seed = lambda a=None, version=2: real_seed(0 if a is None else a, version)
    if "secrets" in sys.modules:
        del sys.modules["secrets"]  # what it took of `random` was the system's


def _pin_environment() -> None:
    import socket
    import tempfile

    os.getpid = lambda: _PROCESS
    os.getppid = lambda: 1
    socket.gethostname = lambda: "host"
    names = (f"pinned{number}" for number in count())

    class Names:
        def __iter__(self) -> Iterator[str]:
            return self

        def __next__(self) -> str:
            return next(names)

    tempfile._get_candidate_names = Names  # type: ignore[attr-defined]


def _keep_order() -> None:
    """Have finished futures come in the order in which they were asked for, not in that of their addresses."""
    from concurrent import futures

    def as_completed(fs: Iterable[futures.Future[Any]], timeout: float | None = None) -> Iterator[futures.Future[Any]]:
        asked = list(fs)
        for future in asked:
            futures.wait([future], timeout)
            yield future

    futures.as_completed = as_completed  # type: ignore[assignment]


def _order_listings(numbers: random.Random | None) -> None:
    """Have directories listed in one order, or in that of `numbers`."""
    listdir, scandir = os.listdir, os.scandir

    def ordered(found: list[Any], key: Callable[[Any], Any]) -> list[Any]:
        found.sort(key=key)
        if numbers is not None:
            numbers.shuffle(found)
        return found

    class Scanned:
        """The entries of a directory, as `os.scandir` gives them."""

        def __init__(self, path: Any) -> None:
            with scandir(path) as entries:
                self._entries = iter(ordered(list(entries), lambda entry: entry.name))

        def __iter__(self) -> Iterator[Any]:
            return self._entries

        def __next__(self) -> Any:
            return next(self._entries)

        def __enter__(self) -> Scanned:
            return self

        def __exit__(self, *_: object) -> None:
            self.close()

        def close(self) -> None:
            self._entries = iter(())

    os.listdir = lambda path=".": ordered(listdir(path), str)
    os.scandir = lambda path=".": Scanned(path)  # type: ignore[assignment]
