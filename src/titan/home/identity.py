"""Reads and writes a data directory's id and tokens, and this machine's name. Light: the command line imports it."""

import os
import re
import secrets
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

from titan.rules import tokens

ID_FILE: Final = "home-id"
TOKEN_FILE: Final = "token"  #: of the command line: role admin
OWNER_KEY_FILE: Final = "owner-key"  #: shows that somebody can read the home
WORKER_TOKEN_FILE: Final = "worker-token"  #: of the home's workers: role worker


def host_name() -> str:
    """Return this machine's name in the characters that a worker's name may have."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname()).strip("-.") or "worker"


def read_home_token(home: Path, file: str = TOKEN_FILE) -> str | None:
    """Return a token in a home; None when there is none that can be read."""
    try:
        text = (home / file).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return text if tokens.read(text) is not None else None


def home_token_id(home: Path, file: str = TOKEN_FILE) -> str | None:
    """Return the id of a token in a home; None when there is none that can be read."""
    own = tokens.read(read_home_token(home, file) or "")
    return None if own is None else own.id


def read_home_id(home: Path) -> str | None:
    """Return the id of a home; None where there is no home, or no server has run on it yet."""
    try:
        return (home / ID_FILE).read_bytes().decode("ascii", "replace").strip() or None
    except OSError:
        return None


def owner_key(home: Path) -> str:
    """Return the secret that whoever can read a home knows; make it the first time.

    Raises:
        OSError: the home cannot be read.
    """
    with suppress(FileExistsError), open(home / OWNER_KEY_FILE, "x", encoding="ascii", opener=_for_the_owner) as file:
        file.write(secrets.token_hex(32))
    return (home / OWNER_KEY_FILE).read_text("ascii")


def _for_the_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def write_home_id(home: Path, home_id: str) -> None:
    """Write the id of a home.

    Raises:
        OSError: it cannot be written.
    """
    if read_home_id(home) == home_id:
        return
    partial = home / f"{ID_FILE}.partial"
    with partial.open("w", encoding="ascii") as file:
        file.write(f"{home_id}\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(home / ID_FILE)


def is_gone(home: Path, home_id: str) -> bool:
    """Return whether the home with this id no longer exists; False when it cannot be read just now."""
    try:
        return (home / ID_FILE).read_bytes().decode("ascii", "replace").strip() != home_id
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
