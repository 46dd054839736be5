"""Full-text search: index and query texts for SQLite's FTS5 and PostgreSQL's tsvector."""

import re
import unicodedata
from collections.abc import Callable
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

    Words in double quotes are a phrase.
    """
    parts, is_open = _parts(text, lambda words: f'"{apart(words)}"')
    return " ".join(parts) + (" *" if is_open else "") if parts else None


def _parts(text: str, phrase: Callable[[str], str]) -> tuple[list[str], bool]:
    """Return what a user typed as parts of a query, and whether the last word may go on.

    `phrase` makes a part of words in quotes, or of what is written together, such as look_up; "" of no words.
    """
    parts: list[str] = []
    is_open = False
    for place, piece in enumerate(text.split('"')):
        found = _WORD.findall(piece)
        if place % 2 and found:
            parts.append(phrase(" ".join(found)))
            is_open = False
        elif found:
            parts += map(phrase, found)
            is_open = piece.endswith(found[-1])
    return [part for part in parts if part][:MAX_WORDS], is_open


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
    """Return the text of a `tsquery`; see `match_of`."""
    parts, is_open = _parts(text, _phrase)
    if parts and is_open:
        parts[-1] = parts[-1][:-1] + ":*)"
    return " & ".join(parts) or None


def _phrase(text: str) -> str:
    words = _words(text)
    return "(" + " <-> ".join(f"'{word[:MAX_WORD]}'" for word in words) + ")" if words else ""


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text)
    return _PLAIN_WORD.findall(apart("".join(sign for sign in plain if not unicodedata.combining(sign)).lower()))
