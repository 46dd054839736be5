"""What programs recorded while the server was away: how much of it waits on this machine's disk, and since when."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote

from titan.cli.doctor.findings import Finding, ok, warn
from titan.cli.spool_upload import Waiting, waiting_in
from titan.cli.views.formats import duration, size
from titan_sdk.recording.delivery import FOLDER, HOME_SERVER, SPOOLS


def check_spools(home: Path, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Look at what waits for a server: in the home, where jobs of its workers left it, and in TITAN_SPOOL."""
    now = datetime.now(UTC)
    is_any = False
    for folder in _folders(home, environment):
        try:
            waiting = waiting_in(folder)
        except PermissionError:
            yield warn("recorded", f"{folder} cannot be read", f"Ask who owns it, or: chmod 700 {folder}")
            is_any = True
            continue
        if waiting is not None:
            is_any = True
            yield warn("recorded", f"waiting for the server: {_in_words(waiting, now=now)}", _to_deliver(folder, home))
    if not is_any:
        yield ok("recorded", "nothing that programs recorded waits for the server")


def _folders(home: Path, environment: Mapping[str, str]) -> list[Path]:
    """Return the folders in which something may wait."""
    given = environment.get(FOLDER)
    folders = [*(home / SPOOLS).glob("*"), *home.glob("worker/spools/*"), *home.glob("*workers/*/spools/*")]
    if given:
        folders.append(Path(given).absolute())
    return sorted({folder for folder in folders if folder.is_dir()})


def _in_words(waiting: Waiting, *, now: datetime) -> str:
    old = duration(now - waiting.since)
    return f"{waiting.what} ({size(waiting.size_bytes)}, the oldest {old} old) in {waiting.folder}"


def _to_deliver(folder: Path, home: Path) -> str:
    """Return who brings what waits in a folder to its server, and what a person may do."""
    by_hand = f"titan runs import {quote(str(folder))}"
    if folder.parent.name == "spools":
        return (
            "Their worker delivers them while it runs and the server answers: titan up, or titan workers join; "
            f"or {by_hand}"
        )
    if folder.parent != home / SPOOLS:
        return f"Start the server; the next program that records something here delivers them too. By hand: {by_hand}"
    if folder.name == HOME_SERVER:
        return f"Start the server: it takes them in. To another one: {by_hand} --server URL"
    host, _, port = folder.name.rpartition("_")
    return (
        f"They are for {host}:{port}: the next program that records something there delivers them too. "
        f"To another server: {by_hand} --server URL. If nobody wants them: rm -r {quote(str(folder))}"
    )
