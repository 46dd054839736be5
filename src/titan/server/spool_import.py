"""Takes in what programs of this machine recorded while the server was away: it waits in the home; they may be over.

A program that goes on brings its own, as the next one that records here does; what several bring counts once. It is
delivered as they would, so what is wrong with an entry holds up no others.
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
from titan.server.app_state import AppState, RunsWith
from titan.server.http.responses import status_code_of
from titan.server.routes.recording import MAX_RECORD_BYTES, reported_in
from titan.wire.recording import RecordBody
from titan_sdk.http.address import Address
from titan_sdk.recording.delivery import Answer, Verdict, deliver_folder, folders_for, verdict_of

LOOK_SECONDS: Final = 5.0  # as often as a program that goes on tries itself
PATIENCE_SECONDS: Final = 60.0  # for the writer, who may be busy: nobody waits for this

logger = logging.getLogger(__name__)


class SpoolImport:
    """The folders of a server's own home in which programs keep what they recorded for it."""

    def __init__(self, app: AppState) -> None:
        self._app = app
        self._folders = folders_of(app.runs_with)

    async def keep(self) -> None:
        """Take in what waits, now and whenever more has come, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                await asyncio.to_thread(self.take_in, loop)
            except Exception:
                logger.exception("what programs left is looked for again in %g s", LOOK_SECONDS)
            await asyncio.sleep(LOOK_SECONDS)

    def take_in(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take in what waits; on a thread beside `loop`, which records."""
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
        except (TimeoutError, CancelledError):  # the server is busy, or ends
            return Answer(Verdict.AWAY)
        return Answer(Verdict.TAKEN)

    async def _record(self, body: bytes) -> None:
        self._app.space.check("recording what programs left")
        await self._app.recorder.record(DEFAULT_PROJECT, partial(_read, body))


def folders_of(runs_with: RunsWith) -> list[Path]:
    """Return where a home's programs keep what is for the server that runs on it, by whichever of its addresses."""
    parts = map(urlsplit, runs_with.urls)
    own = [Address(each.hostname or "", each.port or 0) for each in parts]
    found = folders_for([Address("", 0, is_named=False), *own], {"TITAN_HOME": runs_with.home})
    return [Path(folder) for folder in found]


def _read(raw: bytes) -> list[Entry]:
    if len(raw) > MAX_RECORD_BYTES:
        raise TooLarge("a file", expected=f"at most {MAX_RECORD_BYTES} bytes", found=f"{len(raw)}")
    try:
        body = msgspec.json.decode(raw, type=RecordBody)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput("a file", expected="a body of POST /api/v1/actions", found=str(error)) from error
    return reported_in(body, None)
