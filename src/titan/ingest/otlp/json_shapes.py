"""What OTLP/JSON is made of, as far as it is read: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding.

Numbers are taken in each way in which somebody writes them. What is not known is nothing to mind.
"""

from typing import TypeAlias

import msgspec
from msgspec import Struct

Number: TypeAlias = int | float | str | None


class _Camel(Struct, rename="camel"):
    pass


class AnyValue(_Camel):
    """A value: one of these is given."""

    string_value: str | None = None
    bool_value: bool | None = None
    int_value: int | float | str | None = None
    double_value: float | str | None = None
    array_value: "Values | None" = None
    kvlist_value: "Pairs | None" = None
    bytes_value: str | None = None


class KeyValue(_Camel):
    """An attribute."""

    key: str = ""
    value: AnyValue | None = None


class Values(_Camel):
    """A list within a value."""

    values: list[AnyValue | None] | None = None


class Pairs(_Camel):
    """An object within a value."""

    values: list[KeyValue] | None = None


class EventShape(_Camel):
    """What happened within a span."""

    name: str | None = None
    time_unix_nano: Number = None
    attributes: list[KeyValue] | None = None


class LinkShape(_Camel):
    """Another span that a span has to do with."""

    trace_id: str | None = None
    span_id: str | None = None
    attributes: list[KeyValue] | None = None


class StatusShape(_Camel):
    """Whether a span failed."""

    code: Number = None
    message: str | None = None


class SpanShape(_Camel):
    """A span."""

    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    name: str | None = None
    start_time_unix_nano: Number = None
    end_time_unix_nano: Number = None
    status: StatusShape | None = None
    attributes: list[KeyValue] | None = None
    events: list[EventShape] | None = None
    links: object = None  #: each a `LinkShape`, and no span is refused for one that is none


class RecordShape(_Camel):
    """A log record."""

    trace_id: str | None = None
    span_id: str | None = None
    time_unix_nano: Number = None
    observed_time_unix_nano: Number = None
    event_name: str | None = None
    body: AnyValue | None = None
    attributes: list[KeyValue] | None = None


class ResourceShape(_Camel):
    """What sent it."""

    attributes: list[KeyValue] | None = None


class ScopeShape(_Camel):
    """What in it wrote it."""

    name: str | None = None


class OfScope(_Camel):
    """What one scope tells."""

    scope: ScopeShape | None = None
    spans: list[SpanShape] | None = None
    log_records: list[RecordShape] | None = None
    metrics: list[msgspec.Raw] | None = None


class OfResource(_Camel):
    """What one resource tells."""

    resource: ResourceShape | None = None
    scope_spans: list[OfScope] | None = None
    scope_logs: list[OfScope] | None = None
    scope_metrics: list[OfScope] | None = None


class Request(_Camel):
    """The request of all three signals."""

    resource_spans: list[OfResource] | None = None
    resource_logs: list[OfResource] | None = None
    resource_metrics: list[OfResource] | None = None
