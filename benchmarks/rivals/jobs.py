"""Measure Titan beside other schedulers: `make bench-rivals ARGS=jobs`."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.machine import describe_machine
from benchmarks.rivals.catalogue import RIVALS, Rival
from benchmarks.rivals.environments import CannotInstall
from benchmarks.rivals.measure import Budget, measure_rival
from benchmarks.rivals.plot import svg
from benchmarks.rivals.protocol import DriverFailed
from benchmarks.rivals.results import Found, Results, Sizes, merged, read_results, write_results
from benchmarks.rivals.services import ServiceFailed
from benchmarks.rivals.table import PLOT, markdown, update_document
from benchmarks.titan_server import BenchmarkFailed, RunningTitan, end_cleanly_when_told_to, running_titan

QUICK: Final = Sizes(rounds=1, alone=10, wide=50, fan=100)
SMALL: Final = Sizes(rounds=3, alone=20, wide=100, fan=200)
SECONDS_EACH: Final = 150.0  # six rivals stay within a quarter of an hour


def main(arguments: Sequence[str]) -> int:
    """Measure each rival, and report it; return 0 unless Titan itself could not be measured."""
    options = _parse(arguments)
    end_cleanly_when_told_to()
    sizes = QUICK if options.quick else SMALL if options.small else Sizes()
    wanted = [rival for rival in RIVALS if not options.only or rival.name in options.only]
    with tempfile.TemporaryDirectory(prefix="rivals-") as folder:
        machine = describe_machine(Path(folder))
        now = Results(machine={**machine}, sizes=sizes, found={})
        try:
            with running_titan(Path(folder) / "titan") as titan:
                for rival in wanted:
                    found = {rival.name: _measure(rival, titan, Path(folder), sizes, Budget(seconds=options.seconds))}
                    now = merged(now, Results(machine={**machine}, sizes=sizes, found=found))
                    if not options.quick:
                        _keep(merged(read_results(), now))
        except BenchmarkFailed as failure:
            print(failure, file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("stopped; what was measured until then is kept", file=sys.stderr)
            return 130
    print(markdown(now))
    if not options.quick:
        print("wrote benchmarks/results/rivals.json, docs/benchmarks.md and its picture")
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rivals jobs", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of 50 jobs; writes nothing")
    parser.add_argument("--small", action="store_true", help="100 jobs and 1 → 200 → 1, for a busy machine")
    parser.add_argument(
        "--only", action="append", choices=[rival.name for rival in RIVALS], help="this rival; keeps the others' rows"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=SECONDS_EACH,
        help="begin no round of a rival after this (default: %(default)g)",
    )
    return parser.parse_args(arguments)


def _measure(rival: Rival, titan: RunningTitan, folder: Path, sizes: Sizes, budget: Budget) -> Found:
    print(f"{rival.title}:", flush=True)
    own = folder / rival.name  # short: the path of a socket in it has at most 107 bytes
    own.mkdir()
    try:
        return measure_rival(rival, titan, own, sizes, budget)
    except (CannotInstall, ServiceFailed, DriverFailed, OSError, subprocess.SubprocessError) as failure:
        print(f"  not measured: {failure}", flush=True)
        return Found(reason=" ".join(str(failure).replace("|", "/").split()).replace(str(own), "…"))


def _keep(results: Results) -> None:
    write_results(results)
    PLOT.write_text(svg(results), "utf-8")
    update_document(results)
