"""Count and deliver the entries that programs recorded while no server answered."""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import Final

import msgspec

from titan.cli.exit_codes import ExitCode, usage_error
from titan.cli.options import Answer
from titan.cli.server import Server, home_addresses
from titan.cli.terminal import remark, say_lines
from titan.cli.views.formats import count
from titan.settings import home_folder
from titan_sdk.http.address import Address
from titan_sdk.recording import delivery
from titan_sdk.recording.delivery import ENDING, FOLDER, SPOOLS, deliver_folder, folders_for

COUNTED_BYTES: Final = 64 * 1024**2  # entries in further files are not counted
PATIENCE_SECONDS: Final = 60.0  # for one request; a person sees that it takes its time, and has Ctrl-C
LEFT_BY_JOBS: Final = "spools"  #: the folder of a worker in which each attempt has one, named by its lease


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The undelivered files of one folder."""

    files: int
    size_bytes: int
    entries: int | None  #: None: too much to count
    since: datetime

    @property
    def what(self) -> str:
        """The number of entries, or of files where these are too large to be read."""
        return count(self.files, "file") if self.entries is None else entries(self.entries)


def waiting_in(folder: Path) -> Waiting | None:
    """Return the undelivered files of a folder; None where there are none.

    Raises:
        PermissionError: the folder is somebody else's.
    """
    files, size_bytes, found = 0, 0, 0
    since = datetime.max.replace(tzinfo=UTC)
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
        since = min(since, datetime.fromtimestamp(status.st_mtime, UTC))
    counted = found if size_bytes <= COUNTED_BYTES else None
    return Waiting(files=files, size_bytes=size_bytes, entries=counted, since=since) if files else None


def entries(number: int) -> str:
    """Return `1 recorded entry`, `2 recorded entries`."""
    return count(number, "recorded entry", "recorded entries")


def _entries_of(path: Path) -> int:
    """Return the number of lines of a file, an entry each."""
    try:
        with path.open("rb") as file:
            return sum(1 for _ in file)
    except OSError:
        return 1


def deliver(titan: Server, folder: Path | None) -> Answer:
    """Deliver the entries in a folder, or without one those in the home for this server.

    Remarks on stderr and the exit code say what the server does not take.
    """
    titan.get("api", "health")  # so that nothing goes to another program
    code = ExitCode.OK
    lines: list[str] = []
    documents: list[dict[str, object]] = []
    try:
        folders = [each.absolute() for each in _folders_of(titan, folder) if waiting_in(each)]
        for each in folders:
            done = deliver_folder(str(each), _sender(titan, each))
            for reason in dict.fromkeys(done.refusals):
                remark(f"recorded entries are lost ({done.refusals.count(reason)}): {reason}")
                code = ExitCode.REFUSED
            if (left := waiting_in(each)) is not None:
                is_final = done.answer.verdict in (delivery.Verdict.DENIED, delivery.Verdict.UNWANTED)
                code = ExitCode.REFUSED if is_final else ExitCode.UNREACHABLE
                remark(
                    f"folder {each}: expected a server that takes all of it; found {count(left.files, 'file')} that it "
                    f"does not take: {done.answer.reason or 'no answer'}. Try again: what was delivered counts once."
                )
            lines.append(f"Delivered {entries(done.taken)} from {each} to {titan.address.url}.")
            waiting = 0 if left is None else left.files
            lost = len(done.refusals)
            documents.append({"folder": str(each), "delivered": done.taken, "lost": lost, "waiting_files": waiting})
    except PermissionError as error:
        raise usage_error(f"folder {error.filename!r}", "one that you may read", error.strerror or "none") from error
    if folder is None:
        _remark_others()
    nothing = f"Nothing waits {f'for {titan.address.url}' if folder is None else f'in {folder}'}."
    return Answer({"folders": documents}, lambda: say_lines(lines or [nothing]), code)


def _folders_of(titan: Server, folder: Path | None) -> list[Path]:
    """Return the given folder, else those in which entries for this server wait: in the home, and TITAN_SPOOL.

    The home's own folder is for the server that runs on it, and for the one that is found where none was named.
    """
    if folder is not None:
        return [folder]
    of_home = home_addresses(home_folder())
    is_homes = not titan.is_named or titan.address in of_home
    addresses = [titan.address, *((*of_home, Address("", 0, is_named=False)) if is_homes else ())]
    found = [*folders_for(addresses, {"TITAN_HOME": str(home_folder())}), os.environ.get(FOLDER)]
    return [Path(each) for each in found if each and os.path.isdir(each)]


def _remark_others() -> None:
    """Name the home's folders of entries for other servers."""
    for folder in sorted((home_folder() / SPOOLS).glob("*")):
        try:
            waiting = waiting_in(folder) if folder.is_dir() else None
        except PermissionError:
            continue
        if waiting is not None:
            command = f"titan runs import {quote(str(folder))}"
            remark(f"For another server, {folder.name}: {waiting.what}. To deliver them to this one: {command}")


def _sender(titan: Server, folder: Path) -> Callable[[bytes, float], delivery.Answer]:
    """Return what posts entries; those of a job with its lease, which tells the server the job's run."""
    plain = delivery.post_to(titan.transport)
    if folder.parent.name != LEFT_BY_JOBS:
        return lambda body, _within_seconds: plain(body, PATIENCE_SECONDS)
    as_the_job = delivery.post_to(titan.transport, lease_id=folder.name)

    def send(body: bytes, _within_seconds: float) -> delivery.Answer:
        answer = as_the_job(body, PATIENCE_SECONDS)
        if answer.verdict is not delivery.Verdict.UNWANTED or not _names_its_runs(body):
            return answer
        return plain(body, PATIENCE_SECONDS)

    return send


def _names_its_runs(body: bytes) -> bool:
    try:
        return all(entry.get("run_id") for entry in msgspec.json.decode(body)["entries"])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
