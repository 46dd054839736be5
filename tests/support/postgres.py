"""A real PostgreSQL for tests: one server for all of a test session, and a database for each test."""

import atexit
import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psycopg

from tests.support.builders import NOON
from tests.support.sources import ROOT
from tests.support.waiting import wait_until
from titan.store.postgres.address import CONTROL, Address, prepare
from titan.store.runs.postgres_store import CALLS

START_WITHIN_SECONDS: Final = 60.0  # takes 1 s on an idle machine
TEMPLATE: Final = "titan_template"
_SERVER: Final = "TITAN_TEST_POSTGRES"  # tells processes that a test starts where the server is

#: Where the system has it, in memory: processes are killed here, not machines, so no disk has to be waited for.
_MEMORY: Final = "/dev/shm"

_numbers = itertools.count(1)


@contextmanager
def a_database(*, is_empty: bool = False) -> Iterator[str]:
    """Give the URL of a database, with Titan's tables unless it is to be empty, and drop it at the end."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    # Copied as files, which takes a quarter less than writing each page to the log of changes.
    administer(f"create database {name} template {'template0' if is_empty else TEMPLATE} strategy file_copy")
    try:
        yield url_of(name)
    finally:
        administer(f"drop database {name} with (force)")


def url_of(database: str) -> str:
    """Return how to reach a database of the server."""
    return f"postgres://titan@{quote(server_folder(), safe='')}/{database}"


def administer(command: str) -> None:
    """Run a command on the server itself."""
    with psycopg.connect(url_of("postgres"), autocommit=True) as connection:
        connection.execute(command.encode())


@cache
def server_folder() -> str:
    """Return the folder with the server's socket; the first to ask starts the server."""
    if folder := os.environ.get(_SERVER):
        return folder
    folder = tempfile.mkdtemp(prefix="titan-pg-", dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None)
    guard = subprocess.Popen(
        [sys.executable, "-m", "tests.support.postgres_guard", folder], cwd=ROOT, stdin=subprocess.PIPE
    )
    atexit.register(_end, guard)
    os.environ[_SERVER] = folder
    wait_until(lambda: _answers(guard, folder), "PostgreSQL starts", seconds=START_WITHIN_SECONDS)
    return folder


def _answers(guard: "subprocess.Popen[bytes]", folder: str) -> bool:
    assert guard.poll() is None, "the PostgreSQL of the tests did not start"
    if not (Path(folder) / ".s.PGSQL.5432").exists():
        return False
    try:
        with psycopg.connect(host=folder, user="titan", dbname="postgres", autocommit=True) as connection:
            connection.execute(f"create database {TEMPLATE}".encode())
    except psycopg.OperationalError:
        return False
    template = Address(f"postgres://titan@{quote(folder, safe='')}/{TEMPLATE}")
    prepare(template, CONTROL, CALLS, now=NOON)
    return True


def _end(guard: "subprocess.Popen[bytes]") -> None:
    assert guard.stdin is not None
    guard.stdin.close()
    guard.wait(60)
