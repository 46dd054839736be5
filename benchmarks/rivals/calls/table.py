"""The table of servers that keep traces, in docs/benchmarks.md."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.report import DOCUMENT, replace_part, shown
from benchmarks.rivals.calls.catalogue import CONTESTANTS, Contestant
from benchmarks.rivals.calls.measure import QUESTIONS
from benchmarks.rivals.calls.results import Answered, Measured, Results
from benchmarks.rows import percentile

COLUMNS: Final = (
    "server",
    "store",
    "spans/s",
    "spans/s, stock SDK",
    *(f"{question}, p50 / p95 ms" for question in QUESTIONS),
    "bytes a span",
    "MiB",
    "spans held",
)


def update_document(results: Results, document: Path = DOCUMENT) -> None:
    """Replace the part between the marks of these servers."""
    replace_part("rivals-calls", markdown(results), document)


def markdown(results: Results) -> str:
    """Return the table, with where and when above it and each server's settings below."""
    return "\n".join(
        [
            _machine(results),
            "",
            f"| {' | '.join(COLUMNS)} |",
            f"|{'---|' * len(COLUMNS)}",
            *_rows(results),
            "",
            "Settings:",
            "",
            *(
                f"- **{one.title}**: {one.settings}."
                for one in CONTESTANTS
                if one.settings and one.name in results.found
            ),
        ]
    )


def _machine(results: Results) -> str:
    measured = {name: found.measured for name, found in results.found.items() if found.measured}
    if not measured:
        return f"`make bench-rivals ARGS=calls`: {results.spans:,} spans; nothing was measured."
    last = max((one.machine for one in measured.values()), key=lambda machine: str(machine["measured_at"]))
    loads = ", ".join(
        f"{name} {one.machine['load_before']:.1f} and {one.load_after:.1f}" for name, one in measured.items()
    )
    return (
        f'`make bench-rivals ARGS="calls --spans {results.spans}"`, last at {last["measured_at"]}, commit '
        f"{last['commit']}: {last['processor']}, {last['cores']} cores, {last['memory_gb']} GB, {last['system']}, "
        f"Python {last['python']} on {last['file_system']}. Load before and after each: {loads}."
    )


def _rows(results: Results) -> Iterator[str]:
    for contestant in CONTESTANTS:
        found = results.found.get(contestant.name)
        if found is None:
            continue
        if found.measured is None:
            yield f"| **{contestant.title}** | {_store(contestant)} | not measured: {found.reason} |"
        else:
            yield f"| {' | '.join(_cells(contestant, found.measured))} |"


def _cells(contestant: Contestant, measured: Measured) -> Iterator[str]:
    yield f"**{contestant.title}** {measured.version}"
    yield _store(contestant)
    yield shown(statistics.median(measured.spans_per_s))
    yield shown(measured.sdk_spans_per_s)
    for question in QUESTIONS:
        yield _took(measured.answered.get(question))
    yield f"{measured.disk_bytes_per_span:,.0f}"
    yield f"{measured.memory_mib:,.0f}"
    yield f"{measured.spans:,}"


def _store(contestant: Contestant) -> str:
    return "PostgreSQL" if contestant.database else "SQLite"


def _took(answered: Answered | None) -> str:
    if answered is None:
        return "–"
    if answered.refusal:
        return f"none in {shown(answered.took_ms[0] / 1000)} s"
    return f"{shown(percentile(answered.took_ms, 50))} / {shown(percentile(answered.took_ms, 95))}"
