"""Back up a home while its server runs, and restore it.

A backup holds `control.db`, `calls.db`, the blobs and logs they name, and `titan-backup.json`, which says what it is.
The databases are copied first, each in one read transaction, so each is one moment of the home; what they name is older
than that moment, and content never changes, so copying it afterwards is consistent. Only a log that is still being
written may have more.
Nothing has the backup's final name before all of it is written, checked and durable.
"""

import hashlib
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final

import apsw
import msgspec

from titan import __version__
from titan.env_cipher import KEY_FILE
from titan.model.errors import InvalidInput, SchemaMismatch, StoreDamaged
from titan.store.folders import errors_translated, hold, make_folder, sync
from titan.store.home_files import CALLS_FILE, CONTROL_FILE, check_calls, check_home, were_calls_made
from titan.store.reader import SqlReader
from titan.store.rows import digests_of_spec
from titan.store.runs.sqlite_store import CALLS as CALLS_KIND
from titan.store.sqlite import opening
from titan.store.sqlite.session import SqliteSession, translated

DATABASE: Final = CONTROL_FILE
CALLS: Final = CALLS_FILE  #: beside it
MANIFEST: Final = "titan-backup.json"
FORMAT: Final = 1
PAGES: Final = 2048  # 8 MiB between two words of progress
CHUNK_BYTES: Final = 1024 * 1024
ARCHIVE: Final = ".tar.gz"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says of itself."""

    format: int
    version: str  #: of Titan
    home_id: str
    created_at: datetime
    database_sha256: str
    calls_sha256: str = ""  #: of calls.db; "" when the home has none
    blobs: int
    logs: int
    size_bytes: int  #: of all files together
    missing: list[str] = []  #: digests that the database names and the home did not hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a copy has come."""

    what: str
    done: int
    total: int


OnProgress = Callable[[Progress], None]


def back_up(home: Path, target: Path, *, now: datetime, on_progress: OnProgress) -> Manifest:
    """Copy a home to `target`: a folder, or an archive when its name ends in `.tar.gz`.

    Raises:
        InvalidInput: `target` exists, or `home` holds no database.
        SchemaMismatch: `home` is another Titan's.
        StoreDamaged, StoreUnavailable, StoreFull: it cannot be read, or the copy cannot be written. Nothing is left.
    """
    if not (home / DATABASE).is_file():
        raise InvalidInput(
            f"home {home}",
            expected=f"a {DATABASE} in it",
            found="none",
            next_step="Name the home with --home or TITAN_HOME.",
        )
    if os.path.lexists(target):
        raise InvalidInput(
            f"backup {target}",
            expected="a name that nothing has yet",
            found="something of that name",
            next_step="Choose another name, with the date for example.",
        )
    check_home(home)
    partial = target.with_name(f".{target.name}.partial-{os.getpid()}")
    try:
        with errors_translated(f"backup {target}"):
            make_folder(partial)
            manifest = _gather(
                home, partial, now=now, on_progress=on_progress, is_archive=target.name.endswith(ARCHIVE)
            )
            (partial / "archive" if target.name.endswith(ARCHIVE) else partial).rename(target)
            sync(target.absolute().parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifest


def restore(
    source: Path, home: Path, *, now: datetime, is_forced: bool, on_progress: OnProgress
) -> tuple[Manifest, Path | None]:
    """Put a backup's content at `home`; return what it says of itself, and where what stood there was moved.

    Raises:
        InvalidInput: `source` is no backup; or `home` is in use, or not empty and not `is_forced`.
        StoreDamaged: a part of the backup is missing or not what it was.
        SchemaMismatch: another Titan wrote it.
        StoreUnavailable, StoreFull: it cannot be read or written. The home is as it was.
    """
    partial = home.absolute().with_name(f".{home.absolute().name}.partial-{os.getpid()}")
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, partial, ignore_errors=True)
        _hold_target(stack, home, is_forced=is_forced)
        with errors_translated(f"home {home}"):
            make_folder(partial)
            manifest = _unpack(source, partial, on_progress)
            _check_content(partial, manifest, on_progress)
            moved = _make_place(home, now)
            partial.rename(home)
            if moved is not None and (moved / KEY_FILE).is_file():
                shutil.copy2(moved / KEY_FILE, home / KEY_FILE)  # no backup holds it
            sync(home.absolute().parent)
        return manifest, moved


# --- taking one ---


def _gather(home: Path, partial: Path, *, now: datetime, on_progress: OnProgress, is_archive: bool) -> Manifest:
    database = partial / DATABASE
    _copy_database(home / DATABASE, database, on_progress)
    check_calls(home, were_made=were_calls_made(partial))
    if (home / CALLS).is_file():
        _copy_database(home / CALLS, partial / CALLS, on_progress)
    blobs, leases, home_id = _named_in(partial)
    with _sink(partial, is_archive=is_archive) as sink:
        databases = [path for path in (database, partial / CALLS) if path.is_file()]
        sizes: dict[str, dict[str, int]] = {"blobs": {}, "logs": {}}
        for kind, names in (("blobs", blobs), ("logs", leases)):
            for number, name in enumerate(names, start=1):
                on_progress(Progress(what=kind, done=number, total=len(names)))
                path = f"{kind}/{name[:2]}/{name}"
                if (size := _add(sink, home / path, path, name if kind == "blobs" else None)) is not None:
                    sizes[kind][name] = size
        manifest = Manifest(
            format=FORMAT,
            version=__version__,
            home_id=home_id,
            created_at=now,
            database_sha256=_digest_of(database),
            calls_sha256=_digest_of(partial / CALLS),
            blobs=len(sizes["blobs"]),
            logs=len(sizes["logs"]),
            size_bytes=sum(
                chain((path.stat().st_size for path in databases), *(each.values() for each in sizes.values()))
            ),
            missing=[digest for digest in blobs if digest not in sizes["blobs"]],
        )
        with _created(partial / MANIFEST) as file:
            file.write(msgspec.json.format(msgspec.json.encode(manifest)))
        sync(partial / MANIFEST)
        sink.finish()
    return manifest


def _copy_database(source: Path, target: Path, on_progress: OnProgress) -> None:
    """Copy a database that others write to meanwhile, as of one moment, and check every page of the copy."""
    _created(target).close()
    try:
        reading = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READONLY)
        writing = apsw.Connection(str(target))
        with closing(reading), closing(writing):
            reading.set_busy_timeout(5000)
            reading.execute("begin").fetchall()
            reading.execute("select count(*) from sqlite_schema").fetchall()  # the moment: from here on a snapshot
            with writing.backup("main", reading, "main") as copy:
                while not copy.done:
                    copy.step(PAGES)
                    on_progress(Progress(what="database", done=copy.page_count - copy.remaining, total=copy.page_count))
            writing.execute("pragma journal_mode = delete").fetchall()
            complaints = [row[0] for row in writing.execute("pragma quick_check(1)")]
        if complaints != ["ok"]:
            raise _damaged(f"copy of {source}", "pages that agree with each other", str(complaints[0]))
    except apsw.Error as error:
        raise translated(error, source) from error
    sync(target)


def _named_in(folder: Path) -> tuple[list[str], list[str], str]:
    """Return the blobs that a home's databases name, the leases that may have logs, and the home's id."""
    session = SqliteSession(folder / DATABASE, flags=apsw.SQLITE_OPEN_READONLY)
    with closing(session.connection):
        rows = session.connection.execute
        digests = {digest for (spec,) in rows("select spec from jobs") for digest in digests_of_spec(str(spec))}
        digests |= {str(row[0]) for row in rows("select digest from files")}
        digests |= {str(row[0]) for row in rows("select artifact from stored_values where artifact is not null")}
        digests |= {str(row[0]) for row in rows("select digest from attempt_files where digest is not null")}
        digests |= _named_by_calls(folder / CALLS)
        leases = [str(row[0]) for row in rows("select lease_id from attempts order by lease_id")]
        return sorted(digests), leases, SqlReader(session).home_id()


def _named_by_calls(database: Path) -> set[str]:
    if not database.is_file():
        return set()
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    with closing(connection):
        return {str(row[0]) for row in connection.execute("select digest from blobs")}


class _Sink:
    """Where files are copied to: a folder, or an archive in it."""

    def __init__(self, folder: Path, archive: tarfile.TarFile | None = None) -> None:
        self._folder = folder
        self._archive = archive

    def add(self, source: Path, name: str) -> None:
        """Add a file under a name; FileNotFoundError when it is not there."""
        with source.open("rb") as file:
            if self._archive is not None:
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = os.fstat(file.fileno()).st_size, 0o600  # read once: a log may grow meanwhile
                self._archive.addfile(entry, file)
                return
            target = self._folder / name
            make_folder(target.parent)
            with _created(target) as copy:
                shutil.copyfileobj(file, copy, CHUNK_BYTES)
                copy.flush()
                os.fsync(copy.fileno())

    def finish(self) -> None:
        """Make the names in the folder durable; add the databases and the manifest to the archive."""
        if self._archive is None:
            _sync_all(self._folder)
        else:
            for name in (DATABASE, CALLS, MANIFEST):
                if (self._folder / name).is_file():
                    self.add(self._folder / name, name)


@contextmanager
def _sink(folder: Path, *, is_archive: bool) -> Iterator[_Sink]:
    if not is_archive:
        yield _Sink(folder)
        return
    path = folder / "archive"
    # The fastest level: most is text or packed.
    with _created(path) as file, tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as archive:
        yield _Sink(folder, archive)
    sync(path)


def _sync_all(folder: Path) -> None:
    """Make the names in a folder and in all folders below it durable."""
    for path in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        sync(path)


def _created(path: Path) -> BinaryIO:
    """Open a new file for writing that is its owner's alone from its first byte, whatever the umask."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _add(sink: _Sink, source: Path, name: str, digest: str | None) -> int | None:
    """Add a file; return its size, None when it is not there, as a log is not when nothing was written."""
    try:
        if digest is not None and _digest_of(source) not in ("", digest):
            raise _damaged(f"blob {source}", "the content it is named for", "another")
        sink.add(source, name)
        return source.stat().st_size
    except FileNotFoundError:
        return None


# --- putting one back ---


def _hold_target(stack: ExitStack, home: Path, *, is_forced: bool) -> None:
    """Keep servers and workers out of the home until `stack` ends.

    Raises:
        InvalidInput: one is there, or something else and not `is_forced`.
    """
    if not home.exists():
        return
    for lock in (home / f"{DATABASE}.lock", home / "worker" / "lock", *home.glob("local-workers/*/lock")):
        if not lock.exists():
            continue
        descriptor = hold(lock)
        if descriptor is None:
            raise InvalidInput(
                f"home {home}",
                expected="no server and no worker that uses it",
                found=f"one that does ({lock.relative_to(home)} is locked)",
                next_step="Stop it with Ctrl-C, or restore into another --home.",
            )
        stack.callback(os.close, descriptor)
    if any(home.iterdir()) and not is_forced:
        raise InvalidInput(
            f"home {home}",
            expected="an empty folder, or none",
            found="one with something in it",
            next_step="Choose another --home, or let --force move it aside.",
        )


def _make_place(home: Path, now: datetime) -> Path | None:
    if not home.exists():
        return None
    if not any(home.iterdir()):
        home.rmdir()
        return None
    aside = home.with_name(f"{home.name}.before-{now:%Y%m%dT%H%M%S}")
    home.rename(aside)
    return aside


def _unpack(source: Path, partial: Path, on_progress: OnProgress) -> Manifest:
    if source.is_dir():
        names = [path for path in sorted(source.rglob("*")) if path.is_file()]
        for number, path in enumerate(names, start=1):
            on_progress(Progress(what="files", done=number, total=len(names)))
            _Sink(partial).add(path, str(path.relative_to(source)))
    elif source.is_file():
        _extract(source, partial, on_progress)
    else:
        raise InvalidInput(f"backup {source}", expected="a folder or an archive", found="neither")
    try:
        manifest = msgspec.json.decode((partial / MANIFEST).read_bytes(), type=Manifest)
    except (FileNotFoundError, msgspec.DecodeError) as error:
        raise _no_backup(source, str(error)) from error
    if manifest.format != FORMAT:
        raise _no_backup(source, f"format {manifest.format}, of another Titan")
    return manifest


def _extract(source: Path, partial: Path, on_progress: OnProgress) -> None:
    try:
        with tarfile.open(source, "r:gz") as archive:
            for number, entry in enumerate(archive, start=1):
                on_progress(Progress(what="files", done=number, total=0))
                if not entry.isfile() or not entry.name.startswith((DATABASE, CALLS, MANIFEST, "blobs/", "logs/")):
                    raise _no_backup(source, f"an entry that no backup has: {entry.name[:80]!a}")
                archive.extract(entry, partial, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise _no_backup(source, str(error)) from error


def _check_content(partial: Path, manifest: Manifest, on_progress: OnProgress) -> None:
    """Raise StoreDamaged unless the database and every blob are what they were."""
    if _digest_of(partial / DATABASE) != manifest.database_sha256:
        raise _damaged(DATABASE, "the content that was backed up", "another")
    if manifest.calls_sha256 and _digest_of(partial / CALLS) != manifest.calls_sha256:
        raise _damaged(CALLS, "the content that was backed up", "another, or none")
    _check_databases(partial, manifest)
    digests, _leases, _home_id = _named_in(partial)
    wanted = [digest for digest in digests if digest not in set(manifest.missing)]
    for number, digest in enumerate(wanted, start=1):
        on_progress(Progress(what="digests", done=number, total=len(wanted)))
        if _digest_of(partial / "blobs" / digest[:2] / digest) != digest:
            raise _damaged(f"blob {digest}", "the content it is named for", "another, or none")
    for path in [partial, *partial.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
    (partial / MANIFEST).unlink()
    _sync_all(partial)


def _check_databases(partial: Path, manifest: Manifest) -> None:
    try:
        opening.check(partial / DATABASE)
        opening.check(partial / CALLS, CALLS_KIND)
    except SchemaMismatch as error:
        raise SchemaMismatch(
            "backup",
            expected=error.expected,
            found=error.found,
            next_step=f"Nothing was changed; restore it with Titan {manifest.version}, which wrote it.",
        ) from error


def _digest_of(path: Path) -> str:
    """Return the SHA-256 of a file; "" when it is not there."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


def _damaged(subject: str, expected: str, found: str) -> StoreDamaged:
    return StoreDamaged(subject, expected=expected, found=found, next_step="Nothing was changed; use another copy.")


def _no_backup(source: Path, found: str) -> InvalidInput:
    return InvalidInput(
        f"backup {source}",
        expected="what `titan backup` wrote",
        found=found,
        next_step="Nothing was changed; name the backup's folder or its .tar.gz.",
    )
