"""What people type into a search field, as a question to the index of words."""

import re
from typing import Final

from titan.store.calls.words import apart

_WORD: Final = re.compile(r"\w+")
MAX_WORDS: Final = 32


def match_of(text: str) -> str | None:
    """Return an FTS5 expression that all words of `text` answer, the last as a beginning; None when it has no word.

    Words in double quotes stand one behind the other, as they were typed.
    """
    parts: list[str] = []
    is_open = False
    for place, piece in enumerate(text.split('"')):
        words = _WORD.findall(piece)
        if place % 2 and words:
            parts.append(f'"{apart(" ".join(words))}"')
            is_open = False
        elif words:
            parts.extend(f'"{apart(word)}"' for word in words)
            is_open = piece[-1:] == words[-1][-1:]
    if not parts:
        return None
    parts = parts[:MAX_WORDS]
    return " ".join(parts) + (" *" if is_open else "")


def part_pattern(text: str) -> str:
    """Return a LIKE pattern, with a backslash as its escape, for texts that hold `text`."""
    for special in "\\%_":
        text = text.replace(special, f"\\{special}")
    return f"%{text}%"
