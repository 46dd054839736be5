"""Which home a folder is: the id that its store was made with, in a file, for workers that cannot read the store."""

import os
from pathlib import Path
from typing import Final

FILE: Final = "home-id"


def read_home_id(home: Path) -> str | None:
    """Return the id of a home; None where there is no home, or no server has run on it yet."""
    try:
        return (home / FILE).read_bytes().decode("ascii", "replace").strip() or None
    except OSError:
        return None


def write_home_id(home: Path, home_id: str) -> None:
    """Have the file say this id.

    Raises:
        OSError: it cannot be written.
    """
    if read_home_id(home) == home_id:
        return
    partial = home / f"{FILE}.partial"
    with partial.open("w", encoding="ascii") as file:
        file.write(f"{home_id}\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(home / FILE)


def is_gone(home: Path, home_id: str) -> bool:
    """Return whether the home with this id is no longer there; one that cannot be read just now is."""
    try:
        return (home / FILE).read_bytes().decode("ascii", "replace").strip() != home_id
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
