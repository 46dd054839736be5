"""Measure the two tables, of jobs and of recorded calls, and report them: `make bench`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

from benchmarks.again_rows import measure_again
from benchmarks.beside_rows import measure_beside
from benchmarks.call_rows import measure_calls
from benchmarks.chromium import find_chromium
from benchmarks.decorator_rows import measure_decorator
from benchmarks.idle_rows import measure_idle
from benchmarks.job_rows import Sizes, measure_jobs
from benchmarks.kill_rows import measure_kills
from benchmarks.machine import Machine, describe_machine
from benchmarks.postgres_rows import measure_postgres
from benchmarks.replay_rows import measure_replays
from benchmarks.report import cells, print_table, update_document, write_results
from benchmarks.rows import Row
from benchmarks.scale_rows import measure_scale
from benchmarks.screen_rows import measure_screen
from benchmarks.stock_rows import measure_stock
from benchmarks.store_rows import measure_store
from benchmarks.titan_server import BenchmarkFailed, end_cleanly_when_told_to
from benchmarks.world_rows import measure_worlds

#: Each table of docs/benchmarks.md, which is also a file in benchmarks/results, and the groups of rows in it.
TABLES: Final = {
    "jobs": ("jobs", "again", "store", "postgres", "idle", "scale"),
    "recording": ("calls", "decorator", "stock", "kills", "screen", "beside", "replays", "worlds"),
}
GROUPS: Final = tuple(group for groups in TABLES.values() for group in groups)
NEED_CHROMIUM: Final = frozenset({"screen"})
ROUNDS: Final = 5  # of what has no size but this
QUICK = Sizes(rounds=2, jobs_alone=20, jobs_in_dag=100, fan=100, chain=10, unroutable=2000, jobs_beside=50)


def main(arguments: Sequence[str]) -> int:
    """Measure what was asked for; return 0 when every row could be measured, its target met or not."""
    end_cleanly_when_told_to()
    options = _parse(arguments)
    groups, left_out = groups_to_measure(options.only, options.table, has_chromium=find_chromium() is not None)
    note = f"Left out for want of Chromium: {', '.join(left_out)}." if left_out else ""
    with tempfile.TemporaryDirectory(prefix="titan-bench-", dir=options.folder) as folder:
        machine = describe_machine(Path(folder))
        rows: dict[str, list[Row]] = {}
        try:
            for group, row in _measure(Path(folder), groups, quick=options.quick):
                print(" · ".join(cell for cell in cells(row) if cell), flush=True)
                rows.setdefault(group, []).append(row)
        except BenchmarkFailed as failure:
            print(failure, file=sys.stderr)
            return 1
    print_table("quick look, not for keeping" if options.quick else "measured", list(chain(*rows.values())))
    if note:
        print(f"{note} To measure it: apt-get install chromium")
    if not options.quick:
        _keep(rows, machine, note)
    return 0


def groups_to_measure(
    only: Sequence[str] | None, tables: Sequence[str] | None, *, has_chromium: bool
) -> tuple[list[str], list[str]]:
    """Return the groups that were asked for, and those that are left out of them for want of Chromium.

    A group that was named by itself is never left out: measuring it fails.
    """
    if only:
        return list(only), []
    asked = [group for table in tables or TABLES for group in TABLES[table]]
    left_out = [group for group in asked if group in NEED_CHROMIUM and not has_chromium]
    return [group for group in asked if group not in left_out], left_out


def _keep(rows: Mapping[str, Sequence[Row]], machine: Machine, note: str) -> None:
    """Write each table whose groups were all measured, or are left out with a note: samples, and document."""
    for table, groups in TABLES.items():
        lacking = set(groups) - rows.keys()
        if lacking <= (NEED_CHROMIUM if note else set()):
            found = list(chain.from_iterable(rows[group] for group in groups))
            path = write_results(table, machine, found)
            update_document(table, f'make bench ARGS="--table {table}"', machine, found, note=note if lacking else "")
            print(f"wrote {path.name} to benchmarks/results and the table to docs/benchmarks.md")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, two rounds; keeps nothing")
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--table", action="append", choices=TABLES, help="measure one table, not both")
    chosen.add_argument("--only", action="append", choices=GROUPS, help="measure this group; keeps nothing")
    parser.add_argument("--folder", type=Path, help="where homes and databases lie while measuring: choose the disk")
    return parser.parse_args(arguments)


def _measure(folder: Path, groups: Sequence[str], *, quick: bool) -> Iterator[tuple[str, Row]]:
    sizes = QUICK if quick else Sizes()
    rounds = QUICK.rounds if quick else ROUNDS
    measures: dict[str, Callable[[], Iterator[Row]]] = {
        "jobs": lambda: measure_jobs(folder, sizes),
        "again": lambda: measure_again(folder, sizes),
        "store": lambda: measure_store(folder, rounds=rounds, seconds=0.5 if quick else 2.0),
        "postgres": lambda: measure_postgres(folder, sizes),
        "idle": lambda: measure_idle(folder, seconds=5 if quick else 30),
        "scale": lambda: measure_scale(folder, many=20_000 if quick else 1_000_000),
        "calls": lambda: measure_calls(folder, actions=20_480 if quick else 1_000_000),
        "decorator": lambda: measure_decorator(rounds=rounds),
        "stock": lambda: measure_stock(folder, rounds=rounds, spans=5_000 if quick else 30_000),
        "kills": lambda: measure_kills(folder, kills=3 if quick else 30),
        "screen": lambda: measure_screen(folder, rounds=rounds, calls=50 if quick else 200),
        "beside": lambda: measure_beside(folder, rounds=rounds, seconds=5 if quick else 20),
        "replays": lambda: measure_replays(folder, rounds=rounds, calls=1_000, is_accuracy_left_out=quick),
        "worlds": lambda: measure_worlds(
            folder, rounds=rounds, tasks=100 if quick else 1_000, repeats=10 if quick else 100
        ),
    }
    for group in GROUPS:
        if group in groups:
            yield from ((group, row) for row in measures[group]())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
