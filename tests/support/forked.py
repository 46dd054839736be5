"""Runs `titan` commands in processes forked from one that has imported Titan: a tenth of the time of a new interpreter.

`python -m tests.support.forked` is the forking process, a child of the tests' process. It reads commands from its
standard input. For each it forks a minder, which forks the command's process and reports its pid and exit code. It ends
when its standard input closes, so it never outlives the tests.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from tests.support.sources import PACKAGES, ROOT

END_WITHIN_SECONDS: Final = 60
LONGEST_BYTES: Final = 100_000  #: of a command with its environment
IMPORTED: Final = ("titan.cli.app", "titan.main", "httpcore", "uvloop")


class Forked:
    """A process that runs `titan WORDS` with an empty standard input; its methods are those of `subprocess.Popen`."""

    def __init__(self, *words: str, env: Mapping[str, str], stdout: int, stderr: int, cwd: Path | None = None) -> None:
        """Start it; `stdout` and `stderr` are descriptors."""
        self.returncode: int | None = None
        self._told, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, open(os.devnull, "rb") as nothing:
            command = json.dumps({"words": words, "env": dict(env), "cwd": str(cwd or Path.cwd())}).encode()
            assert len(command) <= LONGEST_BYTES, "its environment is too long"
            socket.send_fds(_forker(), [command], [theirs.fileno(), nothing.fileno(), stdout, stderr])
        self.pid = int(self._told.recv(16))

    def poll(self) -> int | None:
        """Return its exit code once it has ended; the number of a signal below zero."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code when it has ended.

        Raises:
            subprocess.TimeoutExpired: it has not ended in time.
        """
        if self.returncode is None:
            self._told.settimeout(timeout)
            try:
                told = self._told.recv(16)
            except (BlockingIOError, TimeoutError):
                raise subprocess.TimeoutExpired("titan", timeout or 0) from None
            self.returncode = int(told)
            self._told.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.send_signal(signal.SIGKILL)


def run_forked(
    *words: str, env: Mapping[str, str], cwd: Path, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run `titan WORDS` in a folder, and return what it left."""
    with TemporaryFile("w+") as stdout, TemporaryFile("w+") as stderr:
        process = Forked(*words, env=env, stdout=stdout.fileno(), stderr=stderr.fileno(), cwd=cwd)
        try:
            exit_code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(60)
            raise
        stdout.seek(0)
        stderr.seek(0)
        return subprocess.CompletedProcess(["titan", *words], exit_code, stdout.read(), stderr.read())


def titan_in_shells(folder: Path) -> tuple[dict[str, str], int]:
    """Write a program `titan` for shells to a folder; it has the command forked, and passes Ctrl-C on to it.

    Return the environment in which shells find it, and the descriptor that they have to inherit.
    """
    program = folder / "titan"
    program.write_text(f"#!{sys.executable} -IS\n{_SHIM}")
    program.chmod(0o700)
    forker = _forker().fileno()
    path = os.pathsep.join((str(folder), str(Path(sys.executable).parent), os.environ["PATH"]))
    return {"PATH": path, "FORKER": str(forker)}, forker


_SHIM: Final = """\
import json, os, signal, socket, sys
told, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
command = json.dumps({"words": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd()}).encode()
socket.send_fds(socket.socket(fileno=int(os.environ["FORKER"])), [command], [theirs.fileno(), 0, 1, 2])
theirs.close()
pid = int(told.recv(16))
signal.signal(signal.SIGINT, lambda *_: os.kill(pid, signal.SIGINT))
for descriptor in (0, 1, 2):
    os.close(descriptor)
exit_code = int(told.recv(16))
os._exit(exit_code if exit_code >= 0 else 128 - exit_code)
"""


@cache
def _forker() -> socket.socket:
    """Return the socket to the process that forks; the first call starts it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TITAN_")}
    path = os.pathsep.join((PACKAGES, str(ROOT)))
    command = [sys.executable, "-m", "tests.support.forked"]
    with theirs:
        forker = subprocess.Popen(
            command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, cwd=ROOT, env={**inherited, "PYTHONPATH": path}
        )
    atexit.register(_end, forker)
    atexit.register(ours.close)
    return ours


def _end(forker: subprocess.Popen[bytes]) -> None:
    """Wait for the end of the forking process, whose standard input is closed; kill one that does not end."""
    try:
        forker.wait(END_WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        forker.kill()


# --- the process that forks, and what it forks ---


def _run_commands() -> int:
    """Fork for each command that is asked for; in a command's process, return what the command returns."""
    for module in IMPORTED:
        importlib.import_module(module)
    _build_ahead()
    gc.collect()
    gc.freeze()  # so that the memory stays shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the tests, and their end ends this
    asked = socket.socket(fileno=os.dup(0))
    while True:
        command, descriptors, _flags, _address = socket.recv_fds(asked, LONGEST_BYTES, 4)
        if not command:
            return 0
        if os.fork() == 0:
            asked.close()
            return _mind(json.loads(command), *descriptors)
        for each in descriptors:
            os.close(each)
        while _has_reaped_a_minder():
            pass


def _build_ahead() -> None:
    """Build the parser of the command line and the server's routes before forking: 0.3 s of a core for each server."""
    import typer

    import titan.main
    from titan.cli.app import app
    from titan.server.app_state import AppState
    from titan.server.http.app import create_app

    command = typer.main.get_command(app)
    state = object.__new__(AppState)  # its fields are set in the server's process
    application = create_app(state)

    def built(complete: AppState) -> object:
        for field in fields(AppState):
            object.__setattr__(state, field.name, getattr(complete, field.name))
        return application

    vars(typer.main)["get_command"] = lambda _app: command
    vars(titan.main)["create_app"] = built


def _mind(command: Mapping[str, object], told: int, *standard: int) -> int:
    """Fork the command's process and tell its pid and its end; in that process, return what the command returns."""
    pid = os.fork()
    if pid:
        for each in standard:
            os.close(each)
        os.write(told, b"%d" % pid)
        _pid, status = os.waitpid(pid, 0)
        os.write(told, b"%d" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    for number, descriptor in enumerate(standard):
        os.dup2(descriptor, number)
    for each in (told, *standard):
        os.close(each)
    return _titan(**command)  # type: ignore[arg-type]  # as JSON brought it


def _titan(words: list[str], env: dict[str, str], cwd: str) -> int:
    from titan.cli import main

    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.argv[:] = ["titan", *words]
    return main()


def _has_reaped_a_minder() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


if __name__ == "__main__":
    sys.exit(_run_commands())
