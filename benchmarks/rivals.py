"""The same jobs on another scheduler, in the same run: `make bench-rivals`.

Dask's `distributed` was chosen because it starts with nothing set up, as Titan does, and is known to be
quick. It keeps its graph in memory only, so it pays for no commit, and nothing of it survives a restart:
the rows show what Titan's promises cost, not a race. It lives in .venv-rivals, made from
benchmarks/rivals.lock, apart from what Titan needs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.ceiling import HERE, TRIVIAL_JOB
from benchmarks.job_rows import in_turns, seconds_of, trivial_chain, trivial_jobs
from benchmarks.machine import describe_machine
from benchmarks.report import ROOT, cells, print_table, update_document, write_results
from benchmarks.rows import Better, Row
from benchmarks.titan_server import SLOTS, BenchmarkFailed, end_cleanly_when_told_to, running_titan

ENVIRONMENT: Final = ROOT / ".venv-rivals"
LOCK: Final = HERE / "rivals.lock"
KINDS: Final = {"process": "dask, a process per job", "function": "dask, functions in its own process"}


class Dask:
    """A running `dask_driver.py`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def seconds(self, kind: str, shape: str, count: int) -> float:
        """Return how long `count` trivial jobs take.

        Raises:
            BenchmarkFailed: the driver ended; its error stands on standard error.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(f"{kind} {shape} {count}\n")
        self._process.stdin.flush()
        return float(self.answer())

    def answer(self) -> str:
        """Return the driver's next line."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BenchmarkFailed("dask_driver.py: expected an answer; found none. Its error stands above.")
        return line


def main(arguments: Sequence[str]) -> int:
    """Measure Titan beside dask and report it; return 0 when every row could be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rivals", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two rounds; writes nothing")
    options = parser.parse_args(arguments)
    end_cleanly_when_told_to()
    make_environment()
    with tempfile.TemporaryDirectory(prefix="titan-bench-") as folder:
        machine = describe_machine(Path(folder))
        rows = []
        for row in measure_rivals(Path(folder), rounds=2 if options.quick else 5):
            print(" · ".join(cell for cell in cells(row) if cell), flush=True)
            rows.append(row)
    print_table("beside dask", rows)
    if not options.quick:
        write_results("rivals", machine, rows)
        update_document("rivals", "make bench-rivals", machine, rows)
    return 0


def make_environment() -> None:
    """Make .venv-rivals from its lock, unless it was made from this very lock."""
    stamp = ENVIRONMENT / "made-from.lock"
    if stamp.exists() and stamp.read_bytes() == LOCK.read_bytes():
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
    install = ("-m", "pip", "install", "--quiet", "--only-binary", ":all:", "--require-hashes", "--no-deps")
    subprocess.run([str(ENVIRONMENT / "bin/python"), *install, "-r", str(LOCK)], check=True)
    stamp.write_bytes(LOCK.read_bytes())


def measure_rivals(folder: Path, *, rounds: int) -> Iterator[Row]:
    """Yield one job, five hundred jobs and a chain of twenty, each beside both ways to run them on dask."""
    with running_titan(folder / "titan") as titan, running_dask(folder) as dask:
        client = titan.client()
        wide, chain, alone = trivial_jobs(500), trivial_chain(20), trivial_jobs(1)
        seconds_of(client, trivial_jobs(20))
        for kind, name in KINDS.items():
            dask.seconds(kind, "wide", 20)
            measures = (
                ("one trivial job", 1000, "ms", alone, ("wide", 1)),
                ("500 independent jobs", 1, "s", wide, ("wide", 500)),
                ("chain of 20, a step", 1000 / 20, "ms", chain, ("chain", 20)),
            )
            for what, scale, unit, jobs, (shape, count) in measures:
                ours = partial(seconds_of, client, jobs)
                theirs = partial(dask.seconds, kind, shape, count)
                titan_seconds, dask_seconds = in_turns(rounds, ours, theirs)
                yield Row(
                    what=what,
                    unit=unit,
                    better=Better.LOWER,
                    titan=[scale * seconds for seconds in titan_seconds],
                    rival_name=name,
                    rival=[scale * seconds for seconds in dask_seconds],
                )


@contextmanager
def running_dask(folder: Path) -> Iterator[Dask]:
    """Start dask with as many slots as Titan's worker has and its files in `folder`, and end it."""
    command = [str(ENVIRONMENT / "bin/python"), str(HERE / "dask_driver.py"), str(TRIVIAL_JOB), str(SLOTS)]
    environment = {
        **os.environ,
        "DASK_TEMPORARY_DIRECTORY": str(folder),
        "PYTHONPATH": str(ROOT / "src"),  # the job imports titan_sdk there too
    }
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        dask = Dask(process)
        dask.answer()
        yield dask


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
