"""The server's redaction: RE2, with a user's own patterns and fields beside the built-in ones of the SDK."""

from collections.abc import Iterable, Mapping

from titan.model.errors import InvalidInput
from titan_sdk.redaction import RedactedText, Redactor, Taken
from titan_sdk.redaction.finding import EXPECTED, MARKER, LinearFinder, problems_in

__all__ = ["MARKER", "RedactedText", "Redactor", "Taken", "check_patterns", "make_redactor"]


def make_redactor(*, key: bytes, patterns: Mapping[str, str] | None = None, fields: Iterable[str] = ()) -> Redactor:
    """Return a redactor with the built-in patterns and field rules, and with a user's own ones.

    Args:
        key: of the fingerprints, 16 bytes or more.
        patterns: a user's regexes by name; their group `value` is the secret, without one the whole match is.
        fields: names of further fields whose whole value goes.

    Raises:
        InvalidInput: a pattern may not be used; the message names it.
    """
    own = patterns or {}
    check_patterns(own)
    return Redactor(LinearFinder(own), key=key, fields=fields)


def check_patterns(patterns: Mapping[str, object]) -> None:
    """Accept a user's patterns that RE2 can run.

    Raises:
        InvalidInput: one cannot be used, or they are over a hundred; the message names it and says why.
    """
    for name, problem in problems_in(patterns).items():
        raise InvalidInput(
            f"redaction pattern {name[:60]!r}",
            expected=EXPECTED,
            found=problem,
            next_step="Correct the pattern or leave it out; nothing was changed.",
        )
