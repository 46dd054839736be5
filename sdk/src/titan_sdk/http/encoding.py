"""Text and values as bytes on the wire: path segments, queries and JSON, all of it UTF-8."""

from __future__ import annotations

import json
import re

from titan_sdk.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    Scalar: TypeAlias = str | int | float | bool | None

_is_plain_segment = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9_.~-]*").fullmatch
_is_plain_value = re.compile(r"[A-Za-z0-9_.~:@/-]*").fullmatch  # RFC 3986, 3.4: as they are in a query
_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def quote(text: str) -> str:
    """Return `text` percent-encoded as one segment of a path.

    Raises:
        InvalidInput: it cannot be written as UTF-8.
    """
    return text if _is_plain_segment(text) else _percent_encoded(text)


def project_header(project: str | None) -> dict[str, str]:
    """Return the header by which a request says which project it is of; nothing for none."""
    name = (project or "").strip().encode("utf-8", "replace").decode()
    return {"X-Titan-Project": quote(name)} if name else {}


def query_string(query: Mapping[str, Scalar] | None) -> str:
    """Return "?name=value&…", without the names whose value is None; "" when nothing is left.

    Raises:
        InvalidInput: a value cannot be written as UTF-8.
    """
    if not query:
        return ""
    parts = [f"{name}={_query_value(value)}" for name, value in query.items() if value is not None]
    return f"?{'&'.join(parts)}" if parts else ""


def json_bytes(value: object, *, subject: str) -> bytes:
    """Return `value` as JSON.

    Raises:
        InvalidInput: it holds something that JSON cannot, such as NaN, a date or a lone surrogate.
    """
    try:
        return _to_json(value).encode()
    except (TypeError, ValueError, RecursionError) as cause:
        raise InvalidInput(
            subject=subject,
            expected="values that JSON can hold, and text in UTF-8",
            found=str(cause),
            next_step="Nothing was sent.",
        ) from cause


def _query_value(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return text if _is_plain_value(text) else _percent_encoded(text)


def _percent_encoded(text: str) -> str:
    from urllib.parse import quote as percent_encode  # 8 ms, and few names need it

    try:
        return percent_encode(text, safe="", errors="strict")
    except UnicodeEncodeError as cause:
        raise InvalidInput(
            subject=f"{text[:80]!r}",
            expected="text that can be written as UTF-8",
            found=cause.reason,
            next_step="Remove the lone surrogates. Nothing was sent.",
        ) from cause
