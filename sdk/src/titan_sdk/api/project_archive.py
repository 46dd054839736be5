"""A project's folder as one zip file."""

from __future__ import annotations

import os
import tempfile
import zipfile

_LEFT_OUT = "__pycache__"


def zipped(folder: str, *, without: str) -> str:
    """Write the files of a folder into a new temporary zip file, and return its path; the caller removes it.

    Names are relative to the folder, in order. `__pycache__` folders, what is no regular file (a socket, a
    link to nothing), and the file `without` at the top are left out; links to files are followed, to folders not.

    Raises:
        OSError: a file cannot be read, or the archive not written.
    """
    descriptor, archive = tempfile.mkstemp(suffix=".zip", prefix="titan-")
    try:
        with (
            os.fdopen(descriptor, "wb") as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as zip_file,
        ):
            for path, name in _files(folder):
                if name != without:
                    zip_file.write(path, name)
    except BaseException:
        os.remove(archive)
        raise
    return archive


def _files(folder: str) -> list[tuple[str, str]]:
    """Return path and relative name of each file, by name."""
    found = []
    for place, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if name != _LEFT_OUT]
        for name in names:
            path = os.path.join(place, name)
            if os.path.isfile(path):
                found.append((path, os.path.relpath(path, folder)))
    return sorted(found, key=lambda file: file[1])


def _refuse(error: OSError) -> None:
    raise error
