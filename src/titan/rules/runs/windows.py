"""Parse the time window of a list of runs: 90m, 24h, 7d, 2w, or all."""

import re
from datetime import timedelta
from typing import Final

ALL_TIME: Final = "all"
WINDOWS_ARE: Final = "a number and m, h, d or w, as 90m, 24h, 7d or 2w; or all"

_UNITS: Final = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_SPAN: Final = re.compile(r"([1-9][0-9]{0,4})([mhdw])", re.ASCII)  # of weeks, 1,916 years: dates hold that


def is_window(text: str) -> bool:
    """Return whether a text is a window."""
    return text == ALL_TIME or _SPAN.fullmatch(text) is not None


def span_of(window: str) -> timedelta | None:
    """Return how long a window is; None for all time, and for what is no window."""
    span = _SPAN.fullmatch(window)
    return None if span is None else int(span[1]) * _UNITS[span[2]]
