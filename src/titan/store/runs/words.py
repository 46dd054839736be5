"""Full-text search: index and query texts for SQLite's FTS5 and PostgreSQL's tsvector."""

import re
import unicodedata
from typing import Final

_WORD: Final = re.compile(r"\w+")
MAX_WORDS: Final = 32

#: Hiragana, Katakana and Chinese characters are written without gaps: so each is a word, and several are a phrase.
_UNSPACED: Final = re.compile(
    "[\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)


def match_of(text: str) -> str | None:
    """Return an FTS5 query that requires all words of `text`, the last as a prefix; None when it has no word.

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


def apart(text: str) -> str:
    """Return a text in which each sign that is a word by itself stands alone; for the index and for questions to it."""
    return _UNSPACED.sub(r" \g<0> ", text)


# --- PostgreSQL ---
#
# Its parser takes "src/main.py" for the path of a file and "-5" for a number; a word here is what it is in FTS5's
# index: letters and digits, without accents and in small letters.

_PLAIN_WORD: Final = re.compile(r"[^\W_]+")
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
    return [run for run in re.findall(r"\w+", piece) if _PLAIN_WORD.search(run)]


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text)
    return _PLAIN_WORD.findall(apart("".join(sign for sign in plain if not unicodedata.combining(sign)).lower()))
