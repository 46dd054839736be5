"""What programs recorded while the server was away: how much of it waits on this machine's disk, and since when."""

import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from titan.cli.doctor.findings import Finding, ok, warn
from titan.cli.formats import count, duration, size
from titan_sdk.recording.spool import ASIDE, FOLDER, HOME_SERVER, SPOOLS, WHOLE

COUNTED_BYTES: Final = 64 * 1024**2  # further files are not read for the number of their calls


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Files of one kind in one folder."""

    folder: Path
    files: int
    size_bytes: int
    entries: int | None  #: None: too much to count
    since: datetime


def check_spools(home: Path, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Look at what waits for a server: in the home, where jobs of its workers left it, and in TITAN_SPOOL."""
    now = datetime.now(UTC)
    is_any = False
    for folder in _folders(home, environment):
        try:
            found = {ending: _waiting(folder, ending) for ending in (WHOLE, ASIDE)}
        except PermissionError:
            yield warn("recorded", f"{folder} cannot be read", f"Ask who owns it, or: chmod 700 {folder}")
            is_any = True
            continue
        if (waiting := found[WHOLE]) is not None:
            is_any = True
            yield warn("recorded", f"waiting for the server: {_told(waiting, now=now)}", _to_deliver(folder, home))
        if (aside := found[ASIDE]) is not None:
            is_any = True
            step = (
                "The server failed over each of them: look at its log. To try one again, end its name in "
                f"{WHOLE} instead of {ASIDE}; or delete it."
            )
            yield warn("recorded", f"put aside: {_told(aside, now=now)}", step)
    if not is_any:
        yield ok("recorded", "nothing that programs recorded waits for the server")


def _folders(home: Path, environment: Mapping[str, str]) -> list[Path]:
    """Return the folders in which something may wait."""
    given = environment.get(FOLDER)
    folders = [*(home / SPOOLS).glob("*"), *home.glob("*workers/*/spools/*")]
    if given:
        folders.append(Path(given).absolute())
    return sorted({folder for folder in folders if folder.is_dir()})


def _waiting(folder: Path, ending: str) -> Waiting | None:
    """Return the files whose name ends so; None where there are none."""
    files, size_bytes, entries = 0, 0, 0
    since: datetime | None = None
    for path in sorted(folder.iterdir()):
        if not path.name.endswith(ending):
            continue
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue  # it has just been delivered
        if not stat.S_ISREG(status.st_mode):
            continue  # a job may put there what it likes
        entries += _entries_in(path) if size_bytes <= COUNTED_BYTES else 0
        files += 1
        size_bytes += status.st_size
        at = datetime.fromtimestamp(status.st_mtime, UTC)
        since = at if since is None else min(since, at)
    if since is None:
        return None
    counted = entries if size_bytes <= COUNTED_BYTES else None
    return Waiting(folder=folder, files=files, size_bytes=size_bytes, entries=counted, since=since)


class _Body(msgspec.Struct):
    entries: list[msgspec.Raw]


def _entries_in(path: Path) -> int:
    """Return how many entries a file tells of; one that is none of ours counts as one."""
    try:
        return len(msgspec.json.decode(path.read_bytes(), type=_Body).entries)
    except (msgspec.DecodeError, UnicodeDecodeError, OSError):
        return 1


def _told(waiting: Waiting, *, now: datetime) -> str:
    if waiting.entries is None:
        what = count(waiting.files, "file")
    else:
        what = "1 recorded entry" if waiting.entries == 1 else f"{waiting.entries:,} recorded entries"
    old = duration(now - waiting.since)
    return f"{what} ({size(waiting.size_bytes)}, the oldest {old} old) in {waiting.folder}"


def _to_deliver(folder: Path, home: Path) -> str:
    """Return who brings what waits in a folder to its server."""
    if folder.parent.name == "spools":
        return "Their worker delivers them while it runs and the server answers: titan up, or titan worker."
    if folder.parent != home / SPOOLS or folder.name == HOME_SERVER:
        return "Start the server; the next program that records something here delivers them too."
    host, _, port = folder.name.rpartition("_")
    return f"They are for {host}:{port}: the next program that records something there delivers them too."
