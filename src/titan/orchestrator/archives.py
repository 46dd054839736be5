"""Checks the zip archives of jobs at submission, and unpacks them for each attempt."""

import io
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from titan.model.errors import InvalidInput
from titan.rules.archives import MAX_DIRECTORY_BYTES, ArchiveEntry, check_archive, check_directory, check_directory_size
from titan.rules.names import shown

_PACKED: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_ENCRYPTED: Final = 0x1  # general purpose bit 0, APPNOTE 4.4.4
#: RuntimeError is what zipfile raises for packings and encryptions it does not know.
_BROKEN: Final = (zipfile.BadZipFile, zipfile.LargeZipFile, RuntimeError, zlib.error, EOFError, ValueError)


def look_into(archive: Path, name: str, *, scripts: Iterable[str]) -> None:
    """Check that the zip at `archive` may be unpacked and contains `scripts`. Reads its directory, not its files.

    Raises:
        InvalidInput: it is no zip, or one that `rules.archives` refuses.
    """
    with _opened(archive, name) as opened:
        check_archive(name, [_entry(info) for info in opened.infolist()], scripts=scripts)


def unpack(archive: Path, folder: Path, *, script: str) -> None:
    """Unpack a zip into `folder`, which is new; executables stay executable.

    Raises:
        InvalidInput: as `look_into`, or a file in it is damaged.
        OSError: it cannot be written.
    """
    with _opened(archive, archive.name) as opened:
        check_archive(archive.name, [_entry(info) for info in opened.infolist()], scripts=[script])
        for info in opened.infolist():
            try:
                _unpack_entry(opened, info, folder / info.filename)
            except _BROKEN as cause:
                raise _damaged(archive.name, f"{info.filename}: {cause}") from cause


class _Archive(io.BufferedReader):
    """A zip file that passes no directory to `zipfile` that `rules.archives` refuses.

    `zipfile` reads the directory at once, at the place and of the length that the archive declares, in more than one
    field. So every read is checked.
    """

    def __init__(self, archive: Path, name: str) -> None:
        super().__init__(io.FileIO(archive))
        self._name = name

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes; at most as many as a directory may have.

        Raises:
            InvalidInput: they are a directory that is refused.
        """
        wanted = MAX_DIRECTORY_BYTES if size is None or size < 0 else size
        check_directory_size(self._name, wanted)
        found = super().read(wanted)
        check_directory(self._name, found)
        return found


@contextmanager
def _opened(archive: Path, name: str) -> Iterator[zipfile.ZipFile]:
    with _Archive(archive, name) as file:
        try:
            opened = zipfile.ZipFile(file)
        except _BROKEN as cause:
            raise _damaged(name, str(cause)) from cause
        with opened:
            if not all(0 <= info.header_offset < opened.start_dir for info in opened.infolist()):
                raise _damaged(name, "an entry that lies outside of it")
            yield opened


def _entry(info: zipfile.ZipInfo) -> ArchiveEntry:
    # Where it is unpacked to, which Python 3.12 takes from an extra field if there is one. It ends before a NUL.
    path = info.orig_filename if "\0" in info.orig_filename else info.filename
    return ArchiveEntry(
        path=path,
        size_bytes=info.file_size,
        is_folder=path.endswith("/"),
        is_encrypted=bool(info.flag_bits & _ENCRYPTED),
        is_packed_known=info.compress_type in _PACKED,
        mode=info.external_attr >> 16,
    )


def _unpack_entry(opened: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    if info.is_dir():
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        return
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = 0o700 if info.external_attr >> 16 & 0o111 else 0o600
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with open(descriptor, "wb") as file, opened.open(info) as content:
        shutil.copyfileobj(content, file)  # never more than the size that was checked: ZipExtFile stops there


def _damaged(name: str, found: str) -> InvalidInput:
    return InvalidInput(
        f"archive {shown(name)}",
        expected="a zip file that can be unpacked",
        found=found,
        next_step="Make the archive anew.",
    )
