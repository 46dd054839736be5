"""Opens what lies below a folder, and nothing that a link there leads to.

A job may put a link in the place of a folder at any moment, so the way is walked part by part, each opened relative to
the one before and never followed (O_NOFOLLOW, open(2)).
"""

import os
from pathlib import Path
from typing import Final

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # or a pipe in its place would be waited for


def open_folder(top: Path, path: str) -> int:
    """Return a descriptor of the folder at `path` (parts joined by `/`, empty: itself) below `top`, which is trusted.

    Raises:
        OSError: it is not there, no folder, or a part of the way is a link.
    """
    descriptor = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in filter(None, path.split("/")):
        try:
            below = os.open(part, FOLDER, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = below
    return descriptor


def open_file(top: Path, path: str) -> int:
    """Return a descriptor that reads the file at `path` below `top`; it may be no regular file.

    Raises:
        OSError: it is not there, not readable, a link, or a part of the way is one.
    """
    folder, _, name = path.rpartition("/")
    descriptor = open_folder(top, folder)
    try:
        return os.open(name, FILE, dir_fd=descriptor)
    finally:
        os.close(descriptor)
