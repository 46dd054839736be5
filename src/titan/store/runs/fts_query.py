"""What people type into a search field, as a question to the index of words."""

import re
from typing import Final

_WORD: Final = re.compile(r"\w+")
MAX_WORDS: Final = 32

#: Hiragana, Katakana and Chinese characters are written without gaps: so each is a word, and several are a phrase.
_UNSPACED: Final = re.compile(
    "[\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)


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


def apart(text: str) -> str:
    """Return a text in which each sign that is a word by itself stands alone; for the index and for questions to it."""
    return _UNSPACED.sub(r" \g<0> ", text)
