"""Which runs spans are in: as the nearest span above them that names one, or its resource, says; else their trace's.

A program names its run on the root span and nowhere below it. What a request does not show of the spans above is for
`titan.engine.aliases`, which knows how other requests named the trace.
"""

from collections.abc import Sequence
from typing import TypeAlias

from titan.ingest.otlp.telemetry import Span

_Place: TypeAlias = tuple[str, str]  # trace id, span id


def runs_of(spans: Sequence[Span]) -> list[str]:
    """Return the run of each span, in their order; the attribute that names it is taken out."""
    named = [_named(span) for span in spans]
    if None not in named or not any(named):
        return [run_id or span.trace_id for run_id, span in zip(named, spans, strict=True)]
    runs: dict[_Place, str | None] = {
        _place(span): run_id for run_id, span in zip(named, spans, strict=True) if run_id is not None
    }
    above = {_place(span): (span.trace_id, span.parent_id) for span in spans}
    return [_nearest(_place(span), runs, above) or span.trace_id for span in spans]


def _named(span: Span) -> str | None:
    own = span.attributes.pop("titan.agent_run_id", None)
    return str(own)[:200] if own else span.origin.run_id


def _place(span: Span) -> _Place:
    return span.trace_id, span.id


def _nearest(place: _Place, runs: dict[_Place, str | None], above: dict[_Place, _Place]) -> str | None:
    """Return the run that a span or the nearest above it names; what is passed on the way need not be passed again."""
    passed: list[_Place] = []
    while place not in runs and place in above:
        runs[place] = None  # so a circle has an end
        passed.append(place)
        place = above[place]
    run_id = runs.get(place)
    runs.update(dict.fromkeys(passed, run_id))
    return run_id
