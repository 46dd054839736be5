"""Listens and connects on the unix sockets in a home, which only the home's owner can reach or replace.

A port on loopback proves nothing: any user of the machine can listen there while the server is away.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from titan.model.errors import InvalidInput

FILE: Final = "server.sock"
BRIDGE: Final = "bridge.sock"  # every request needs a token there, for it comes from a sandbox
MAX_PATH_BYTES: Final = 103  # with the NUL behind it 104 on macOS (sys/un.h); Linux has 108
BACKLOG: Final = 128  # of the home's workers, of which there are 17 at most


def listen_in(home: Path, file: str = FILE) -> socket.socket:
    """Return a socket that listens in a home, replacing the one of an earlier server.

    Raises:
        InvalidInput: the system has no room for so long a path.
        OSError: it cannot be made.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        (home / file).unlink(missing_ok=True)
        with _address_of(home, file) as address:
            listener.bind(address)
        (home / file).chmod(0o600)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def connect_in(home: Path, file: str = FILE, *, timeout_seconds: float | None) -> socket.socket:
    """Return a socket that is connected to the server of a home.

    Raises:
        OSError: no server runs, or the home is gone.
    """
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connected.settimeout(timeout_seconds)
        with _address_of(home, file) as address:
            connected.connect(address)
    except BaseException:
        connected.close()
        raise
    return connected


@contextmanager
def _address_of(home: Path, file: str) -> Iterator[str]:
    """Yield the address of a socket in a home; for a long path through an open folder, where the system has /proc."""
    path = str(home / file)
    if len(os.fsencode(path)) <= MAX_PATH_BYTES:
        yield path
        return
    if not os.path.isdir("/proc/self/fd"):
        raise InvalidInput(
            f"home {home}",
            expected=f"a path of at most {MAX_PATH_BYTES - len(file) - 1} bytes, for a socket lies in it",
            found=f"{len(os.fsencode(home))} bytes",
            next_step="Choose another with --home or TITAN_HOME.",
        )
    folder = os.open(home, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{file}"
    finally:
        os.close(folder)
