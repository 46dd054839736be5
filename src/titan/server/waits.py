"""Waits of requests; the job that asks is parked meanwhile, where its client says that it may be."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

from titan.model.attempts import Attempt, Wait
from titan.orchestrator.bus import BusClosed, Topic
from titan.server.http.call import Call

WAITS: Final = "titan-wait"  # header of the SDK: how the program of a job waits, see `titan.rules.jobs.parking`
PARK_AFTER_SECONDS: Final = 0.1  # a shorter wait is not worth two commits


async def wait_until(
    call: Call, topics: Sequence[Topic], holds: Callable[[], Awaitable[bool]], seconds: float, *, wait: Wait
) -> None:
    """Wait until `holds` returns true after a change to `topics`, or the time is over, or the server is ending.

    `wait` says what the request waits for. A job that was parked stays so until its client asks for its slot, with
    POST /api/attempt/resume.

    Raises:
        Deadlock: the job would wait for itself.
    """
    attempt, waits = call.caller.attempt, call.header(WAITS)
    with suppress(BusClosed):
        if attempt is None or waits is None:
            await call.app.bus.wait_until(topics, holds, seconds)
        else:
            await call.while_connected(_wait_as_job(call, topics, holds, seconds, attempt, wait, waits))


async def _wait_as_job(
    call: Call,
    topics: Sequence[Topic],
    holds: Callable[[], Awaitable[bool]],
    seconds: float,
    attempt: Attempt,
    wait: Wait,
    waits: str,
) -> None:
    at_first = 0.0 if attempt.wait is not None else min(seconds, PARK_AFTER_SECONDS)
    if await call.app.bus.wait_until(topics, holds, at_first) or seconds <= at_first:
        return
    if attempt.parked_at is None or attempt.wait != wait:
        await call.app.orchestrator.park(attempt.lease_id, wait, waits=waits)
    await call.app.bus.wait_until(topics, holds, seconds - at_first)
