"""What stands on a tape where a plain Python value cannot: instances, reprs, cuts, and the bounds that make cuts."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

__all__ = ["BOUNDS", "Bounds", "Cut", "CutReason", "Encoded", "Object", "Opaque", "Raised", "ReplayedError"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much of one value is recorded; what goes beyond is cut, and the text says so."""

    size_bytes: int = 4 * 2**20  # the largest payload the specification shows is 1.5 MB; as base64 it takes 2 MB
    #: containers and instances within each other
    depth: int = 100  # at most five JSON levels each: well below the 1,000 that Python and SQLite read
    #: values in all, leaves too
    nodes: int = 250_000  # so many floats with 17 digits fill size_bytes

    def __post_init__(self) -> None:
        if self.size_bytes < 4096 or self.depth < 1 or self.nodes < 1:
            raise ValueError(f"bounds must be at least 4096 bytes, 1 level and 1 node, not {self}")


BOUNDS: Final = Bounds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A value as text, and what the text does not hold."""

    #: JSON in UTF-8, never longer than the bound
    text: bytes
    #: places where something was left out
    cuts: int = 0
    #: places that hold a repr only
    opaques: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """An instance of a class that is not built in: what it was, and what it held.

    Decoding never calls a class that a text names, so this is what a dataclass, an enum's member, a pydantic
    model or a subclass of a built-in type comes back as. It encodes to the text it came from.
    """

    #: `module:Class`, or the bare name of a built-in class
    type_name: str
    #: fields by name; an enum's `name` and `value`; the plain value of a subclass of `str`, `list` …
    state: object

    def __hash__(self) -> int:
        return hash(self.type_name)  # the state may be a dict; an object may still be a member of a set


@dataclass(frozen=True, slots=True, kw_only=True)
class Opaque:
    """A value of which only its repr is known; it cannot be given back to code that needs it."""

    type_name: str
    #: without memory addresses, at most 2,000 characters
    text: str
    #: of a snapshot: tells two objects apart that look alike and stand in one set or dict; written nowhere
    which: int = field(default=0, repr=False)


class CutReason(StrEnum):
    """Why something was left out."""

    SIZE = "size"  #: the bound of bytes or of nodes was reached
    DEPTH = "depth"  #: the bound of depth was reached
    CYCLE = "cycle"  #: it is one of the containers that it stands in


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A value that was recorded in part or not at all."""

    type_name: str
    reason: CutReason
    #: how many a container held
    items: int | None = None
    #: how many bytes text (in UTF-8) or bytes had
    size_bytes: int | None = None
    #: of those bytes, in hex
    sha256: str | None = None
    #: the beginning, of the same type; None when nothing was kept
    head: object = None

    def __hash__(self) -> int:
        return hash((self.type_name, self.sha256))


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """An exception, with what is needed to raise it again."""

    type_name: str
    #: `str()` of it, without memory addresses that it took from a repr
    message: str
    #: what its class was called with, as `BaseException.args` keeps it; `Cut` where there was no room for them
    args: tuple[object, ...] | Cut
    #: attributes that were set on it; None when there were none
    state: object = None
    #: what it was raised `from`
    cause: object = None
    #: what was being handled when it was raised; None where there is a cause, or `from None`
    context: object = None


class ReplayedError(Exception):
    """A recorded exception whose class is not loaded here, or does not take what was recorded."""

    def __init__(self, raised: Raised) -> None:
        super().__init__(f"{raised.type_name}: {raised.message}")
        self.raised = raised
