"""Keys of providers that do not stand by themselves: glued to a letter before them, or encoded as base64.

What stands so is taken only where it can be nothing else: `sk-proj-…` is also in "task-proj-…", so a mark within must
tell it, and what base64 decodes to must be a whole key.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from typing import Final

_MARK: Final = "T3BlbkFJ"  # "OpenAI" in base64, in the middle of each key that OpenAI has made since 2023
#: Of the keys that `_KEY` reads, by their first three characters: those are four in base64.
ENCODED: Final = "(?:c2st|Z2h[1hvwyz]|Z2l0|Z2xw|aGZf|eG94|QUtJ)[A-Za-z0-9+/_-]{22,}={0,2}"
ENCODED_HINTS: Final = ("c2st", "z2h1", "z2hh", "z2hv", "z2hw", "z2hy", "z2hz", "z2l0", "z2xw", "agzf", "eg94", "qutj")
_KEY: Final = re.compile(
    rb"sk-(?:proj|svcacct|admin|None|or-v1|lf|ant)-[A-Za-z0-9_-]{20,}|sk-[A-Za-z0-9]{32,}|gh[pousr]_[A-Za-z0-9]{36,}"
    rb"|github_pat_[A-Za-z0-9_]{40,}|glpat-[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{30,}|xox[abeoprs]-[A-Za-z0-9-]{10,}"
    rb"|AKIA[A-Z2-7]{16}"
)


def has_openais_mark(value: str, _following: str) -> bool:
    """Return whether a text that begins as a key is one of OpenAI."""
    return _MARK in value


def is_encoded_key(value: str, _following: str) -> bool:
    """Return whether base64 text is a whole key, but for blanks around it."""
    plain = value.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        decoded = urlsafe_b64decode(plain + "=" * (-len(plain) % 4))
    except ValueError:
        return False
    return _KEY.fullmatch(decoded.strip()) is not None
