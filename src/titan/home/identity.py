"""Which home a folder is, by the id of its store in a file; and the name of this machine."""

import os
import re
import socket
from pathlib import Path
from typing import Final

# --- This machine's name ---


def host_name() -> str:
    """Return this machine's name in the characters that a worker's name may have."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname()).strip("-.") or "worker"


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
