"""kill -9 of a server that records: how much is lost of what it acknowledged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

from benchmarks.kill_load import kill_at_random, loaded
from benchmarks.rows import Better, Row, at_most
from benchmarks.titan_server import KillableTitan

SEED: Final = 5


def measure_kills(folder: Path, *, kills: int) -> Iterator[Row]:
    """Yield the row about a server that is killed so often."""
    titan = KillableTitan(folder / "kills")
    try:
        with loaded(titan.port, seed=SEED) as load:
            kill_at_random(titan, load, Random(SEED), kills=kills)
        lost = sum(map(len, load.lost().values()))
    finally:
        titan.stop()
    yield Row(
        what=f"lost of {load.acknowledged:,} acknowledged calls, {kills} times kill -9 in between",
        unit="calls",
        better=Better.LOWER,
        titan=[lost],
        target=at_most(0, "0 lost"),
    )
