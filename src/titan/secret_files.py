"""Secrets in files that only their owner can read."""

import os
import secrets
from contextlib import suppress
from pathlib import Path


def kept_secret(file: Path) -> str:
    """Return the secret in a file; make it the first time.

    Raises:
        OSError: it cannot be read or made.
    """
    with suppress(FileExistsError), open(file, "x", encoding="ascii", opener=_for_the_owner) as opened:
        opened.write(secrets.token_hex(32))
        opened.flush()
        os.fsync(opened.fileno())
    return file.read_text("ascii").strip()


def _for_the_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
