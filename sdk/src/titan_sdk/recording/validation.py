"""Usual mistakes of programs: an error where they stand in the code, one line on stderr where they come at run time."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["check_choice", "check_function", "check_patterns", "check_tags", "names_in", "say_once", "to_stderr"]

_MOST_SAID = 100
_said: set[str] = set()


def check_choice(name: str, given: str | None, choices: Sequence[str]) -> None:
    """Refuse a word that the server does not know.

    Raises:
        ValueError: it is none of `choices`.
    """
    if given is not None and given not in choices:
        raise ValueError(f"{name}={given!r}: expected one of {', '.join(map(repr, choices))}")


def check_tags(tags: object) -> None:
    """Refuse one text where several are expected: its letters would become the tags.

    Raises:
        TypeError: it is a text.
    """
    if isinstance(tags, str | bytes):
        raise TypeError(f"tags={tags!r}: expected a list of words, as [{tags!r}]")


def names_in(argument: str, found: object) -> tuple[str, ...]:
    """Return several names. One text is refused: its letters would become the names.

    Raises:
        TypeError: it is a text, or holds what is none.
    """
    if isinstance(found, str | bytes) or not isinstance(found, Iterable):
        raise TypeError(f"{argument}={found!r}: expected a list of names, as [{found!r}]")
    names = tuple(found)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{argument}: expected names as text; found {name!r:.100}")
    return names


def check_patterns(found: object) -> None:
    """Refuse what are no regular expressions that may be used, by the name of the first.

    Raises:
        TypeError: there are no names.
        ValueError: one cannot be read, or RE2 is not installed; or there are over a hundred.
    """
    if not isinstance(found, Mapping):
        raise TypeError(
            f"patterns={found!r:.100}: expected a name for each regular expression, as {{'order': 'ORD-[0-9]{{8}}'}}"
        )
    if not found:
        return
    from titan_sdk.redaction.finding import EXPECTED, problems_in  # RE2, which few programs need

    for name, problem in problems_in(found).items():
        raise ValueError(f"patterns[{name!r:.100}]={found[name]!r:.200}: expected {EXPECTED}; found {problem}")


def check_function(found: object) -> None:
    """Refuse to record what is no function: a class would be one no longer, and a property has no calls.

    Raises:
        TypeError: it is a class, or cannot be called.
    """
    if isinstance(found, type):
        raise TypeError(
            f"@action over the class {found.__qualname__}: expected a function; put @action over the methods of the "
            "class, __init__ too, or over a function that makes it"
        )
    if hasattr(type(found), "__get__") and not callable(found):
        kind = type(found).__name__
        raise TypeError(f"@action over @{kind}: expected a function; put @action below @{kind}")
    if not callable(found):
        raise TypeError(f"action({found!r:.100}): expected a name as text, or a function")


def say_once(text: str, *, about: str | None = None) -> None:
    """Say something on stderr; the same again is not said, nor a second thing about the same."""
    key = about or text
    if key not in _said and len(_said) < _MOST_SAID:
        _said.add(key)
        to_stderr(text)


def to_stderr(text: str) -> None:
    """Write a line to stderr, if there is one to write to."""
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError, RuntimeError):  # closed, or written to by what a signal interrupted
        return
