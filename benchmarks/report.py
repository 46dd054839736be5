"""What a run found, as a table in the terminal, as JSON, and as the marked part of docs/benchmarks.md."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.machine import Machine
from benchmarks.rows import Row

ROOT: Final = Path(__file__).resolve().parent.parent
#: The value of PYTHONPATH with which an interpreter of any environment imports `titan` and `titan_sdk` of this clone.
PACKAGES: Final = os.pathsep.join((str(ROOT / "src"), str(ROOT / "sdk" / "src")))
DOCUMENT: Final = ROOT / "docs/benchmarks.md"
RESULTS: Final = ROOT / "benchmarks/results"
PIPE_WIDTH: Final = 190  # columns; a log has no edge that a line could cross
BEGIN: Final = "<!-- {name}:begin -->"
END: Final = "<!-- {name}:end -->"
COLUMNS: Final = ("what", "Titan", "beside it", "", "ratio", "noise", "target", "")


def cells(row: Row) -> tuple[str, ...]:
    """Return one row's texts, in the order of COLUMNS."""
    rival = row.rival_median
    return (
        row.what,
        f"{shown(row.titan_median)} {row.unit}",
        row.rival_name,
        "" if rival is None else f"{shown(rival)} {row.unit}",
        "" if row.ratio is None else f"{row.ratio:.2f}x",
        f"± {row.noise:.0%}" if len(row.titan) > 1 else "",
        row.target.text,
        row.verdict,
    )


def shown(figure: float) -> str:
    """Return a figure with three digits that mean something: 1,234, 56.7, 8.90, 0.123."""
    if figure >= 100:
        return f"{figure:,.0f}"
    return f"{figure:.1f}" if figure >= 10 else f"{figure:.3g}"


def print_table(title: str, rows: Sequence[Row]) -> None:
    """Print the rows for a person."""
    table = Table(*COLUMNS, title=title)
    for row in rows:
        table.add_row(*cells(row))
    console = Console()
    (console if console.is_terminal else Console(width=PIPE_WIDTH)).print(table)


def write_results(name: str, machine: Machine, rows: Sequence[Row]) -> Path:
    """Write every round's figure to benchmarks/results/NAME.json, and return the path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    found = [
        {
            "what": row.what,
            "unit": row.unit,
            "better": row.better,
            "titan": list(row.titan),
            "rival_name": row.rival_name,
            "rival": list(row.rival),
            "ratio": row.ratio,
            "noise": row.noise,
            "target": row.target.text,
            "verdict": row.verdict,
        }
        for row in rows
    ]
    path.write_text(json.dumps({"machine": machine, "rows": found}, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return path


def update_document(name: str, command: str, machine: Machine, rows: Sequence[Row], *, note: str = "") -> None:
    """Replace the part of docs/benchmarks.md between the two marks of `name`; the note says what is not in it."""
    replace_part(name, _markdown(command, machine, rows) + (f"\n\n{note}" if note else ""))


def replace_part(name: str, text: str, document: Path = DOCUMENT) -> None:
    """Put a text between the two marks of `name`, in the place of what stands there."""
    begin, end = BEGIN.format(name=name), END.format(name=name)
    before, _, rest = document.read_text("utf-8").partition(begin)
    _, _, after = rest.partition(end)
    document.write_text(f"{before}{begin}\n{text}\n{end}{after}", "utf-8")


def _markdown(command: str, machine: Machine, rows: Sequence[Row]) -> str:
    lines = [
        f"`{command}` at {machine['measured_at']}, commit {machine['commit']}: {machine['processor']}, "
        f"{machine['cores']} cores, {machine['memory_gb']} GB, {machine['system']}, "
        f"Python {machine['python']}, SQLite {machine['sqlite']} on {machine['file_system']}; "
        f"load before: {machine['load_before']}.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        f"|{'---|' * len(COLUMNS)}",
        *(f"| {' | '.join(cells(row))} |" for row in rows),
    ]
    return "\n".join(lines)
