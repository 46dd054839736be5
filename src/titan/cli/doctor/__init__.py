"""What a check of `titan doctor` returns, and the loop that runs all checks."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from titan.model.errors import TitanError


class Level(StrEnum):
    """The severity of a finding."""

    OK = "ok"  #: as it should be
    WARN = "warn"  #: works, but will not for long, or not for all
    FAIL = "fail"  #: does not work


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of `titan doctor`."""

    check: str  #: what was looked at, in a word or two
    level: Level
    text: str
    next_step: str = ""  #: empty when there is nothing to do


Check: TypeAlias = Callable[[], Iterable[Finding]]


def ok(check: str, text: str) -> Finding:
    """Return a finding without a problem."""
    return Finding(check=check, level=Level.OK, text=text)


def warn(check: str, text: str, next_step: str) -> Finding:
    """Return a finding that will become a problem."""
    return Finding(check=check, level=Level.WARN, text=text, next_step=next_step)


def fail(check: str, text: str, next_step: str) -> Finding:
    """Return a finding of something that does not work."""
    return Finding(check=check, level=Level.FAIL, text=text, next_step=next_step)


def findings_of(checks: Iterable[tuple[str, Check]]) -> Iterator[Finding]:
    """Yield the findings of all checks, in order; an error in a check is a finding, too."""
    for name, check in checks:
        try:
            yield from check()
        except TitanError as error:
            found = f"{error.subject}: expected {error.expected}; found {error.found}"
            yield fail(name, found, error.next_step)
        except OSError as error:
            yield fail(name, error.strerror or str(error), "Look at what the system says of it.")
