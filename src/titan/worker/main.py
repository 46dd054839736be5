"""Runs a worker process: for `titan workers join`, and beside `titan up`."""

import json
import logging
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import cycle
from pathlib import Path
from types import FrameType
from typing import Final

from titan.home.identity import WORKER_TOKEN_FILE, host_name, read_home_id, read_home_token
from titan.log_lines import FORMATS, LEVELS, configure, flush, log_to
from titan.settings import counted, one_of, setting, whole_number
from titan.wire.protocol import MAX_PARKED
from titan.worker.adoption import LOG, FolderInUse, known_as, local_folder, own_folder
from titan.worker.files.file_collector import CollectLimits
from titan.worker.mailbox import LeaveAsked, Mailbox
from titan.worker.server_client import ServerAddress
from titan.worker.worker import NoWarmInterpreter, Worker, WorkerPlan
from titan_sdk.errors import TitanError

logger = logging.getLogger(__name__)

ABSENCE_LIMIT_SECONDS: Final = 600.0  # long enough to repair a server, short enough to leave no process for ever
SECOND_SIGNAL_EXIT_CODE: Final = 130  # as a shell reports a program that Ctrl-C ended
MAX_WORKERS_OF_A_HOME: Final = 100
FLUSH_SECONDS: Final = 0.5  # for the last lines of the log; nobody has to read them


def run(
    *,
    urls: Sequence[str],
    offers: Mapping[str, int],
    home: Path,
    name: str | None = None,
    is_local: bool = False,
    token: str | None = None,
    ca_file: str | None = None,
    log_format: str | None = None,
) -> int:
    """Work for the server at one of `urls` until SIGINT or SIGTERM, and return the exit code.

    When one of several servers, which must share a database, does not answer, it tries the next.

    `home` is a TITAN_HOME: the local worker uses the folder `worker` below it, a further local one
    `local-workers/<name>`, others `workers/<name>`. A local worker reaches its server by the socket in the home, with
    the home's token for workers; it ends with its home, and after 10 minutes without a server. Others send `token`, and
    trust the certificates in `ca_file` instead of the system's. The first signal returns what runs, uncounted; a second
    one ends the process, and with it every job, at once.

    0: it left in order. 1: no warm interpreter started, or another worker uses its folder. 2: the server refused it.
    """
    configure(log_format or one_of("TITAN_LOG_FORMAT", FORMATS), one_of("TITAN_LOG_LEVEL", LEVELS))
    home = home.absolute()  # jobs run in other folders
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    mailbox = Mailbox()
    _leave_on_signals(mailbox)
    with ExitStack() as owned:
        try:
            folder = _own_a_folder(owned, home, name, is_local=is_local)
        except FolderInUse as cause:
            logger.error("%s", cause)
            flush(FLUSH_SECONDS)
            return 1
        if not is_local:  # its server writes the output of that one to a file
            log_to(folder / LOG)
        servers = [ServerAddress.of(url, token=token, ca_file=ca_file) for url in urls]
        plan = WorkerPlan(
            name=name or (host_name() if is_local else folder.name),
            host=host_name(),
            offers=offers,
            folder=folder,
            collect=CollectLimits(
                file_bytes=whole_number("TITAN_COLLECT_FILE_BYTES"), files=whole_number("TITAN_COLLECT_FILES")
            ),
            find_server=partial(_at_home, home) if is_local else partial(next, cycle(servers)),
            find_job_server=AnnouncedServer(home, urls[0]).address if is_local else None,
            has_other_servers=len(urls) > 1,
            memory_limit_bytes=whole_number("TITAN_JOB_MEMORY_BYTES") or None,
            parks=[label for label in map(str.strip, setting("TITAN_PARK_LABELS").split(",")) if label],
            max_parked=counted("TITAN_MAX_PARKED", least=0, most=MAX_PARKED),
            absence_limit_seconds=ABSENCE_LIMIT_SECONDS if is_local else None,
            home=home if is_local else None,
            home_id=read_home_id(home) if is_local else None,
        )
        return _work(plan, mailbox)


def _work(plan: WorkerPlan, mailbox: Mailbox) -> int:
    worker = Worker(plan, mailbox)
    try:
        with known_as(plan.folder, worker_id=worker.worker_id, offers=plan.offers):
            worker.start()
            logger.info("worker %s offers %s; Ctrl-C gives back what it runs", plan.name, dict(plan.offers))
            worker.work()
            worker.leave()
    except NoWarmInterpreter as cause:
        logger.error("%s", cause)
        return 1
    except TitanError as cause:
        logger.error("the server refuses this worker: %s", cause)
        return 2
    finally:
        worker.close()
        flush(FLUSH_SECONDS)
    return 0


def _leave_on_signals(mailbox: Mailbox) -> None:
    asked: list[int] = []

    def leave(number: int, _frame: FrameType | None) -> None:
        if asked:
            os._exit(SECOND_SIGNAL_EXIT_CODE)  # the reapers notice and end their jobs
        asked.append(number)
        mailbox.post(LeaveAsked(why=signal.Signals(number).name))

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


def _own_a_folder(owned: ExitStack, home: Path, name: str | None, *, is_local: bool) -> Path:
    """Lock the worker's folder and return it; without a name it is the host's, or host-2 and so on beside others."""
    if is_local or name is not None:
        folder = local_folder(home, name) if is_local else home / "workers" / str(name)
        owned.enter_context(own_folder(folder))
        return folder
    for number in range(1, MAX_WORKERS_OF_A_HOME):
        folder = home / "workers" / (host_name() if number == 1 else f"{host_name()}-{number}")
        try:
            owned.enter_context(own_folder(folder))
        except FolderInUse:
            continue
        return folder
    raise FolderInUse(f"{home / 'workers'}: expected a free folder; found {MAX_WORKERS_OF_A_HOME} workers in it.")


def _at_home(home: Path) -> ServerAddress:
    """Return where a local worker reaches the server of its home."""
    return ServerAddress(host="localhost", port=80, token=read_home_token(home, WORKER_TOKEN_FILE), home=home)


class AnnouncedServer:
    """Where jobs of local workers reach the server: the address that the newest one wrote into `server.json`."""

    def __init__(self, home: Path, url: str) -> None:
        """`url` counts until a server has written another."""
        self._file = home / "server.json"
        self._address = ServerAddress.of(url)
        self._stamp: tuple[int, int] | None = None

    def address(self) -> ServerAddress:
        """Return the address; the file is read again only when it has changed."""
        try:
            status = self._file.stat()
            stamp = (status.st_ino, status.st_mtime_ns)
            if stamp != self._stamp:
                self._address = ServerAddress.of(json.loads(self._file.read_text())["job_url"])
                self._stamp = stamp
        except (OSError, ValueError, LookupError, TypeError):
            pass  # no server runs, or one of an older Titan
        return self._address
