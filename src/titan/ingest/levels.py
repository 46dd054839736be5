"""JSON that is nested deeper than Python reads, with what lies deep as text."""

import json
import re
from typing import Final

MOST_LEVELS: Final = 100  # of what Python cannot read at once: it ends at some 900, redaction looks 200 deep
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def shallow(text: str, *, levels: int = MOST_LEVELS) -> str:
    """Return JSON in which what stands below so many levels is a text that holds it: at 2 `[[[]]]` is `[["[]"]]`."""
    pieces: list[str] = []
    depth = end = start = 0
    for token in _TOKEN.finditer(text):
        if token[0] in ("[", "{"):
            depth += 1
            if depth == levels + 1:
                start = token.start()
        elif token[0] in ("]", "}"):
            if depth == levels + 1:
                pieces += [text[end:start], json.dumps(text[start : token.end()])]
                end = token.end()
            depth -= 1
    return "".join([*pieces, text[end:]])
