"""Brings what waits in folders of this machine to a server, as the program that recorded it would have."""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import Final

import msgspec

from titan.cli import options
from titan.cli.exit_codes import ExitCode, usage_error
from titan.cli.server import Server, left_in
from titan.cli.terminal import remark, say
from titan.cli.views.formats import count
from titan.settings import home_folder
from titan_sdk.http.address import Address
from titan_sdk.recording.delivery import ENDING, FOLDER, SPOOLS, Answer, Verdict, deliver_folder, folders_for, post_to

# --- What programs recorded while the server was away, as it lies in folders of this machine: how much, and ---


COUNTED_BYTES: Final = 64 * 1024**2  # further files are not read for the number of their calls


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The files of one folder."""

    folder: Path
    files: int
    size_bytes: int
    entries: int | None  #: None: too much to count
    since: datetime

    @property
    def what(self) -> str:
        """How much it is, in words."""
        return count(self.files, "file") if self.entries is None else entries(self.entries)


def waiting_in(folder: Path) -> Waiting | None:
    """Return what waits in a folder; None where nothing does.

    Raises:
        PermissionError: the folder is somebody else's.
    """
    files, size_bytes, found = 0, 0, 0
    since: datetime | None = None
    for path in sorted(folder.iterdir()):
        if not path.name.endswith(ENDING):
            continue
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue  # it has just been delivered
        if not stat.S_ISREG(status.st_mode):
            continue  # a job may put there what it likes
        found += _entries_of(path) if size_bytes <= COUNTED_BYTES else 0
        files += 1
        size_bytes += status.st_size
        at = datetime.fromtimestamp(status.st_mtime, UTC)
        since = at if since is None else min(since, at)
    if since is None:
        return None
    counted = found if size_bytes <= COUNTED_BYTES else None
    return Waiting(folder=folder, files=files, size_bytes=size_bytes, entries=counted, since=since)


def entries(number: int) -> str:
    """Return `1 recorded entry`, `2 recorded entries`."""
    return "1 recorded entry" if number == 1 else f"{number:,} recorded entries"


def _entries_of(path: Path) -> int:
    """Return how many entries a file has, one on each line."""
    try:
        with path.open("rb") as file:
            return sum(1 for _ in file)
    except OSError:
        return 1


PATIENCE_SECONDS: Final = 60.0  # for one request; a person sees that it takes its time, and has Ctrl-C
LEFT_BY_JOBS: Final = "spools"  #: the folder of a worker in which each attempt has one, named by its lease


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What became of what waited in one folder."""

    folder: Path
    entries: int  #: that the server has now; what it knew before counts once
    lost: int  #: that break its rules
    left: Waiting | None  #: what it does not take now
    reason: str  #: why it does not
    is_refused: bool  #: whether a later try is of no use

    @property
    def document(self) -> dict[str, object]:
        """What `--json` says of it."""
        files = 0 if self.left is None else self.left.files
        return {"folder": str(self.folder), "delivered": self.entries, "lost": self.lost, "waiting_files": files}


def deliver(titan: Server, folder: Path | None) -> options.Answer:
    """Deliver what waits in a folder, or without one in the home for this server.

    What of it the server does not take is said on stderr, and by the exit code.
    """
    titan.get("api", "health")  # so that nothing goes to another program
    done = emptied(titan, _folders_of(titan) if folder is None else [folder])
    for line in left_for_others() if folder is None else ():
        remark(line)
    code = ExitCode.REFUSED if any(each.lost for each in done) else ExitCode.OK
    for each in done:
        if each.left is not None:
            code = ExitCode.REFUSED if each.is_refused else ExitCode.UNREACHABLE
            left = count(each.left.files, "file")
            remark(
                f"folder {each.folder}: expected a server that takes all of it; found {left} that it does not take: "
                f"{each.reason}. Try again: what was delivered counts once."
            )
    document = {"folders": [each.document for each in done]}
    return options.Answer(document, lambda: _show(titan, folder, done), code)


def _show(titan: Server, folder: Path | None, done: Sequence[Delivered]) -> None:
    if not done:
        say(f"Nothing waits for {titan.address.url}." if folder is None else f"Nothing waits in {folder}.")
    for each in done:
        say(f"Delivered {entries(each.entries)} from {each.folder} to {titan.address.url}.")


def _folders_of(titan: Server) -> list[Path]:
    """Return where what is for this server waits: in folders of its addresses, in the home's own, in TITAN_SPOOL.

    The home's own is for the server that runs on it, and for the one that is found where none was named.
    """
    of_home = left_in(home_folder()).addresses
    is_homes = not titan.is_named or titan.address in of_home
    addresses = [titan.address, *(of_home if is_homes else ())]
    if is_homes:
        addresses.append(Address("", 0, is_named=False))
    found = [*folders_for(addresses, {"TITAN_HOME": str(home_folder())}), os.environ.get(FOLDER)]
    return [Path(folder) for folder in found if folder and os.path.isdir(folder)]


def emptied(titan: Server, folders: Sequence[Path]) -> list[Delivered]:
    """Deliver what waits in these folders; those in which nothing does are left out."""
    try:
        return [_emptied(titan, folder.absolute()) for folder in folders if waiting_in(folder)]
    except PermissionError as error:
        raise usage_error(f"folder {error.filename!r}", "one that you may read", error.strerror or "none") from error


def left_for_others() -> Iterator[str]:
    """Yield a line for each folder of the home in which something waits, as it does for other servers."""
    for folder in sorted((home_folder() / SPOOLS).glob("*")):
        try:
            waiting = waiting_in(folder) if folder.is_dir() else None
        except PermissionError:
            continue
        if waiting is not None:
            command = f"titan runs import {quote(str(folder))}"
            yield f"For another server, {folder.name}: {waiting.what}. To deliver them to this one: {command}"


def _emptied(titan: Server, folder: Path) -> Delivered:
    done = deliver_folder(str(folder), _sender(titan, folder))
    for reason in dict.fromkeys(done.refusals):
        remark(f"recorded entries are lost ({done.refusals.count(reason)}): {reason}")
    return Delivered(
        folder=folder,
        entries=done.taken,
        lost=len(done.refusals),
        left=waiting_in(folder),
        reason=done.answer.reason or "no answer",
        is_refused=done.answer.verdict in (Verdict.DENIED, Verdict.UNWANTED),
    )


def _sender(titan: Server, folder: Path) -> Callable[[bytes, float], Answer]:
    """Return what posts entries; of what a job left, its lease says whose that is, where a server knows it."""
    plain = post_to(titan.transport)
    if folder.parent.name != LEFT_BY_JOBS:
        return lambda body, _within_seconds: plain(body, PATIENCE_SECONDS)
    as_the_job = post_to(titan.transport, lease_id=folder.name)

    def send(body: bytes, _within_seconds: float) -> Answer:
        answer = as_the_job(body, PATIENCE_SECONDS)
        if answer.verdict is not Verdict.UNWANTED or not _names_its_runs(body):
            return answer
        return plain(body, PATIENCE_SECONDS)

    return send


class _Entry(msgspec.Struct):
    run_id: str | None = None


class _Body(msgspec.Struct):
    entries: list[_Entry]


def _names_its_runs(body: bytes) -> bool:
    try:
        return all(entry.run_id for entry in msgspec.json.decode(body, type=_Body).entries)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
