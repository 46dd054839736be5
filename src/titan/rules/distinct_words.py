"""The distinct words of a large JSON text, by which it is found though its row does not hold it."""

import re
from typing import Final

MOST_READ: Final = 2 * 1024 * 1024  # characters; 1.5 MB of prose take some 0.1 s
MOST_KEPT: Final = 32 * 1024  # characters of words: what prose of 2 MB has; random text has no end of them
LONGEST: Final = 40  # characters; what is longer is data in base64, which nobody looks for by its words
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_WORD: Final = re.compile(r"\w+")


def distinct_words(json_text: str) -> str:
    """Return the words of a JSON text, keys too, each once in small letters, in the order in which they come."""
    plain = _ESCAPE.sub(_said, json_text[:MOST_READ])
    kept: list[str] = []
    room = MOST_KEPT
    for word in dict.fromkeys(_WORD.findall(plain.lower())):
        if len(word) <= LONGEST:
            room -= len(word) + 1
            if room < 0:
                break
            kept.append(word)
    return " ".join(kept)


def _said(escape: re.Match[str]) -> str:
    """Return the letter that an escape says; a gap where it says none, such as half of a surrogate pair."""
    letter = chr(int(escape[1], 16)) if escape[1] else " "
    return " " if "\ud800" <= letter <= "\udfff" else letter
