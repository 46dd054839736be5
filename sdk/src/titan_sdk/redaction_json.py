"""JSON texts as the redactor reads them, and writes those anew in which something was taken."""

from __future__ import annotations

import json
import re
from typing import Final, NamedTuple


class Decoded(NamedTuple):
    """What stands in a JSON text."""

    value: object
    has_equal_keys: bool  #: in one object: all but the last are hidden from who reads the value


def looks_like_json(text: str) -> bool:
    """Return whether a text may be a JSON object, list or text."""
    stripped = text.strip(" \t\r\n") if text[:1] in " \t\r\n" or text[-1:] in " \t\r\n" else text
    return stripped[:1] + stripped[-1:] in ("{}", "[]", '""')


def looks_like_number(text: str) -> bool:
    """Return whether a text is a JSON number from 0 up, and nothing else."""
    return _NUMBER.fullmatch(text) is not None


def decode_json(text: str) -> Decoded:
    """Return what stands in a JSON text.

    Raises:
        ValueError, RecursionError: it is no JSON, or too deep.
    """
    has_equal_keys = False

    def read_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal has_equal_keys
        found = dict(pairs)
        has_equal_keys = has_equal_keys or len(found) < len(pairs)
        return found

    return Decoded(json.loads(text, object_pairs_hook=read_object), has_equal_keys)


def encode_json(value: object, *, like: str) -> str:
    """Return JSON text; characters beyond ASCII escaped if `like` does so, or where UTF-8 could not say them."""
    text = json.dumps(value, ensure_ascii=like.isascii(), separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair
        return json.dumps(value, separators=(",", ":"))
    return text


_NUMBER: Final = re.compile(r"[ \t\r\n]*[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?[ \t\r\n]*")
