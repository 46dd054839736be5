"""What was found of each server, as it is kept in benchmarks/results/rivals-calls.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.report import RESULTS

KEPT: Final = RESULTS / "rivals-calls.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """How long one question took, each time."""

    took_ms: list[float]
    rows: int  #: of an answer
    refusal: str = ""  #: why there was none; `took_ms` is then how long that took


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was found of one server."""

    version: str
    machine: Mapping[str, Any]  #: with the load before
    load_after: float
    spans: int  #: that it held when it was asked; fewer than were to be sent where the time was up
    bytes_of_span: float  #: of an OTLP request, before compression
    spans_per_s: list[float]  #: pre-serialised, of each part, until its API counted them
    sdk_spans_per_s: float  #: by OpenTelemetry's own SDK
    answered: dict[str, Answered]
    disk_bytes_per_span: float
    memory_mib: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A server's figures, or why there are none."""

    measured: Measured | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """All servers, by name, that were sent the same number of spans."""

    spans: int
    found: dict[str, Found] = field(default_factory=dict)


def merged(before: Results | None, now: Results) -> Results:
    """Return `now` with those servers of `before` that were not measured again, if both were sent as much."""
    if before is None or before.spans != now.spans:
        return now
    return Results(spans=now.spans, found={**before.found, **now.found})


def read_results(path: Path = KEPT) -> Results | None:
    """Return the kept results; None when there are none."""
    if not path.exists():
        return None
    content = json.loads(path.read_text("utf-8"))
    return Results(spans=content["spans"], found={name: _found(found) for name, found in content["found"].items()})


def write_results(results: Results, path: Path = KEPT) -> None:
    """Keep the results."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(asdict(results), indent=1, ensure_ascii=False) + "\n", "utf-8")


def _found(content: dict[str, Any]) -> Found:
    if content["measured"] is None:
        return Found(reason=content["reason"])
    measured = content["measured"]
    answered = {name: Answered(**one) for name, one in measured["answered"].items()}
    return Found(measured=Measured(**{**measured, "answered": answered}))
