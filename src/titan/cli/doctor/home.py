"""The home: its folder, its disk, its databases."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from titan.cli.doctor.findings import Finding, fail, ok, warn
from titan.cli.formats import size
from titan.model.errors import StoreDamaged

if TYPE_CHECKING:
    from titan.store.sqlite.opening import Kind

LOW_BYTES: Final = 1024**3  # a day of a small installation's logs
EMPTY_BYTES: Final = 100 * 1024**2


def check_home(home: Path) -> Iterator[Finding]:
    """Look at the folder of everything Titan keeps."""
    if not home.exists():
        yield warn("home", f"{home} does not exist yet", "`titan up` makes it; --home or TITAN_HOME names another.")
        return
    if not home.is_dir():
        yield fail("home", f"{home} is no folder", "Choose another with --home or TITAN_HOME.")
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
        yield ok("home", f"{home}, yours alone")


def check_disk(home: Path) -> Iterator[Finding]:
    """Look at the room on the home's disk."""
    place = next(folder for folder in (home, *home.parents) if folder.is_dir())
    free = shutil.disk_usage(place).free
    if free < EMPTY_BYTES:
        yield fail("disk", f"{size(free)} free on the disk of {place}", "Free some space: Titan cannot keep facts.")
    elif free < LOW_BYTES:
        yield warn("disk", f"{size(free)} free on the disk of {place}", "Free some space before it is full.")
    else:
        yield ok("disk", f"{size(free)} free")


def check_database(home: Path) -> Iterator[Finding]:
    """Look into the database of jobs, whether a server has it open or not."""
    from titan.store import lost
    from titan.store.ownership import kept_free
    from titan.store.sqlite import opening

    with kept_free(home / lost.CONTROL_FILE) as is_free:
        lost.check_control(home)
        yield from _check("database", home / lost.CONTROL_FILE, opening.CONTROL, is_free=is_free)


def check_calls(home: Path) -> Iterator[Finding]:
    """Look into the database of recorded runs, whether a server has it open or not."""
    from titan.store import lost
    from titan.store.calls.sqlite_store import CALLS
    from titan.store.ownership import kept_free

    with kept_free(home / lost.CONTROL_FILE) as is_free:
        try:
            were_made = not is_free or lost.were_calls_made(home)
        except StoreDamaged:
            were_made = False  # nobody can tell; `check_database` says why
        lost.check_calls(home, were_made=were_made)
        yield from _check("calls", home / lost.CALLS_FILE, CALLS, is_free=is_free)


def _check(name: str, path: Path, kind: "Kind", *, is_free: bool) -> Iterator[Finding]:
    import apsw

    from titan.store.sqlite import opening
    from titan.store.sqlite.session import translated

    if not opening.is_made(path):
        yield ok(name, f"{path.name}: none yet, the first start makes it")
        return
    size_bytes = size(path.stat().st_size)
    try:
        if is_free:
            opening.check(path, kind, within_seconds=None)
            yield ok(name, f"{path.name}, {size_bytes}, is whole; no server has it open")
        else:
            opening.check_beside(path, kind)
            yield ok(name, f"{path.name}, {size_bytes}, can be read beside the server that has it open")
    except apsw.Error as error:
        raise translated(error, path) from error
