"""Decide whether an attempt gives its slot back while its program waits, and when it runs on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from titan.model.workers import Worker

PARKS: Final = "parks"  # how a program waits that needs no slot meanwhile
#: How else programs wait → why they keep their slots.
KEEPS: Final[Mapping[str, str]] = {
    "threads": "its program waits in a thread, or has other threads",
    "asyncio": "its program waits in asyncio without park=True",
    "child": "a process that the job started waits, not the job's own",
    "asked": "its program waits with park=False",
}


def why_kept(waits: str, label: str, worker: Worker, *, parked_count: int) -> str | None:
    """Return why an attempt keeps its slot while its program waits; None when it gives the slot back.

    `waits` is PARKS or one of KEEPS; of the worker's attempts `parked_count` are parked.
    """
    if waits != PARKS:
        return KEEPS.get(waits, KEEPS["asked"])
    if label not in worker.parks:
        return f"its worker does not give back slots of {label} (TITAN_PARK_LABELS)"
    if parked_count >= worker.max_parked:
        return f"its worker has {parked_count} parked jobs, as many as it may (TITAN_MAX_PARKED)"
    return None


def has_turn(lease_id: str, running: Mapping[str, datetime | None], *, slots: int, may_run_over: bool) -> bool:
    """Return whether a woken attempt runs on now; the one that was woken first goes first.

    `running` has the attempts that run under its label on its worker: lease → since when it was woken and waits for a
    slot, None of those that have one. With `may_run_over` there may be one more for each slot.
    """
    since = running[lease_id]
    before = sum(
        each is None or (since is not None and (each, other) < (since, lease_id)) for other, each in running.items()
    )
    return before < (2 * slots if may_run_over else slots)
