"""What an OTLP request says, in whichever encoding it came: spans and log records as plain values."""

from functools import cached_property

import msgspec

from titan.ingest.values import Value
from titan.model.projects import project_name


class Origin:
    """What sent telemetry: the resource's attributes and the name of the instrumentation scope."""

    def __init__(self, resource: dict[str, Value], scope: str) -> None:
        self.resource = resource
        self.scope = scope

    @cached_property
    def run_id(self) -> str | None:
        """The run that all of it belongs to, where the resource names one."""
        run = self.resource.get("titan.agent_run_id")
        return str(run)[:200] if run else None

    @cached_property
    def project(self) -> str | None:
        """The project that it is of, where the resource names one."""
        return project_name(self.resource.get("titan.project"))

    @cached_property
    def service(self) -> str | None:
        """The service's name, None where its SDK made one up."""
        name = self.resource.get("service.name")
        is_made_up = type(name) is not str or name.startswith("unknown_service") or name.endswith(".py")
        return None if is_made_up else str(name) or None


class SpanEvent(msgspec.Struct):
    """Something that a span says happened within it."""

    name: str
    at_ns: int
    attributes: dict[str, Value]


class SpanLink(msgspec.Struct):
    """Another span that a span says it has to do with, of its own trace or another."""

    trace_id: str
    span_id: str
    attributes: dict[str, Value]


class Span(msgspec.Struct, kw_only=True):
    """One span. Ids are hexadecimal; times are nanoseconds since 1970, 0 where none came."""

    origin: Origin
    trace_id: str
    id: str
    parent_id: str  #: "": a root
    name: str
    started_ns: int
    ended_ns: int
    has_failed: bool | None  #: None: its status is unset
    status_message: str
    attributes: dict[str, Value]
    events: list[SpanEvent]
    links: list[SpanLink]


class Unread(msgspec.Struct):
    """A span or log record that cannot be read."""

    problem: str  #: which, and why


class LogRecord(msgspec.Struct, kw_only=True):
    """One log record. The ids are "" where none came."""

    origin: Origin
    trace_id: str
    span_id: str
    at_ns: int
    name: str  #: of the event; "" for a plain log line
    body: Value
    attributes: dict[str, Value]
