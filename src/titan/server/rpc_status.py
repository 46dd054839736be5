"""Refusals as exporters of OTLP want them: google.rpc.Status, in the encoding of the request.

https://opentelemetry.io/docs/specs/otlp/#failures-1
"""

from collections.abc import Mapping
from typing import Final

PROTOBUF: Final = "application/x-protobuf"
OTLP_PATHS: Final = frozenset({"/v1/traces", "/v1/logs", "/v1/metrics", "/api/public/otel/v1/traces"})

_UNKNOWN: Final = 2
#: HTTP's statuses → google.rpc.Code.
_CODES: Final[Mapping[int, int]] = {
    400: 3,  # INVALID_ARGUMENT
    401: 16,  # UNAUTHENTICATED
    403: 7,  # PERMISSION_DENIED
    404: 5,  # NOT_FOUND
    405: 12,  # UNIMPLEMENTED
    409: 10,  # ABORTED
    413: 3,
    500: 13,  # INTERNAL
    503: 14,  # UNAVAILABLE
    507: 8,  # RESOURCE_EXHAUSTED
}


#: What an exporter posts to whose endpoint lacks the signal's path.
_BASES: Final = frozenset({"/", "/v1", "/v1/"})


def is_for_telemetry(path: str) -> bool:
    """Return whether an exporter will have asked for a path, be it a wrong one such as `/v1/v1/traces`."""
    return path.rstrip("/").endswith(("/v1/traces", "/v1/logs", "/v1/metrics"))


def is_status_wanted(path: str, content_type: str | None) -> bool:
    """Return whether who asks is an exporter that said it speaks protobuf; to all others JSON says more."""
    speaks_protobuf = "protobuf" in (content_type or "").lower()
    return speaks_protobuf and (is_for_telemetry(path) or path in _BASES)


def status_fields(message: str, status_code: int) -> dict[str, object]:
    """Return a google.rpc.Status for JSON."""
    return {"code": _CODES.get(status_code, _UNKNOWN), "message": message}


def status_message(message: str, status_code: int) -> bytes:
    """Return a google.rpc.Status: its field 1 is the code, its field 2 the message."""
    text = message.encode("utf-8", "replace")
    return bytes([1 << 3, _CODES.get(status_code, _UNKNOWN), 2 << 3 | 2]) + _varint(len(text)) + text


def _varint(number: int) -> bytes:
    if number < 128:
        return bytes([number])
    return bytes([number & 127 | 128]) + _varint(number >> 7)
