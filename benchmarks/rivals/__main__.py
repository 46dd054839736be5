"""Measure Titan beside others: its jobs beside schedulers, its records beside servers that keep traces.

`make bench-rivals` measures both, `make bench-rivals ARGS="jobs --only celery"` or `ARGS="calls --only phoenix"` one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Final

from benchmarks.rivals import jobs
from benchmarks.rivals.calls import run as calls

FAMILIES: Final[dict[str, Callable[[Sequence[str]], int]]] = {"jobs": jobs.main, "calls": calls.main}
USAGE: Final = f"usage: python -m benchmarks.rivals [--quick] | {' | '.join(FAMILIES)} [--help | options]"


def main(arguments: Sequence[str]) -> int:
    """Measure the family that is named first, or all; return the highest of their exit codes."""
    if arguments and arguments[0] in FAMILIES:
        return FAMILIES[arguments[0]](arguments[1:])
    if any(argument != "--quick" for argument in arguments):
        print(USAGE, file=sys.stderr)
        return 2
    return max(measure(arguments) for measure in FAMILIES.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
