"""The words that a JSON text is found by, and what people type into a search field as a question to their index."""

import re
from typing import Any, Final

import msgspec

MAX_CHARACTERS: Final = 64 * 1024  # of one text; what lies behind is not found
_READ: Final = ("\\u", "\\\\", "\\b", "\\f")  # escapes that are not simply gaps, or seldom come

#: Hiragana, Katakana and Chinese characters are written without gaps: so each is a word, and several are a phrase.
_UNSPACED: Final = re.compile(
    "[\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)


def apart(text: str) -> str:
    """Return a text in which each sign that is a word by itself stands alone; for the index and for questions to it."""
    return text if text.isascii() else _UNSPACED.sub(r" \g<0> ", text)


def words_of(text: str) -> str:
    """Return a text whose words are those of a JSON text, keys too.

    The index takes whatever is no letter or digit for a gap, so JSON needs no reading, but for its escapes: `\\n` would
    put an n before the next word, and `\\u00e9` is a letter. An escaped backslash may stand before an n that is one.
    """
    if "\\" in text:
        is_plain = not any(escape in text for escape in _READ)
        text = text.replace("\\n", " ").replace("\\t", " ").replace("\\r", " ") if is_plain else _read(text)
    return apart(text[:MAX_CHARACTERS])


def _read(text: str) -> str:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
    found: list[str] = []
    _gather(value, found)
    return " ".join(found)


def _gather(value: Any, found: list[str]) -> None:
    pending = [value]
    while pending:
        part = pending.pop()
        if isinstance(part, str):
            found.append(part)
        elif isinstance(part, dict):
            found.extend(part)
            pending.extend(reversed(part.values()))
        elif isinstance(part, list):
            pending.extend(reversed(part))
        elif part is not None:
            found.append(str(part))


# --- questions ---

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
