"""Recording that nobody waits for: what it is about was answered already."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from titan.model.errors import TitanError

MOST_BYTES: Final = 64 * 1024 * 1024  # that wait: 6,000 calls with 10 KB of conversation, or four of the longest

logger = logging.getLogger(__name__)


class Afterwards:
    """Work beside the requests that goes on when they have ended, and that the server finishes before it ends."""

    def __init__(self, *, on_lost: Callable[[], None]) -> None:
        """`on_lost` is called for each piece of work that failed, or that was one too many."""
        self._on_lost = on_lost
        self._tasks: set[asyncio.Task[None]] = set()
        self._bytes = 0
        self._is_losing = False

    def begin(self, work: Coroutine[Any, Any, object], *, size_bytes: int) -> None:
        """Do `work`, which holds so much memory. What is begun first also takes its first step first."""
        if self._tasks and self._bytes + size_bytes > MOST_BYTES:
            work.close()
            self._lost(f"{len(self._tasks)} others of {self._bytes} bytes wait")
            return
        self._bytes += size_bytes
        task = asyncio.get_running_loop().create_task(self._done(work, size_bytes))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Return when everything that was begun is done."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def _done(self, work: Coroutine[Any, Any, object], size_bytes: int) -> None:
        try:
            await work
        except TitanError as error:
            self._lost(str(error))
        except Exception:
            logger.exception("a call of the model endpoint is not recorded")
            self._on_lost()
        else:
            self._is_losing = False
        finally:
            self._bytes -= size_bytes

    def _lost(self, reason: str) -> None:
        self._on_lost()
        if not self._is_losing:  # once, until it works again: a full disk refuses every call
            logger.warning("calls of the model endpoint are not recorded: %s", reason)
        self._is_losing = True
