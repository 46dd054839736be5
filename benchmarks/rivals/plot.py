"""The rivals as a picture: two panels of bars on logarithmic scales, written as SVG without any library."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from benchmarks.report import shown
from benchmarks.rivals.catalogue import RIVALS
from benchmarks.rivals.results import Results

ROW_HEIGHT: Final = 24
LABEL_WIDTH: Final = 230
PANEL_WIDTH: Final = 300
GAP: Final = 70  # between the panels, for the figure at the end of a long bar
TOP: Final = 62
BOTTOM: Final = 44
TITAN_COLOUR: Final = "#c2410c"
FUNCTION_COLOUR: Final = "#94a3b8"
PROCESS_COLOUR: Final = "#1d4ed8"
FORGETS: Final = "*"
LEGEND: Final = (
    (TITAN_COLOUR, "Titan: a process for each job"),
    (PROCESS_COLOUR, "a process for each job"),
    (FUNCTION_COLOUR, "a function in a resident worker"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One row of the picture."""

    label: str
    colour: str
    latency_ms: float
    jobs_per_s: float


def svg(results: Results) -> str:
    """Return the picture."""
    bars = list(bars_of(results))
    width, height = LABEL_WIDTH + 2 * PANEL_WIDTH + 2 * GAP, TOP + ROW_HEIGHT * len(bars) + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12" role="img">',
        f"<title>{escape('Titan beside other schedulers: latency of one job, and jobs a second')}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        *_labels(bars),
        *_panel(LABEL_WIDTH, "one job, p50, ms (less is better)", bars, [bar.latency_ms for bar in bars]),
        *_panel(
            LABEL_WIDTH + PANEL_WIDTH + GAP,
            f"{results.sizes.wide} jobs, jobs/s (more is better)",
            bars,
            [bar.jobs_per_s for bar in bars],
        ),
        *_legend(height - 14),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def bars_of(results: Results) -> Iterator[Bar]:
    """Yield Titan's bar, then one for each row that was measured, in the table's order."""
    kinds = [kinds for found in results.found.values() for kinds in list(found.measured.values())[:1]]
    if not kinds:
        return
    yield Bar(
        label="Titan",
        colour=TITAN_COLOUR,
        latency_ms=statistics.median([one for kind in kinds for one in kind["p50_ms"]["titan"]]),
        jobs_per_s=statistics.median([one for kind in kinds for one in kind["jobs_per_s"]["titan"]]),
    )
    for rival in RIVALS:
        found = results.found.get(rival.name)
        for kind, measured in found.measured.items() if found else ():
            yield Bar(
                label=f"{rival.title}{FORGETS if rival.forgets else ''}, {kind}",
                colour=FUNCTION_COLOUR if kind == "function" else PROCESS_COLOUR,
                latency_ms=statistics.median(measured["p50_ms"]["rival"]),
                jobs_per_s=statistics.median(measured["jobs_per_s"]["rival"]),
            )


def _labels(bars: Sequence[Bar]) -> Iterator[str]:
    for index, bar in enumerate(bars):
        weight = ' font-weight="bold"' if bar.colour == TITAN_COLOUR else ""
        x, y = LABEL_WIDTH - 10, TOP + index * ROW_HEIGHT + 15
        yield f'<text x="{x}" y="{y}" text-anchor="end" fill="#0f172a"{weight}>{escape(bar.label)}</text>'


def _panel(left: int, title: str, bars: Sequence[Bar], figures: Sequence[float]) -> Iterator[str]:
    yield f'<text x="{left}" y="24" font-weight="bold" fill="#0f172a">{escape(title)}</text>'
    if not figures:
        return
    lowest = math.floor(math.log10(min(figures)) - 0.01)
    highest = max(math.ceil(math.log10(max(figures))), lowest + 1)
    per_decade = PANEL_WIDTH / (highest - lowest)
    bottom = TOP + ROW_HEIGHT * len(bars)
    for power in range(lowest, highest + 1):
        x = left + per_decade * (power - lowest)
        yield f'<line x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{bottom}" stroke="#e2e8f0"/>'
        yield f'<text x="{x:.1f}" y="{TOP - 12}" text-anchor="middle" fill="#64748b">{10.0**power:,g}</text>'
    for index, (bar, figure) in enumerate(zip(bars, figures, strict=True)):
        length, y = per_decade * (math.log10(figure) - lowest), TOP + index * ROW_HEIGHT
        yield f'<rect x="{left}" y="{y + 3}" width="{length:.1f}" height="{ROW_HEIGHT - 8}" fill="{bar.colour}"/>'
        yield f'<text x="{left + length + 4:.1f}" y="{y + 15}" fill="#0f172a">{shown(figure)}</text>'


def _legend(y: int) -> Iterator[str]:
    x = LABEL_WIDTH
    for colour, text in LEGEND:
        yield f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{colour}"/>'
        yield f'<text x="{x + 18}" y="{y}" fill="#0f172a">{escape(text)}</text>'
        x += 210
    x = LABEL_WIDTH - 10
    yield f'<text x="{x}" y="{y}" text-anchor="end" fill="#64748b">{FORGETS} keeps nothing on disk</text>'
