"""The statement at which two executions of a program first went different ways, from their traces."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

RETURN: Final = "return"  #: the variable's name where a function gave back different values


class Change(msgspec.Struct, array_like=True, frozen=True):
    """What a variable was set to: a digest of the value, and the beginning of its text in the typed encoding."""

    digest: str
    shown: str


class Traced(msgspec.Struct, array_like=True, frozen=True):
    """A statement that ran; see `titan_sdk.replaying.tracing`."""

    file: str
    line: int
    function: str
    changed: dict[str, Change]


@dataclass(frozen=True, slots=True)
class Statement:
    """Where two executions differ first."""

    file: str
    line: int
    function: str
    variable: str | None  #: None: the same values, but another way was taken after it
    values: tuple[str | None, str | None]  #: as texts in the typed encoding; None where it was not set
    source: str | None = None  #: the line of code


def first_difference(one: Iterable[Traced], other: Iterable[Traced]) -> Statement | None:
    """Return the first statement that set a variable to different values, or after which another one ran.

    None where one trace is the other's beginning: they were stopped at different places.
    """
    last: Traced | None = None
    for a, b in zip(one, other, strict=False):
        if (a.file, a.line, a.function) != (b.file, b.line, b.function):
            return None if last is None else _statement(last, None, None, None)
        if a.changed != b.changed:
            for name in sorted(a.changed.keys() | b.changed.keys(), key=lambda name: (name == RETURN, name)):
                first, second = a.changed.get(name), b.changed.get(name)
                if (first and first.digest) != (second and second.digest):
                    return _statement(a, name, first, second)
        last = a
    return None


def read_trace(lines: Iterable[bytes]) -> Iterator[Traced]:
    """Return the statements of a trace's file. A last line that is cut off ends it: the program was killed."""
    decoder = msgspec.json.Decoder(Traced)
    for line in lines:
        try:
            yield decoder.decode(line)
        except msgspec.DecodeError:
            return


def _statement(at: Traced, variable: str | None, one: Change | None, other: Change | None) -> Statement:
    values = (None if one is None else one.shown), (None if other is None else other.shown)
    return Statement(file=at.file, line=at.line, function=at.function, variable=variable, values=values)
