"""What tells a home from every other, and from an earlier one in the same folder: a random id in a file."""

import secrets
from pathlib import Path
from typing import Final

FILE: Final = "home-id"


def read_home_id(home: Path) -> str | None:
    """Return the id of a home; None where there is no home, or no server has run on it yet."""
    try:
        return (home / FILE).read_text("ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def is_gone(home: Path, home_id: str) -> bool:
    """Return whether the home with this id is no longer there; one that cannot be read just now is."""
    try:
        return (home / FILE).read_text("ascii").strip() != home_id
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False


def keep_home_id(home: Path) -> str:
    """Return the id of a home, and give it one the first time.

    Raises:
        OSError: the file cannot be written.
    """
    found = read_home_id(home)
    if found is not None:
        return found
    made = secrets.token_hex(16)
    partial = home / f"{FILE}.partial"
    partial.write_text(f"{made}\n", "ascii")
    partial.replace(home / FILE)
    return made
