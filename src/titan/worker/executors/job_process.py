"""Turns a freshly forked child of a reaper into the process of a job; one that waits for its order rehearses a job."""

from __future__ import annotations

import marshal
import os
import resource
import select
import socket
import time
from signal import SIG_DFL, SIGPIPE, SIGXFSZ, signal

from titan.worker.executors.script_runner import LoadedModules, rehearse, run_script
from titan_sdk.client import Core
from titan_sdk.http import run
from titan_sdk.http.address import Address
from titan_sdk.http.blocking_client import BlockingHttp

TYPE_CHECKING = False  # as in messages.py
if TYPE_CHECKING:
    from typing import NoReturn

    from titan.worker.executors.messages import RunOrder

START_FAILED_EXIT_CODE = 126  # a shell's "found, but cannot be run"; the reason stands in the reaper's pipe
_READ_BYTES = 64 * 1024  # a pipe's usual capacity
_BUSY_SECONDS = 0.005  # no rehearsal if the order arrives within this time
_ANSWER = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{"value":1}'
_REHEARSED_SCRIPT = os.path.join(os.path.dirname(__file__), "rehearsed_script.py")
REASON_MAX_BYTES = 4096  # PIPE_BUF, pipe(7): written and read in one piece


def await_order(pipe: int, loaded_before: LoadedModules, *, reasons: int, private: tuple[int, ...]) -> NoReturn:
    """Wait for the order to come through `pipe`, run its attempt in this process, and end.

    A child is forked before its order arrives, so that no attempt waits for the fork. One that has to wait rehearses a
    job meanwhile, so that the pages that a job writes are copied before the order comes.

    `reasons` is the pipe for the reason why an attempt cannot start; `private` are the reaper's descriptors, which a
    job must not hold: one that kept a channel open would hide the death of the worker.
    """
    try:
        order = _receive(pipe, loaded_before)
        if order is None:
            os._exit(0)
        _enter(order)
        if order["command"] is not None:
            _exec(order["command"])
        for descriptor in private:
            os.close(descriptor)
    except BaseException as error:  # noqa: BLE001 (whatever it is, the reaper's code must not run on in this process)
        os.write(reasons, f"{type(error).__name__}: {error}".encode("utf-8", "replace")[:REASON_MAX_BYTES])
        os._exit(START_FAILED_EXIT_CODE)
    try:
        run_script(order["script"], order["args"], loaded_before, appears_as=order["appears_as"])
    finally:
        os._exit(1)  # not reached unless Python itself fails: the reaper's code must never run here


def rehearse_job(loaded_before: LoadedModules) -> None:
    """Do what a job's process does, without consequences; see `script_runner.rehearse`."""
    _take_environment({"TITAN_REHEARSAL": "1"})
    del os.environ["TITAN_REHEARSAL"]
    _rehearse_call()
    rehearse(_REHEARSED_SCRIPT, loaded_before)


def _rehearse_call() -> None:
    """Call the SDK with a server that has answered already."""
    ours, servers = socket.socketpair()
    with servers:
        servers.sendall(_ANSWER)
        client = _Client(ours)
        run(client.store_incr("key"))
        client.close()


class _Client(Core):
    """Sends its requests to the other end of a pair of sockets instead of a server."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        super().__init__("127.0.0.1", 9090, "token", retry_for_seconds=0, announce=len)

    def _http(self, address: Address) -> BlockingHttp:
        return BlockingHttp(address, lambda _timeout_seconds: self._connection)


def _receive(pipe: int, loaded_before: LoadedModules) -> RunOrder | None:
    """Return the order once it is there, or None when the reaper is gone."""
    readable, _, _ = select.select([pipe], [], [], _BUSY_SECONDS)
    if not readable:
        rehearse_job(loaded_before)
    received = b""
    while part := os.read(pipe, _READ_BYTES):
        received += part
    os.close(pipe)
    order: RunOrder | None = marshal.loads(received) if received else None
    return order


def _enter(order: RunOrder) -> None:
    """Take the job's session, output, working directory, environment and limits. Standard input is /dev/null."""
    os.setsid()
    log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.chdir(order["directory"])
    _take_environment(order["environment"])
    if order["memory_limit_bytes"] is not None:
        resource.setrlimit(resource.RLIMIT_AS, (order["memory_limit_bytes"], order["memory_limit_bytes"]))


def _take_environment(added: dict[str, str]) -> None:
    for name, value in added.items():
        os.environ[name] = value
    if "TZ" in added:
        time.tzset()


def _exec(command: list[str]) -> NoReturn:
    """Replace this process; every other descriptor is close-on-exec (PEP 446)."""
    signal(SIGPIPE, SIG_DFL)  # Python ignores these two, and an exec'd program would inherit that
    signal(SIGXFSZ, SIG_DFL)
    os.execvp(command[0], command)
