"""Whether and why a span failed: what its status, its `error.type` and its exceptions say of it."""

from typing import Final

from titan.ingest.otlp.attributes import Meaning
from titan.ingest.otlp.telemetry import Span, SpanEvent
from titan.ingest.values import Value
from titan.model.actions import Failure

EXCEPTION: Final = "exception"  #: the name of the event that an SDK's `record_exception` writes
_LONGEST_TYPE: Final = 500


def failure_of(span: Span, found: dict[Meaning, Value]) -> Failure | None:
    """Return why a span failed; None where it says that it did not.

    The last of its exceptions is why: one before it was a try's.
    """
    if not _has_failed(span, found):
        return None
    status = status_of(span, found)
    error_type = found.get("error_type")
    event = last_exception(span)
    if event is not None:
        said = event.attributes
        kind = str(said.get("exception.type") or error_type or "Error")
        stack = said.get("exception.stacktrace")
        return Failure(
            type=kind[:_LONGEST_TYPE],
            message=_message(status, kind, said.get("exception.message")),
            traceback=None if stack is None else str(stack),
        )
    kind, colon, rest = status.partition(": ")
    if not error_type and colon and kind.isidentifier():  # as Python SDKs write a status: "ValueError: nope"
        return Failure(type=kind[:_LONGEST_TYPE], message=rest)
    return Failure(type=str(error_type or "Error")[:_LONGEST_TYPE], message=status)


def status_of(span: Span, found: dict[Meaning, Value]) -> str:
    """Return the message of a span's status, "" where it has none."""
    return span.status_message or str(found.get("status") or "")


def last_exception(span: Span) -> SpanEvent | None:
    """Return the exception that a span recorded last, None where it recorded none."""
    return next((event for event in reversed(span.events) if event.name == EXCEPTION), None)


def _has_failed(span: Span, found: dict[Meaning, Value]) -> bool:
    if span.has_failed or found.get("level") == "ERROR":
        return True
    # `error.type` is for operations that failed, says OpenTelemetry; many instrumentations set it and leave the status.
    return span.has_failed is None and bool(found.get("error_type"))


def _message(status: str, kind: str, said: Value) -> str:
    """Return an exception's message, or the status that has it and says more than its type besides."""
    if said is None or said == "":
        return status
    message = str(said)
    before, colon, rest = status.partition(": ")
    is_plain = rest == message and colon and kind.endswith(before)  # "openai.RateLimitError", "RateLimitError: slow"
    return status if message in status and not is_plain else message
