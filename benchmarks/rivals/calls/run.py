"""Measure Titan beside other servers that keep traces: `make bench-rivals ARGS=calls`."""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.rivals.calls.asking import NotMeasured
from benchmarks.rivals.calls.catalogue import CONTESTANTS, Contestant
from benchmarks.rivals.calls.measure import Sizes, measure_contestant
from benchmarks.rivals.calls.results import Found, Results, merged, read_results, write_results
from benchmarks.rivals.calls.table import markdown, update_document
from benchmarks.rivals.environments import CannotInstall
from benchmarks.rivals.protocol import DriverFailed
from benchmarks.rivals.services import ServiceFailed
from benchmarks.titan_server import BenchmarkFailed, end_cleanly_when_told_to

SPANS: Final = 20_000
QUICK_SPANS: Final = 2_000
SECONDS: Final = 300.0  # of filling; on two quiet cores the slowest server takes two minutes for SPANS


def main(arguments: Sequence[str]) -> int:
    """Measure each server, and report it; return 0: one that cannot be measured is a row with the reason."""
    options = _parse(arguments)
    end_cleanly_when_told_to()
    sizes = Sizes(spans=QUICK_SPANS if options.quick else options.spans, seconds=options.seconds)
    now = Results(spans=sizes.spans)
    for contestant in CONTESTANTS:
        if options.only and contestant.name not in options.only:
            continue
        now = merged(now, Results(spans=sizes.spans, found={contestant.name: _measure(contestant, sizes)}))
        if not options.quick:
            kept = merged(read_results(), now)
            write_results(kept)
            update_document(kept)
    print(markdown(now))
    if not options.quick:
        print("wrote benchmarks/results/rivals-calls.json and docs/benchmarks.md")
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rivals calls", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_SPANS} spans; writes nothing")
    parser.add_argument(
        "--only",
        action="append",
        choices=[contestant.name for contestant in CONTESTANTS],
        help="this server; keeps the others' rows when they were sent as many spans",
    )
    parser.add_argument("--spans", type=int, default=SPANS, help="sent to each (default: %(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="begin no part of the corpus after this (default: %(default)g)"
    )
    return parser.parse_args(arguments)


def _measure(contestant: Contestant, sizes: Sizes) -> Found:
    print(f"{contestant.name}:", flush=True)
    with tempfile.TemporaryDirectory(prefix="rivals-calls-") as folder:
        try:
            return Found(measured=measure_contestant(contestant, Path(folder), sizes))
        except (
            *(BenchmarkFailed, CannotInstall, DriverFailed, NotMeasured, ServiceFailed),
            *(OSError, subprocess.SubprocessError),
        ) as failure:
            print(f"  not measured: {failure}", flush=True)
            return Found(reason=" ".join(str(failure).replace("|", "/").split()).replace(folder, "…"))
