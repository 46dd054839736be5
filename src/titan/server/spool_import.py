"""Import entries that programs on this machine spooled in the home while the server was away.

Programs that still run deliver their own spool; entries delivered twice count once. An invalid entry does not block
the others.
"""

import asyncio
import logging
from concurrent.futures import CancelledError
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from titan.model.actions import Entry
from titan.model.errors import InvalidInput, TitanError, TooLarge
from titan.model.projects import DEFAULT_PROJECT
from titan.server.app_state import AppState, ServerInfo
from titan.server.http.responses import status_code_of
from titan.server.routes.recording import MAX_RECORD_BYTES, reported_in
from titan.wire.actions import RecordBody
from titan_sdk.http.address import Address
from titan_sdk.recording.delivery import Answer, Verdict, deliver_folder, folders_for, verdict_of

LOOK_SECONDS: Final = 5.0  # the retry interval of the SDK
PATIENCE_SECONDS: Final = 60.0  # for a busy writer

logger = logging.getLogger(__name__)


class SpoolImport:
    """Imports the spool folders of the server's home."""

    def __init__(self, app: AppState) -> None:
        self._app = app
        self._folders = folders_of(app.server_info)

    async def keep(self) -> None:
        """Import spooled entries every few seconds, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                await asyncio.to_thread(self.take_in, loop)
            except Exception:
                logger.exception("what programs left is looked for again in %g s", LOOK_SECONDS)
            await asyncio.sleep(LOOK_SECONDS)

    def take_in(self, loop: asyncio.AbstractEventLoop) -> None:
        """Import spooled entries; runs on a thread, `loop` records."""
        for folder in self._folders:
            done = deliver_folder(str(folder), partial(self._post, loop))
            if done.taken:
                logger.info("took in %d entries that programs had left in %s", done.taken, folder)
            if done.refusals:
                logger.warning("in %s: %d recorded entries are lost: %s", folder, len(done.refusals), done.refusals[0])

    def _post(self, loop: asyncio.AbstractEventLoop, body: bytes, _within_seconds: float) -> Answer:
        try:
            asyncio.run_coroutine_threadsafe(self._record(body), loop).result(PATIENCE_SECONDS)
        except TitanError as error:
            return Answer(verdict_of(status_code_of(error)), str(error))
        except (TimeoutError, CancelledError):  # the server is busy or stopping
            return Answer(Verdict.AWAY)
        return Answer(Verdict.TAKEN)

    async def _record(self, body: bytes) -> None:
        self._app.space.check("recording what programs left")
        await self._app.recorder.record(DEFAULT_PROJECT, partial(_read, body))


def folders_of(server_info: ServerInfo) -> list[Path]:
    """Return the spool folders of a home's server, for each of its addresses."""
    parts = map(urlsplit, server_info.urls)
    own = [Address(each.hostname or "", each.port or 0) for each in parts]
    found = folders_for([Address("", 0, is_named=False), *own], {"TITAN_HOME": server_info.home})
    return [Path(folder) for folder in found]


def _read(raw: bytes) -> list[Entry]:
    if len(raw) > MAX_RECORD_BYTES:
        raise TooLarge("a file", expected=f"at most {MAX_RECORD_BYTES} bytes", found=f"{len(raw)}")
    try:
        body = msgspec.json.decode(raw, type=RecordBody)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput("a file", expected="a body of POST /api/v1/actions", found=str(error)) from error
    return reported_in(body, None)
