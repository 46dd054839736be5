"""Check that an archive can be unpacked and run safely."""

import stat
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from titan.model.errors import InvalidInput, InvalidName
from titan.rules.names import MAX_FILENAME_BYTES, check_path, shown

MAX_ENTRIES: Final = 20_000  # a project with the packages it brings; unpacking them takes 2 s for each attempt
#: 800 for each of so many entries. Python reads a directory whole, and takes 11 µs and 0.5 KB for each entry of it.
MAX_DIRECTORY_BYTES: Final = 16 * 1024**2
MAX_UNPACKED_BYTES: Final = 1024**3  # of all entries: each running attempt has its own copy on its worker's disk

_ENTRY: Final = b"PK\x01\x02"  # what each entry of a directory begins with: APPNOTE 4.3.12
_LEAST_ENTRY_BYTES: Final = 46


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveEntry:
    """An entry of an archive's directory."""

    path: str  #: as it stands there
    size_bytes: int  #: unpacked
    is_folder: bool = False
    is_encrypted: bool = False
    is_packed_known: bool = True  #: whether it was packed in a way that can be unpacked here
    mode: int = 0  #: kind and permissions, as st_mode; 0 where the archive was made on Windows


def check_directory_size(name: str, size_bytes: int) -> None:
    """Return when an archive's directory may be read.

    Raises:
        InvalidInput: it is too large.
    """
    if size_bytes > MAX_DIRECTORY_BYTES:
        expected = f"a directory of at most {MAX_ENTRIES} entries and {MAX_DIRECTORY_BYTES} bytes"
        raise _refusal(name, expected, f"one of {size_bytes} bytes")


def check_directory(name: str, directory: bytes) -> None:
    """Return when the bytes of an archive's directory can hold no more entries than an archive may have.

    It counts the marks of entries, because the archive's own count may be wrong.

    Raises:
        InvalidInput: they may hold more.
    """
    if len(directory) <= MAX_ENTRIES * _LEAST_ENTRY_BYTES:
        return
    count = directory.count(_ENTRY)
    if count > MAX_ENTRIES:
        raise _refusal(name, f"at most {MAX_ENTRIES} entries", str(count))


def check_archive(name: str, entries: Sequence[ArchiveEntry], *, scripts: Iterable[str]) -> None:
    """Return when an archive can be unpacked without harm, and `scripts` are files in it.

    Raises:
        InvalidInput: it has too many or too large entries, one that is encrypted, unsafe or twice, or lacks a script.
    """
    if len(entries) > MAX_ENTRIES:
        raise _refusal(name, f"at most {MAX_ENTRIES} entries", str(len(entries)))
    size_bytes = sum(entry.size_bytes for entry in entries)
    if size_bytes > MAX_UNPACKED_BYTES:
        raise _refusal(name, f"at most {MAX_UNPACKED_BYTES} bytes when unpacked", f"{size_bytes}")
    for entry in entries:
        _check_entry(name, entry)
    files = {entry.path for entry in entries if not entry.is_folder}
    _check_distinct(name, entries, files)
    missing = next((script for script in scripts if script not in files), None)
    if missing is not None:
        next_step = "Name the script by its path in the zip."
        raise _refusal(name, f"the script {shown(missing)}", _near(missing, files), next_step=next_step)


def _check_entry(name: str, entry: ArchiveEntry) -> None:
    path = entry.path.removesuffix("/") if entry.is_folder else entry.path
    try:
        check_path(path)
    except InvalidName as cause:
        raise _refusal(name, "entries with safe relative paths", shown(entry.path)) from cause
    if "\\" in path or any(len(part.encode()) > MAX_FILENAME_BYTES for part in path.split("/")):
        raise _refusal(name, "entries with safe relative paths", shown(entry.path))
    if entry.is_encrypted:
        raise _refusal(name, "no encrypted entries", shown(entry.path))
    if not entry.is_packed_known:
        raise _refusal(name, "entries stored, or packed by deflate, bzip2 or LZMA", shown(entry.path))
    if stat.S_IFMT(entry.mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _refusal(name, "files and folders only", f"a link or device {shown(entry.path)}")


def _check_distinct(name: str, entries: Sequence[ArchiveEntry], files: set[str]) -> None:
    """Refuse a file that stands there twice, or whose name something else needs for a folder."""
    if len(files) != sum(not entry.is_folder for entry in entries):
        ((twice, _),) = Counter(entry.path for entry in entries if not entry.is_folder).most_common(1)
        raise _refusal(name, "every entry once", f"{shown(twice)} twice")
    for entry in entries:
        parts = entry.path.removesuffix("/").split("/")
        ends = range(1, len(parts) + entry.is_folder)
        clash = next((above for end in ends if (above := "/".join(parts[:end])) in files), None)
        if clash is not None:
            raise _refusal(name, "a name for a file or for a folder", f"{shown(clash)} for both")


def _near(script: str, files: set[str]) -> str:
    """Return the files that a wrong path may mean: those of its base name, else the first scripts."""
    base = script.rpartition("/")[2]
    near = sorted(path for path in files if path.rpartition("/")[2] == base)
    listed = near or sorted(path for path in files if path.endswith((".py", ".sh")))
    return ", ".join(shown(path) for path in listed[:3]) or f"{len(files)} files, none of them a script"


def _refusal(name: str, expected: str, found: str, *, next_step: str = "Make the archive anew.") -> InvalidInput:
    return InvalidInput(f"archive {shown(name)}", expected=expected, found=found, next_step=next_step)
