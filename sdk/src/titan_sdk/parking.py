"""Waits of jobs: after 100 ms the server parks a job that waits, so that its slot is free for other jobs meanwhile.

The wait's requests say in a header how the job waits. What the job waited for being there, it asks for a slot again.
"""

from __future__ import annotations

import os
import sys
import time

from titan_sdk.errors import ServerUnavailable, TitanError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from titan_sdk.http.transport import AsyncTransport

PARK_AFTER_SECONDS = 0.1  # the server's
OWN_THREADS = frozenset({"titan-recording"})


class JobWait:
    """A wait, as a context manager around its requests; leaving it, the program has a slot again."""

    def __init__(self, transport: AsyncTransport, park: bool | None) -> None:
        how = how_job_waits(park, is_async=transport.http.is_async)
        self._transport = transport
        self._began = time.monotonic()
        #: For the requests of the wait; None outside of jobs.
        self.headers = None if how is None else {"Titan-Wait": how}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.headers is None or time.monotonic() - self._began < PARK_AFTER_SECONDS:
            return
        patience = 0.0 if isinstance(error, ServerUnavailable) else None
        try:
            while not (await self._resume(patience))["has_slot"]:
                continue
        except TitanError:
            if error is None:
                raise

    async def _resume(self, patience: float | None) -> dict[str, bool]:
        path = "/api/attempt/resume"
        answer: dict[str, bool] = await self._transport.request_json(
            "POST", path, mutation=False, retry_for_seconds=patience
        )
        return answer


def how_job_waits(park: bool | None, *, is_async: bool) -> str | None:
    """Return how this program waits, in the server's words: `parks` if it needs no slot; None outside of jobs.

    `park` is what the caller asks for: None parks a program whose only thread waits, and no asynchronous one.
    """
    if "TITAN_JOB_ID" not in os.environ:
        return None
    if park is False:
        return "asked"
    if os.getpid() != os.getsid(0):
        return "child"
    if is_async:
        return "parks" if park else "asyncio"
    return "parks" if _is_only_thread() else "threads"


def _is_only_thread() -> bool:
    threading = sys.modules.get("threading")
    if threading is None:
        return len(sys._current_frames()) == 1
    own = {thread.ident for thread in threading.enumerate() if thread.name in OWN_THREADS}
    others = sys._current_frames().keys() - own - {threading.main_thread().ident}
    return not others and threading.current_thread() is threading.main_thread()
