"""Lets workers outlive their server: a file in the worker's folder tells the next server of the home about it."""

import fcntl
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from titan import __version__

FOLDER: Final = "worker"  #: the local worker's folder below TITAN_HOME
FURTHER_FOLDER: Final = "local-workers"  #: below it each further local worker has one of its name
LOG: Final = "worker.log"  #: in a worker's folder
_FILE: Final = "worker.json"


class SurvivingWorker(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a running worker's file."""

    worker_id: str
    pid: int
    process_started_at: str  #: distinguishes the process from later ones with its pid
    offers: dict[str, int]
    version: str = ""  #: of Titan; a server replaces a survivor of another version


def local_folder(home: Path, name: str | None) -> Path:
    """Return the folder of a local worker; that of `titan up` has no name."""
    return home / FOLDER if name is None else home / FURTHER_FOLDER / name


def read_surviving_worker(folder: Path) -> SurvivingWorker | None:
    """Return the worker of this folder if it runs; None when it never ran or has ended."""
    worker = _read(folder)
    return worker if worker is not None and process_started_at(worker.pid) == worker.process_started_at else None


def _read(folder: Path) -> SurvivingWorker | None:
    try:
        return msgspec.json.decode((folder / _FILE).read_bytes(), type=SurvivingWorker)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


class FolderInUse(Exception):
    """Another worker that runs uses this folder; two would remove each other's attempts."""


@contextmanager
def own_folder(folder: Path) -> Iterator[None]:
    """Lock a worker's folder, made if needed, until the end of the block or of the process.

    Raises:
        FolderInUse: see there.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as cause:
            raise FolderInUse(
                f"worker folder {folder}: expected to be its only user; found another worker that runs. "
                "Choose another name with --name, or end the other worker."
            ) from cause
        yield


@contextmanager
def known_as(folder: Path, *, worker_id: str, offers: Mapping[str, int]) -> Iterator[None]:
    """Write into `folder`, until the end of the block, that this process is its worker."""
    pid = os.getpid()
    worker = SurvivingWorker(
        worker_id=worker_id,
        pid=pid,
        process_started_at=process_started_at(pid) or "",
        offers=dict(offers),
        version=__version__,
    )
    partial = folder / f"{_FILE}.partial"
    partial.write_bytes(msgspec.json.encode(worker))
    partial.replace(folder / _FILE)
    try:
        yield
    finally:
        left = _read(folder)
        if left is not None and left.worker_id == worker_id:  # in a home that was made anew it is another's
            (folder / _FILE).unlink(missing_ok=True)


def process_started_at(pid: int) -> str | None:
    """Return a mark of when a process started; None when it has ended."""
    if not os.path.exists("/proc/self/stat"):
        found = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return found.stdout.strip() or None
    try:
        status = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = status.rpartition(b")")[2].split()  # proc(5): the name before it may hold anything
    return None if state in b"ZX" else fields[18].decode()  # field 22, starttime, in ticks since boot
