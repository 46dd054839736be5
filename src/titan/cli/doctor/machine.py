"""Checks of this machine: the home and its databases, undelivered recordings, job processes, the language model."""

import asyncio
import os
import select
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Final

from titan.cli.doctor import Finding, fail, ok, warn
from titan.cli.spool import waiting_in
from titan.cli.views.formats import duration, size
from titan.llm.addresses import LOCAL, SCRIPTED_PREFIX
from titan.llm.openai_compatible import OpenAICompatibleModel
from titan.llm.registry import open_model
from titan.model.errors import StoreDamaged
from titan_sdk.recording.delivery import FOLDER, HOME_SERVER, SPOOLS

if TYPE_CHECKING:
    from titan.ports.execution import AttemptEnd
    from titan.store.sqlite.opening import Kind
    from titan.worker.executors.local import LocalExecutor

LOW_BYTES: Final = 1024**3  # a day of a small installation's logs
EMPTY_BYTES: Final = 100 * 1024**2
WARM_SECONDS: Final = 30.0  # as a worker waits
END_SECONDS: Final = 20.0

#: Starts a process in a session of its own, as a daemon does, and prints its id.
_STRAY_JOB: Final = """\
import subprocess
stray = subprocess.Popen(["sleep", "600"], start_new_session=True)
print(stray.pid, flush=True)
"""


def check_home(home: Path) -> Iterator[Finding]:
    """Check the home's owner and permissions."""
    if not home.exists():
        yield warn("home", f"{home} does not exist yet", "`titan up` makes it; --home or TITAN_HOME names another.")
        return
    if not home.is_dir():
        yield fail("home", f"{home} is not a folder", "Choose another with --home or TITAN_HOME.")
        return
    entry = home.stat()
    if entry.st_uid != os.geteuid():
        yield fail(
            "home", f"{home} belongs to user {entry.st_uid}, this is user {os.geteuid()}", "Use a home of yours."
        )
    elif not os.access(home, os.W_OK | os.X_OK):
        yield fail("home", f"{home} cannot be written", f"chmod 700 {home}")
    elif entry.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        mode = stat.S_IMODE(entry.st_mode)
        yield warn("home", f"{home} is open to others (mode {mode:03o})", f"chmod 700 {home}, or start Titan once.")
    else:
        yield ok("home", f"{home}; only you can read it")


def check_disk(home: Path) -> Iterator[Finding]:
    """Check the free space on the home's disk."""
    place = next(folder for folder in (home, *home.parents) if folder.is_dir())
    free = shutil.disk_usage(place).free
    if free < EMPTY_BYTES:
        yield fail("disk", f"{size(free)} free on the disk of {place}", "Free some space: Titan cannot store anything.")
    elif free < LOW_BYTES:
        yield warn("disk", f"{size(free)} free on the disk of {place}", "Free some space before it is full.")
    else:
        yield ok("disk", f"{size(free)} free")


def check_database(home: Path) -> Iterator[Finding]:
    """Check the database of jobs, which a server may have open."""
    from titan.store import home_files
    from titan.store.folders import kept_free
    from titan.store.sqlite import opening

    with kept_free(home / home_files.CONTROL_FILE) as is_free:
        home_files.check_control(home)
        yield from _check("database", home / home_files.CONTROL_FILE, opening.CONTROL, is_free=is_free)


def check_calls(home: Path) -> Iterator[Finding]:
    """Check the database of recorded runs, which a server may have open."""
    from titan.store import home_files
    from titan.store.folders import kept_free
    from titan.store.runs.sqlite_store import CALLS

    with kept_free(home / home_files.CONTROL_FILE) as is_free:
        try:
            were_made = not is_free or home_files.were_calls_made(home)
        except StoreDamaged:
            were_made = False  # nobody can tell; `check_database` says why
        home_files.check_calls(home, were_made=were_made)
        yield from _check("calls", home / home_files.CALLS_FILE, CALLS, is_free=is_free)


def _check(name: str, path: Path, kind: "Kind", *, is_free: bool) -> Iterator[Finding]:
    import apsw

    from titan.store.sqlite import opening
    from titan.store.sqlite.session import translated

    if not opening.is_made(path):
        yield ok(name, f"{path.name}: does not exist yet; the first `titan up` creates it")
        return
    size_bytes = size(path.stat().st_size)
    try:
        within_seconds = None if is_free else opening.CHECK_SECONDS
        version = opening.check(path, kind, within_seconds=within_seconds, is_open=not is_free)
        found = "intact; no server has it open" if is_free else "readable while the server has it open"
        yield ok(name, f"{path.name}, {size_bytes}, {found}")
        if version < kind.schema.version:
            text = f"{path.name} has schema version {version}: the next `titan up` upgrades it to {kind.schema.version}"
            yield warn(name, text, "The older Titan cannot open it after that: keep a copy (titan backup DEST).")
    except apsw.Error as error:
        raise translated(error, path) from error


def check_spools(home: Path, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Report recorded entries that wait for a server: in the home, in its workers' folders, and in TITAN_SPOOL."""
    now = datetime.now(UTC)
    is_any = False
    for folder in _folders(home, environment):
        try:
            waiting = waiting_in(folder)
        except PermissionError:
            yield warn("recorded", f"{folder} cannot be read", f"Ask its owner, or run: chmod 700 {folder}")
            is_any = True
            continue
        if waiting is not None:
            is_any = True
            facts = f"{size(waiting.size_bytes)}, the oldest {duration(now - waiting.since)} old"
            text = f"waiting for the server: {waiting.what} ({facts}) in {folder}"
            yield warn("recorded", text, _to_deliver(folder, home))
    if not is_any:
        yield ok("recorded", "no recorded entries wait for the server")


def _folders(home: Path, environment: Mapping[str, str]) -> list[Path]:
    """Return the folders in which entries may wait."""
    given = environment.get(FOLDER)
    folders = [*(home / SPOOLS).glob("*"), *home.glob("worker/spools/*"), *home.glob("*workers/*/spools/*")]
    if given:
        folders.append(Path(given).absolute())
    return sorted({folder for folder in folders if folder.is_dir()})


def _to_deliver(folder: Path, home: Path) -> str:
    """Return when the entries in a folder will be delivered, and the command that does it now."""
    by_hand = f"titan runs import {quote(str(folder))}"
    if folder.parent.name == "spools":
        return (
            "Their worker delivers them while it runs and the server answers: titan up, or titan workers join; "
            f"or {by_hand}"
        )
    if folder.parent != home / SPOOLS:
        return f"Start the server; the next program that records here delivers them. To deliver them now: {by_hand}"
    if folder.name == HOME_SERVER:
        return f"Start the server: it imports them. To another server: {by_hand} --server URL"
    host, _, port = folder.name.rpartition("_")
    return (
        f"They are for {host}:{port}: the next program that records there delivers them. "
        f"To another server: {by_hand} --server URL. If they are not needed: rm -r {quote(str(folder))}"
    )


def check_machine() -> Iterator[Finding]:
    """Run a job as a worker would, and check that all its processes end."""
    from titan.worker.executors.local import LocalExecutor

    started = time.monotonic()
    executor = LocalExecutor(spare_reapers=1)
    try:
        if not executor.wait_until_warm(WARM_SECONDS):
            yield fail("interpreter", "no warm interpreter started", "Run `titan workers join`: its log says why.")
            return
        yield ok("interpreter", f"warm after {_since(started)}")
        with tempfile.TemporaryDirectory() as folder:
            yield from _check_a_job(executor, Path(folder))
    finally:
        executor.close()


def _check_a_job(executor: "LocalExecutor", folder: Path) -> Iterator[Finding]:
    from titan.ports.execution import AttemptOrder

    script, log = folder / "job" / "stray.py", folder / "log"
    script.parent.mkdir()
    script.write_text(_STRAY_JOB)
    started = time.monotonic()
    executor.start(AttemptOrder(lease_id="doctor", script=script, args=(), directory=folder, log=log, environment={}))
    ends = _ends(executor, started + END_SECONDS)
    if not ends or ends[0].exit_code != 0:
        said = log.read_text("utf-8", "replace").strip()[-300:] if log.exists() else ""
        why = (ends[0].start_error if ends else "it did not end") or said or "it wrote no output"
        yield fail("jobs", f"a job does not run here: {why}", "Look at the limits on processes and memory (ulimit -a).")
        return
    yield ok("jobs", f"one was started, forked and ended in {_since(started)}")
    pid = int(log.read_text().split()[0])
    if _is_alive(pid):
        yield warn("kill", "a process that left its session outlives its job", "End such processes in the job.")
    else:
        yield ok("kill", "all processes that a job starts end with the job")


def _ends(executor: "LocalExecutor", deadline: float) -> "list[AttemptEnd]":
    """Wait for the attempt's end."""
    ends: list[AttemptEnd] = []
    while not ends and (left := deadline - time.monotonic()) > 0:
        select.select([executor], [], [], left)
        ends = executor.ends()
    return ends


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _since(started: float) -> str:
    return duration(timedelta(seconds=time.monotonic() - started))


def check_model(home: Path, address: str | None) -> Iterator[Finding]:
    """Check the model at `address`, else that of the environment."""
    if address is not None and address.startswith((f"{LOCAL}/", SCRIPTED_PREFIX)):
        yield ok("model", f"{address}: runs in the server")  # another process has no such model
        return
    model = open_model(address, os.environ, home)
    if model is None:
        step = "Set TITAN_MODEL if jobs need one, for example gemini/gemini-2.5-flash with GEMINI_API_KEY."
        yield warn("model", "none is configured", step)
    elif isinstance(model, OpenAICompatibleModel):
        if asyncio.run(_look(model)):
            yield ok("model", f"{model.name}: its endpoint answers and lists it")
        else:
            step = "Check its name; some endpoints list only a part of what they serve."
            yield warn("model", f"{model.name}: its endpoint answers but does not list it", step)
    else:
        yield ok("model", f"{model.name}: on this machine")


async def _look(model: OpenAICompatibleModel) -> bool:
    try:
        return await model.is_listed()
    finally:
        await model.close()
