"""Words as PostgreSQL keeps and finds them: both the index and the question are made here, not by its own parser.

Its parser takes "src/main.py" for the path of a file and "-5" for a number; a word here is what it is in SQLite's
index: letters and digits, without accents and in small letters.
"""

import re
import unicodedata
from typing import Final

from titan.store.calls.matching import MAX_WORDS, apart

_WORD: Final = re.compile(r"[^\W_]+")
MAX_POSITION: Final = 16_383  # https://www.postgresql.org/docs/current/textsearch-limitations.html
MAX_POSITIONS: Final = 255  # of one word
MAX_WORD: Final = 500  # characters; PostgreSQL takes 2 KB


def vector_of(text: str) -> str:
    """Return the text of a `tsvector`: each word with the places it stands at."""
    places: dict[str, list[int]] = {}
    for place, word in enumerate(_words(text), start=1):
        found = places.setdefault(word[:MAX_WORD], [])
        if len(found) < MAX_POSITIONS:
            found.append(min(place, MAX_POSITION))
    return " ".join(f"'{word}':{','.join(map(str, at))}" for word, at in places.items())


def query_of(text: str) -> str | None:
    """Return the text of a `tsquery` that all words of `text` answer, the last as a beginning; None without a word.

    Words in double quotes stand one behind the other, as they were typed.
    """
    parts: list[str] = []
    is_open = False
    for place, piece in enumerate(text.split('"')):
        words = _words(piece)
        if place % 2 and words:
            parts.append(_phrase(words))
            is_open = False
        elif words:
            # FTS5 takes what stands together, such as look_up, for a phrase.
            parts.extend(_phrase(_words(run)) for run in _runs(piece))
            is_open = piece[-1:].isalnum() or piece[-1:] == "_"
    if not parts:
        return None
    parts = parts[:MAX_WORDS]
    if is_open:
        parts[-1] = parts[-1][:-1] + ":*)"
    return " & ".join(parts)


def _phrase(words: list[str]) -> str:
    return "(" + " <-> ".join(f"'{word[:MAX_WORD]}'" for word in words) + ")"


def _runs(piece: str) -> list[str]:
    """Return what stands together, such as look_up: for FTS5 that is a phrase."""
    return [run for run in re.findall(r"\w+", piece) if _WORD.search(run)]


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text)
    return _WORD.findall(apart("".join(sign for sign in plain if not unicodedata.combining(sign)).lower()))
