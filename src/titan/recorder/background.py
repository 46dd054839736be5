"""Records calls of the model endpoint in the background, after they were answered."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from titan.model.errors import StoreUnavailable, TitanError

MOST_BYTES: Final = 64 * 1024 * 1024  # that wait: 3,000 calls with 10 KB of conversation, or four of the longest
EACH_BYTES: Final = 10 * 1024  # that a piece of work takes besides: its request, its answer, its task
FIRST_PAUSE_SECONDS: Final = 0.5  # before the second try; doubles
LONGEST_PAUSE_SECONDS: Final = 15.0
LAST_PAUSE_SECONDS: Final = 0.25  # between tries while the server stops
LAST_SECONDS: Final = 1.0  # for tries while the server stops: as long as its requests get to end

logger = logging.getLogger(__name__)

Work = Callable[[], Awaitable[object]]


class BackgroundRecording:
    """Work that goes on after the request that began it, and that the server finishes before it ends.

    Work is repeated while the store is away.
    """

    def __init__(self, *, on_lost: Callable[[], None]) -> None:
        """`on_lost` is called for each piece of work that failed for good, or for which there was no room."""
        self._on_lost = on_lost
        self._tasks: set[asyncio.Task[None]] = set()
        self._bytes = 0
        self._lost_count = 0
        self._is_losing = False
        self._is_waiting = False
        self._is_finishing = asyncio.Event()
        self._last_try_at = float("inf")

    def begin(self, work: Work, *, size_bytes: int) -> None:
        """Do `work`, which holds `size_bytes` of memory. Work takes its first step in the order of these calls."""
        size_bytes += EACH_BYTES
        if self._tasks and self._bytes + size_bytes > MOST_BYTES:
            self._lose(f"{len(self._tasks)} others of {self._bytes} bytes wait")
            return
        self._bytes += size_bytes
        task = asyncio.get_running_loop().create_task(self._do(work, size_bytes))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Return when all work is done, or lost because the store stays away."""
        lost_before = self._lost_count
        self._last_try_at = asyncio.get_running_loop().time() + LAST_SECONDS
        self._is_finishing.set()
        while self._tasks:
            await asyncio.gather(*self._tasks)
        if self._lost_count > lost_before + 1:  # one is in the log already
            logger.warning("%d calls of the model endpoint are lost", self._lost_count - lost_before)

    async def _do(self, work: Work, size_bytes: int) -> None:
        pause = FIRST_PAUSE_SECONDS
        try:
            while not await self._try(work):
                if self._is_finishing.is_set():
                    await asyncio.sleep(LAST_PAUSE_SECONDS)
                else:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._is_finishing.wait(), pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        except TitanError as error:
            self._lose(str(error))
        except Exception:
            logger.exception("a call of the model endpoint is not recorded")
            self._count_lost()
        else:
            self._is_losing = self._is_waiting = False
        finally:
            self._bytes -= size_bytes

    async def _try(self, work: Work) -> bool:
        """Do `work` once; return False when it is to be repeated because the store is away."""
        try:
            await work()
        except StoreUnavailable as error:
            if asyncio.get_running_loop().time() >= self._last_try_at:
                raise
            if not self._is_waiting:  # logged once, until it works again
                logger.warning("calls of the model endpoint are recorded later: %s", error)
            self._is_waiting = True
            return False
        return True

    def _lose(self, reason: str) -> None:
        self._count_lost()
        if not self._is_losing:  # logged once, until it works again: a full disk refuses every call
            logger.warning("calls of the model endpoint are not recorded: %s", reason)
        self._is_losing = True

    def _count_lost(self) -> None:
        self._lost_count += 1
        self._on_lost()
