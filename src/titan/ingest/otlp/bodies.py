"""A request's body: which encoding it is in, and what it is without its compression."""

import zlib
from typing import Final

from titan.model.errors import InvalidInput, TooLarge

MAX_BODY_BYTES: Final = 64 * 1024 * 1024  # a batch of 512 spans, the SDKs' default, of 128 KB each
_ANY_WINDOW: Final = zlib.MAX_WBITS | 32  # gzip or zlib, whichever the first bytes say


def is_json(content_type: str | None) -> bool:
    """Return whether a body is OTLP/JSON; without a word it is protobuf, which every exporter can.

    Raises:
        InvalidInput: it is said to be something else.
    """
    media = (content_type or "application/x-protobuf").partition(";")[0].strip().lower()
    if media in ("application/json", "text/json"):
        return True
    if media in ("application/x-protobuf", "application/protobuf", "application/octet-stream"):
        return False
    raise InvalidInput(
        "OTLP request",
        expected="Content-Type application/x-protobuf or application/json",
        found=media[:100],
        next_step="Set the exporter's protocol to http/protobuf or http/json.",
    )


def decompressed(body: bytes, content_encoding: str | None, *, limit: int = MAX_BODY_BYTES) -> bytes:
    """Return a body as it was before its compression, at most `limit` bytes.

    Raises:
        InvalidInput: it is not compressed as it says, or in a way that is not known.
        TooLarge: it would come to more; no more than the limit was unpacked.
    """
    coding = (content_encoding or "identity").strip().lower()
    if coding in ("gzip", "deflate", "x-gzip"):
        body = _unpacked(body, limit)
    elif coding != "identity":
        raise InvalidInput(
            "OTLP request",
            expected="Content-Encoding gzip, deflate or none",
            found=coding[:100],
            next_step="Set the exporter's compression to gzip or none.",
        )
    if len(body) > limit:
        raise TooLarge(
            "OTLP request",
            expected=f"at most {limit} bytes",
            found="more",
            next_step="Make the exporter's batches smaller: OTEL_BSP_MAX_EXPORT_BATCH_SIZE.",
        )
    return body


def _unpacked(body: bytes, limit: int) -> bytes:
    """Return at most `limit + 1` bytes of what is packed in one or more members."""
    parts: list[bytes] = []
    room = limit + 1
    while body and room > 0:
        unpacker = zlib.decompressobj(_ANY_WINDOW)
        try:
            part = unpacker.decompress(body, room)
        except zlib.error as error:
            raise _not_packed(len(body), str(error)) from None
        if not unpacker.eof and len(part) < room:
            raise _not_packed(len(body), "its end is missing")
        parts.append(part)
        room -= len(part)
        body = unpacker.unused_data
    return b"".join(parts)


def _not_packed(size: int, problem: str) -> InvalidInput:
    return InvalidInput("OTLP request", expected="a body in gzip or zlib", found=f"{size} bytes: {problem}")
