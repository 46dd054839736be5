"""Check arguments of the recording API, and print problems that appear at run time, once each, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_SAID = 100
_said: set[str] = set()


def check_choice(name: str, given: str | None, choices: Sequence[str]) -> None:
    """Check that a word is one that the server knows.

    Raises:
        ValueError: it is none of `choices`.
    """
    if given is not None and given not in choices:
        raise ValueError(f"{name}={given!r}: expected one of {', '.join(map(repr, choices))}")


def check_tags(tags: object) -> None:
    """Check that tags are not one text: its letters would become the tags.

    Raises:
        TypeError: it is a text.
    """
    if isinstance(tags, str | bytes):
        raise TypeError(f"tags={tags!r}: expected a list of words, as [{tags!r}]")


def names_in(argument: str, found: object) -> tuple[str, ...]:
    """Return a list of names as a tuple. One text is refused: its letters would become the names.

    Raises:
        TypeError: it is a text, or an item is not a text.
    """
    if isinstance(found, str | bytes) or not isinstance(found, Iterable):
        raise TypeError(f"{argument}={found!r}: expected a list of names, as [{found!r}]")
    names = tuple(found)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{argument}: expected names as text; found {name!r:.100}")
    return names


def check_patterns(found: object) -> None:
    """Check a program's own redaction patterns.

    Raises:
        TypeError: it is not a mapping of names.
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
    """Check that `@action` decorates a function: a recorded class would no longer be one, and a property has no calls.

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
    """Print a line on stderr, unless the same text, or a text about the same, was printed before."""
    key = about or text
    if key not in _said and len(_said) < _MOST_SAID:
        _said.add(key)
        to_stderr(text)


def to_stderr(text: str) -> None:
    """Print a line on stderr, if there is one to write to."""
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError, RuntimeError):  # closed, or in use by code that a signal interrupted
        return
