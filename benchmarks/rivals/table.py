"""The table of rivals in docs/benchmarks.md."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.report import DOCUMENT, replace_part, shown
from benchmarks.rivals.catalogue import RIVALS, Rival
from benchmarks.rivals.results import Measured, Results, Sizes, noise, speed

PLOT: Final = DOCUMENT.parent / "benchmarks-rivals.svg"
FIGURES: Final = {"p50_ms": "ms", "p99_ms": "ms", "jobs_per_s": "/s", "fan_jobs_per_s": "/s"}


def update_document(results: Results, document: Path = DOCUMENT) -> None:
    """Replace the part between the marks of the rivals."""
    replace_part("rivals", markdown(results), document)


def markdown(results: Results) -> str:
    """Return the table with a note of the machine above and of each rival's settings below."""
    return "\n".join(
        [
            _machine(results),
            "",
            *_table(results),
            "",
            f"![Latency and jobs a second of each row, on logarithmic scales]({PLOT.name})",
            "",
            *_notes(results),
        ]
    )


def _machine(results: Results) -> str:
    machine, sizes = results.machine, results.sizes
    fifth = sizes.of_processes()
    loads = ", ".join(f"{name} {found.load:g}" for name, found in results.found.items() if not found.reason)
    return (
        f"`make bench-rivals`, last at {machine['measured_at']}, commit {machine['commit']}: {machine['processor']}, "
        f"{machine['cores']} cores, {machine['memory_gb']} GB, {machine['system']}, Python {machine['python']} "
        f"on {machine['file_system']}. Load before each: {loads or 'none was measured'}. "
        f"In a round: {sizes.alone} single jobs, {sizes.wide} at once, 1 → {sizes.fan} → 1; where a rival's function "
        f"starts a process {fifth.alone}, {fifth.wide} and 1 → {fifth.fan} → 1."
    )


def _table(results: Results) -> Iterator[str]:
    yield f"| {' | '.join(_columns(results.sizes))} |"
    yield f"|{'---|' * len(_columns(results.sizes))}"
    yield f"| {' | '.join(_titan_cells(results))} |"
    for rival in RIVALS:
        found = results.found.get(rival.name)
        if found is None:
            continue
        if found.reason:
            yield f"| **{rival.title}** | not measured: {found.reason} |{' |' * (len(_columns(results.sizes)) - 2)}"
        for kind, measured in found.measured.items():
            yield f"| {' | '.join(_cells(rival, found.version, kind, measured))} |"


def _columns(sizes: Sizes) -> tuple[str, ...]:
    return (
        "scheduler",
        "a job is",
        "survives a power cut",
        "one job, p50",
        "p99",
        f"{sizes.wide} jobs, jobs/s",
        f"1 → {sizes.fan} → 1, jobs/s",
        "rounds",
    )


def _titan_cells(results: Results) -> tuple[str, ...]:
    """Return Titan's row: medians over all its rounds, beside whichever rival they were taken."""
    first_kinds = [next(iter(found.measured.values())) for found in results.found.values() if found.measured]
    samples = {figure: [one for kind in first_kinds for one in kind[figure]["titan"]] for figure in FIGURES}
    cells = [
        f"{shown(statistics.median(rounds))} {unit}" if (rounds := samples[figure]) else ""
        for figure, unit in FIGURES.items()
    ]
    job, durable = "a process of its own, forked warm", "yes: SQLite, fsync on"
    return ("**Titan**", job, durable, *cells, str(len(samples["p50_ms"])))


def _cells(rival: Rival, version: str, kind: str, measured: Measured) -> tuple[str, ...]:
    cells = [_figure(figure, unit, measured) for figure, unit in FIGURES.items()]
    rounds = str(len(measured["p50_ms"]["rival"]))
    return (f"**{rival.title}** {version}", rival.kinds[kind], rival.durable, *cells, rounds)


def _figure(figure: str, unit: str, measured: Measured) -> str:
    pairs = measured[figure]
    spread = noise(figure, pairs)
    return (
        f"{shown(statistics.median(pairs['rival']))} {unit} ({shown(speed(figure, pairs))}x"
        f"{'' if spread is None else f' ± {spread:.0%}'})"
    )


def _notes(results: Results) -> Iterator[str]:
    yield "Settings:"
    yield ""
    for rival in RIVALS:
        if rival.name in results.found:
            yield f"- **{rival.title}**: {rival.settings}."
