"""The home: its folder, its disk, its database."""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from titan.cli.doctor.findings import Finding, fail, ok, warn
from titan.cli.formats import size
from titan.model.errors import StoreInUse

LOW_BYTES: Final = 1024**3  # a day of a small installation's logs
EMPTY_BYTES: Final = 100 * 1024**2
QUICK_CHECK_BYTES: Final = 256 * 1024**2  # half a second; reading more would disturb the server


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
    """Look into the database, whether a server has it open or not."""
    path = home / "control.db"
    if not path.exists():
        yield ok("database", "none yet: the first start makes it")
        return
    from titan.store.ownership import lock
    from titan.store.sqlite import opening

    try:
        descriptor = lock(path)
    except StoreInUse:
        yield from _check_open_database(path)
        return
    try:
        opening.check(path)
    finally:
        os.close(descriptor)
    yield ok("database", f"{path.name}, {size(path.stat().st_size)}, can be read; no server has it open")


def _check_open_database(path: Path) -> Iterator[Finding]:
    """Read beside the server that owns the database, as SQLite's write-ahead log allows."""
    import apsw

    size_bytes = path.stat().st_size
    with closing(
        apsw.Connection(f"{path.as_uri()}?mode=ro", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    ) as db:
        try:
            query = "pragma quick_check(1)" if size_bytes <= QUICK_CHECK_BYTES else "select 'ok' from meta limit 1"
            answer = str(db.execute(query).fetchall()[0][0])
        except apsw.Error as error:
            answer = str(error)
    if answer == "ok":
        yield ok("database", f"{path.name}, {size(size_bytes)}, can be read beside the server that has it open")
    else:
        yield fail("database", f"{path.name} is damaged: {answer}", "Stop the server and restore a backup.")
