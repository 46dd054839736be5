"""Pin or vary sources of non-determinism (clock, ids, random numbers, listings) to find the cause of a difference.

Two executions differ in everything that a program should not depend on. A pinned source gives the same values in each:

    clock          `time.time`, `time.time_ns`, `datetime.now`, …: starts at START and moves on 1 ms with each question
    uuid           `uuid.uuid1`, `uuid.uuid4`: from a generator with a fixed seed
    random         the `random` module, `secrets`, `os.urandom`: from generators with a fixed seed
    file_listing   `os.listdir`, `os.scandir`, and what uses them: sorted; else shuffled by the execution's seed
    environment    `os.getpid`, `os.getppid`, `socket.gethostname`, `tempfile`'s names: fixed words and numbers

The hash seed is pinned from outside, by PYTHONHASHSEED; the order of answers to concurrent calls by
`titan_sdk.replaying.answers`. Install before the program's first import: the program may import functions by name.
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

#: The sources, in the order in which a cause is looked for: temporary names are made of random numbers.
PINS: Final = ("hash_seed", "clock", "uuid", "environment", "random", "task_order", "file_listing")
START: Final = 1_735_396_200.0  # seconds since 1970: 2024-12-28T14:30:00Z
STEP_SECONDS: Final = 0.001
_PROCESS: Final = 4711
_REAL: Final[dict[str, Any]] = {"datetime": datetimes.datetime, "date": datetimes.date}


def install(pinned: frozenset[str], *, seed: int) -> None:
    """Pin the named sources, and vary directory listings by `seed` if they are not pinned.

    Raises:
        ValueError: a name is not in PINS.
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
    """Return replacements of `datetime` and `date` whose clock is `now()`, in seconds since 1970."""
    for real in _REAL.values():  # by name, pickle would find the replacement and refuse
        copyreg.pickle(real, lambda value: (_restored, (type(value).__name__, value.__reduce__()[1])))
    return _pinned_datetime(now), _pinned_date(now)


def _pinned_datetime(now: Callable[[], float]) -> Any:
    real = _REAL["datetime"]

    class datetime(real, metaclass=_standing_in_for(real)):  # type: ignore[misc,valid-type,metaclass]  # noqa: N801
        def __new__(cls, *parts: Any, **named: Any) -> Any:
            return real(*parts, **named)  # so that a program's values keep their type

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
    """Return a metaclass whose classes have all instances of `real`."""

    class StandIn(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, real)

    return StandIn


def _restored(kind: str, state: tuple[Any, ...]) -> Any:
    return _REAL[kind](*state)


def _make_uuids(new_bytes: Callable[[int], bytes]) -> None:
    """Make new UUIDs from `new_bytes` only, whatever else is pinned."""
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
        del sys.modules["secrets"]  # it holds the system's generator


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
    """Yield finished futures in the given order, not by their addresses."""
    from concurrent import futures

    def as_completed(fs: Iterable[futures.Future[Any]], timeout: float | None = None) -> Iterator[futures.Future[Any]]:
        asked = list(fs)
        for future in asked:
            futures.wait([future], timeout)
            yield future

    futures.as_completed = as_completed  # type: ignore[assignment]


def _order_listings(numbers: random.Random | None) -> None:
    """List directories in a fixed order, or shuffled by `numbers`."""
    listdir, scandir = os.listdir, os.scandir

    def ordered(found: list[Any], key: Callable[[Any], Any]) -> list[Any]:
        found.sort(key=key)
        if numbers is not None:
            numbers.shuffle(found)
        return found

    class Scanned:
        """The entries of a directory, like the result of `os.scandir`."""

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
