"""Lives through many seeds on all cores, and says how to repeat those that failed."""

import faulthandler
import logging
import os
import threading
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias

import pytest

Life: TypeAlias = Callable[[int, Path], None]

#: A folder in memory, where the system has one: a disk's wait for durability is not what is tested here.
MEMORY: Final = Path("/dev/shm")
HANG_SECONDS: Final = 120  # a life takes 0.1 s
ENOUGH: Final = 5  # failures after which no more are looked for; a mistake usually fails many seeds
SHOWN: Final = 2  # failures whose traceback is shown


def few_and_many(few: int, many: int) -> list[object]:
    """Return the first seeds, for every day, and all that follow up to `many`, which are slow."""
    return [
        pytest.param(range(few), id="few"),
        pytest.param(range(few, many), id="many", marks=pytest.mark.slow),
    ]


def chosen_seeds(default: range) -> Sequence[int]:
    """Return the seeds of SIMULATION_SEEDS, a number or FIRST-LAST, else `default`."""
    first, _, last = os.environ.get("SIMULATION_SEEDS", "").partition("-")
    return range(int(first), int(last or first) + 1) if first else default


def failures(life: Life, seeds: Sequence[int]) -> str:
    """Live through all seeds; return which failed, how, and the command that repeats each. Empty: none."""
    if len(seeds) == 1:
        life_of_one_seed(life, seeds[0])
        return ""
    failed: dict[int, str] = {}
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), initializer=_prepare) as pool:
        for seed, end in zip(seeds, pool.map(partial(_end_of, life), seeds, chunksize=10), strict=True):
            if end:
                failed[seed] = end
            if len(failed) == ENOUGH:
                pool.shutdown(cancel_futures=True)
                break
    shown = "\n".join(list(failed.values())[:SHOWN])
    commands = "".join(
        f"\n  SIMULATION_SEEDS={seed} pytest tests/simulation -m 'not slow' -k {life.__name__}" for seed in failed
    )
    return f"{shown}\n{len(failed)} seeds failed. To repeat one of them:{commands}" if failed else ""


def life_of_one_seed(life: Life, seed: int) -> None:
    """Live through a seed in a folder of its own."""
    with TemporaryDirectory(prefix="titan-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as folder:
        life(seed, Path(folder))


def _end_of(life: Life, seed: int) -> str:
    """Return the traceback of a life that failed, else nothing. One that hangs ends the process, saying where."""
    faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
    try:
        life_of_one_seed(life, seed)
    except Exception:  # noqa: BLE001  # whatever it is, it is what the seed found
        return f"seed {seed}:\n{traceback.format_exc()}"
    finally:
        faulthandler.cancel_dump_traceback_later()
    return ""


def _prepare() -> None:
    """Say nothing of faults that were asked for, and end with the process that asks for lives."""
    logging.disable()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
