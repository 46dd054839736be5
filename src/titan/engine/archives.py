"""Zip archives of jobs: looked into before anything is stored, unpacked for each attempt."""

import os
import shutil
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from titan.model.errors import InvalidInput
from titan.rules.archives import ArchiveEntry, check_archive
from titan.rules.names import shown

_PACKED: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_ENCRYPTED: Final = 0x1  # general purpose bit 0, APPNOTE 4.4.4
#: RuntimeError is what zipfile raises for packings and encryptions it does not know.
_BROKEN: Final = (zipfile.BadZipFile, zipfile.LargeZipFile, RuntimeError, zlib.error, EOFError, ValueError)


def look_into(archive: Path, name: str, *, scripts: Iterable[str]) -> None:
    """Return when the zip at `archive` may be unpacked and `scripts` are in it. Reads its directory, not its files.

    Raises:
        InvalidInput: it is no zip, or one that `rules.archives` refuses.
    """
    with _opened(archive, name) as opened:
        check_archive(name, _entries(opened), scripts=scripts)


def unpack(archive: Path, folder: Path, *, script: str) -> None:
    """Unpack a zip into `folder`, which is new and nobody else's; executables stay so.

    Raises:
        InvalidInput: as `look_into`, or a file in it is damaged.
        OSError: it cannot be written.
    """
    with _opened(archive, archive.name) as opened:
        check_archive(archive.name, _entries(opened), scripts=[script])
        for info in opened.infolist():
            _unpack_entry(opened, info, folder)


def _opened(archive: Path, name: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except _BROKEN as cause:
        raise _damaged(name, str(cause)) from cause


def _entries(opened: zipfile.ZipFile) -> list[ArchiveEntry]:
    return [
        ArchiveEntry(
            path=info.orig_filename,  # `filename` ends before a NUL
            size_bytes=info.file_size,
            is_folder=info.is_dir(),
            is_encrypted=bool(info.flag_bits & _ENCRYPTED),
            is_packed_known=info.compress_type in _PACKED,
            mode=info.external_attr >> 16,
        )
        for info in opened.infolist()
    ]


def _unpack_entry(opened: zipfile.ZipFile, info: zipfile.ZipInfo, folder: Path) -> None:
    target = folder / info.filename
    if info.is_dir():
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        return
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = 0o700 if info.external_attr >> 16 & 0o111 else 0o600
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        with open(descriptor, "wb") as file, opened.open(info) as content:
            shutil.copyfileobj(content, file)  # never more than the size that was checked: ZipExtFile stops there
    except _BROKEN as cause:
        raise _damaged(opened.filename or "", f"{info.filename}: {cause}") from cause


def _damaged(name: str, found: str) -> InvalidInput:
    return InvalidInput(
        f"archive {shown(name)}",
        expected="a zip file that can be unpacked",
        found=found,
        next_step="Make the archive anew.",
    )
