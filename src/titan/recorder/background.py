"""Recording that nobody waits for: what it is about was answered already."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from titan.model.errors import StoreUnavailable, TitanError

MOST_BYTES: Final = 64 * 1024 * 1024  # that wait: 3,000 calls with 10 KB of conversation, or four of the longest
EACH_BYTES: Final = 10 * 1024  # that a piece of work takes besides: its request, its answer, its task
FIRST_PAUSE_SECONDS: Final = 0.5  # before the second try; each pause is twice as long as the one before
LONGEST_PAUSE_SECONDS: Final = 15.0
LAST_PAUSE_SECONDS: Final = 0.25  # between tries while the server stops
LAST_SECONDS: Final = 5.0  # of a server that stops, for tries: as long as its requests get to end

logger = logging.getLogger(__name__)

Work = Callable[[], Awaitable[object]]


class BackgroundRecording:
    """Work beside the requests that goes on when they have ended, and that the server finishes before it ends.

    A store that is away for a moment loses nothing: the work is done again until the store is back.
    """

    def __init__(self, *, on_lost: Callable[[], None]) -> None:
        """`on_lost` is called for each piece of work that failed for good, or that was one too many."""
        self._on_lost = on_lost
        self._tasks: set[asyncio.Task[None]] = set()
        self._bytes = 0
        self._lost_count = 0
        self._is_losing = False
        self._is_waiting = False
        self._is_finishing = asyncio.Event()
        self._last_try_at = float("inf")

    def begin(self, work: Work, *, size_bytes: int) -> None:
        """Do `work`, which holds so much memory. What is begun first also takes its first step first."""
        size_bytes += EACH_BYTES
        if self._tasks and self._bytes + size_bytes > MOST_BYTES:
            self._lost(f"{len(self._tasks)} others of {self._bytes} bytes wait")
            return
        self._bytes += size_bytes
        task = asyncio.get_running_loop().create_task(self._done(work, size_bytes))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Return when everything that was begun is done, or lost since the store stays away."""
        lost_before = self._lost_count
        self._last_try_at = asyncio.get_running_loop().time() + LAST_SECONDS
        self._is_finishing.set()
        while self._tasks:
            await asyncio.gather(*self._tasks)
        if self._lost_count > lost_before + 1:  # one is in the log already
            logger.warning("%d calls of the model endpoint are lost", self._lost_count - lost_before)

    async def _done(self, work: Work, size_bytes: int) -> None:
        try:
            await self._repeated(work)
        except TitanError as error:
            self._lost(str(error))
        except Exception:
            logger.exception("a call of the model endpoint is not recorded")
            self._count_lost()
        else:
            self._is_losing = self._is_waiting = False
        finally:
            self._bytes -= size_bytes

    async def _repeated(self, work: Work) -> None:
        """Do `work`, again and again while the store is away and there is time."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                await work()
                return
            except StoreUnavailable as error:
                if asyncio.get_running_loop().time() >= self._last_try_at:
                    raise
                self._note_waiting(error)
            await self._rest(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _rest(self, seconds: float) -> None:
        """Wait for the next try; not long when the server stops."""
        if self._is_finishing.is_set():
            await asyncio.sleep(LAST_PAUSE_SECONDS)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_finishing.wait(), seconds)

    def _note_waiting(self, error: StoreUnavailable) -> None:
        if not self._is_waiting:  # once, until it works again
            logger.warning("calls of the model endpoint are recorded later: %s", error)
        self._is_waiting = True

    def _lost(self, reason: str) -> None:
        self._count_lost()
        if not self._is_losing:  # once, until it works again: a full disk refuses every call
            logger.warning("calls of the model endpoint are not recorded: %s", reason)
        self._is_losing = True

    def _count_lost(self) -> None:
        self._lost_count += 1
        self._on_lost()
