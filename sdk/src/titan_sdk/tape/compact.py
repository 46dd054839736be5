"""Compact JSON, written without what `json` does anew for each value that it writes."""

from __future__ import annotations

import json
from json import encoder
from typing import Any, Final

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["compact_json"]

_PLAIN: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"))


def _compact_writer() -> Callable[[Any], str]:
    """Return CPython's writer in C, made once: `JSONEncoder.encode` makes one for each value, which takes 2 µs.

    Where there is none, or it is made in another way, the encoder's own method serves.
    """
    make: Callable[..., Any] | None = getattr(encoder, "c_make_encoder", None)
    try:
        write = make and make(*(None, _PLAIN.default, encoder.encode_basestring, None, ":", ",", False, False, False))
    except TypeError:
        write = None
    if write is None:
        return _PLAIN.encode

    def compact_json(value: Any) -> str:
        return "".join(write(value, 0))

    return compact_json


#: Compact JSON of None, bool, int, str, and finite floats, and of lists and dicts of them.
#: Raises ValueError for NaN and infinities, TypeError for what JSON does not have.
compact_json: Final = _compact_writer()
