"""Check texts and times before they are stored."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from titan.model.errors import InvalidInput

EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(9999, 1, 1, tzinfo=UTC)  # a later one may have no equivalent in UTC
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME_OF: Final = {"start_date": "00:00:00", "end_date": "23:59:59.999999"}
MAX_LINE_CHARACTERS = 255  # of host and version of a worker: the longest host name, RFC 1035


def with_whole_days(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the fields of a query, with a bare day in `start_date` or `end_date` completed by a time."""
    return {
        name: f"{text}T{_TIME_OF[name]}Z" if name in _TIME_OF and _DAY.fullmatch(text) else text
        for name, text in fields.items()
    }


def check_text(subject: str, text: str, *, limit_characters: int | None = None) -> str:
    """Check that every database can store a text, and return it.

    Raises:
        InvalidInput: it holds a NUL, which PostgreSQL cannot store, or more than `limit_characters`.
    """
    if "\0" in text:
        raise InvalidInput(
            subject,
            expected="text without NUL characters (U+0000)",
            found=f"one at position {text.index(chr(0))}",
            next_step="Encode binary content, as base64 for example, or publish it as an artifact.",
        )
    if limit_characters is not None and len(text) > limit_characters:
        raise InvalidInput(
            subject, expected=f"at most {limit_characters} characters", found=f"{len(text)}", next_step="Shorten it."
        )
    return text


def check_moment(subject: str, moment: datetime) -> datetime:
    """Check that every database can store a time, and return it.

    Raises:
        InvalidInput: it is not between 1970 and 9999.
    """
    if EARLIEST <= moment <= LATEST:
        return moment
    raise InvalidInput(
        subject, expected="a moment between 1970 and 9999", found=str(moment), next_step="Set the worker's clock."
    )
