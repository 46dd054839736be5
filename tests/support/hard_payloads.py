"""Payloads that break careless software, as the JSON that clients send, and what each comes to when it is read back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

CARD, KEY, PASSWORD = "4111 1111 1111 1111", "AKIAIOSFODNN7EXAMPLE", "hunter2-hunter2"
LARGE_TEXT: Final = "word " * 300_000  # 1.5 MB
LEVELS: Final = 1000
MANY_KEYS: Final = {f"key{number}": number for number in range(10_000)}


@dataclass(frozen=True, slots=True, kw_only=True)
class HardPayload:
    """One payload."""

    text: bytes  #: as JSON, or nearly
    value: object  #: what it comes to in the end
    is_json: bool = True  #: by the letter; else it may be refused, in words


HARD: Final = {
    "large": HardPayload(text=json.dumps({"text": LARGE_TEXT}).encode(), value={"text": LARGE_TEXT}),
    "control": HardPayload(text=rb'{"text":"\u0000\u0001\u001b\u007f\ufffe"}', value={"text": "\0\1\x1b\x7f\ufffe"}),
    "nan": HardPayload(
        text=b'{"a":NaN,"b":[Infinity,-Infinity]}',
        value={"a": float("nan"), "b": [float("inf"), float("-inf")]},
        is_json=False,
    ),
    "numbers": HardPayload(
        text=b'{"whole":123456789012345678901234567890}', value={"whole": 123456789012345678901234567890}
    ),
    "half-pair": HardPayload(text=rb'{"text":"a\ud800b"}', value={"text": "a\ud800b"}, is_json=False),
    "secrets": HardPayload(
        text=json.dumps({"password": PASSWORD, "said": f"{CARD}, {KEY}"}).encode(),
        value={"password": "[redacted:password]", "said": "[redacted:card], [redacted:aws_key_id]"},
    ),
    "empty-text": HardPayload(text=b'""', value=""),
    "empty-object": HardPayload(text=b"{}", value={}),
    "empty-list": HardPayload(text=b"[]", value=[]),
    "many-keys": HardPayload(text=json.dumps(MANY_KEYS).encode(), value=MANY_KEYS),
}
DEEP: Final = b"[" * LEVELS + b"1" + b"]" * LEVELS
NOT_UTF8: Final = b'{"text":"caf\xe9 \xff"}'
