"""The server that a command starts where none runs, and that ends when the last command that uses it has ended."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from titan.cli.exit_codes import CommandFailed, ExitCode, usage_error
from titan.cli.server import Server, connect
from titan.cli.terminal import remark
from titan.cli.views.formats import plain
from titan.settings import home_folder

LOG: Final = "eval-server.log"  #: in the home: the output of the last temporary server
USERS: Final = "eval-server.lock"  #: in the home: each command that uses a temporary server holds it shared
LOOKED_EVERY_SECONDS: Final = 0.25
START_WITHIN_SECONDS: Final = 60.0
END_WITHIN_SECONDS: Final = 20.0  # the worker gets 15 to return its jobs
SHOWN_LINES: Final = 10


@contextmanager
def running(titan: Server) -> Iterator[Server]:
    """Yield the server; where none runs and none was named, start one on the home for the `with` block.

    Commands on one home at the same moment share it. It watches the lock that they hold, so it also ends when they
    are killed.
    """
    home = home_folder()
    if titan.is_named or (titan.answers() and not (home / USERS).exists()):
        yield titan
        return
    with _opened(home, USERS) as users:
        fcntl.flock(users, fcntl.LOCK_SH)  # waits for a temporary server that is ending
        with _opened(home, LOG) as start:
            fcntl.flock(start, fcntl.LOCK_EX)  # one command starts a server, the others wait for it
            server = connect(None, project=titan.project)  # one may have come up since `titan` looked
            process = None if server.answers() else _start(home)
            try:
                server = server if process is None else _once_up(process, home, titan.project)
            except BaseException:
                _end(process)
                raise
        try:
            yield server
        finally:
            if process is not None and _is_only_user(users):
                _end(process)


def end_with_users(file: Path) -> None:
    """End this server as Ctrl-C does once no command holds the lock `file`; return at once."""

    def wait() -> None:
        with file.open("ab") as users:
            for _ in range(2):  # the second interrupt does not wait for the worker
                fcntl.flock(users, fcntl.LOCK_EX)
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(END_WITHIN_SECONDS)
            os._exit(1)

    threading.Thread(target=wait, name="users", daemon=True).start()


def _opened(home: Path, name: str) -> IO[bytes]:
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return (home / name).open("ab")
    except OSError as error:
        found, next_step = error.strerror or str(error), "Choose another with TITAN_HOME."
        raise usage_error(f"home {home}", "a folder that can be made and written", found, next_step) from error


def _start(home: Path) -> "subprocess.Popen[bytes]":
    remark(f"No Titan server is running. Starting a temporary one on {home}; its log is {home / LOG}.")
    remark("`titan up` starts a server that keeps running, with the console.")
    command = [sys.executable, "-m", "titan.cli", "up", "--home", str(home), "--port", "0", "--sdk-port", "0"]
    command += ["--end-with", str(home / USERS)]
    with (home / LOG).open("wb") as log:
        # A session of its own: Ctrl-C at the terminal is for the command, which then ends the server.
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def _once_up(process: "subprocess.Popen[bytes]", home: Path, project: str | None) -> Server:
    """Return the server once it answers.

    Raises:
        CommandFailed: it ended, or does not answer in time; the error has the last lines of its log.
    """
    until = time.monotonic() + START_WITHIN_SECONDS
    while process.poll() is None and time.monotonic() < until:
        server = connect(None, project=project)
        if server.answers():
            return server
        time.sleep(LOOKED_EVERY_SECONDS)
    ended = "none in time" if process.returncode is None else f"exit code {process.returncode}"
    lines = (home / LOG).read_text("utf-8", "replace").strip().splitlines()[-SHOWN_LINES:]
    raise CommandFailed(
        f"the temporary server on {home}",
        f"an answer within {START_WITHIN_SECONDS:g} s",
        "\n  ".join([f"{ended}; its log ends with:", *map(plain, lines)]) if lines else ended,
        "Start it by hand to see more: titan up",
        exit_code=ExitCode.UNREACHABLE,
    )


def _is_only_user(users: IO[bytes]) -> bool:
    """Return whether no other command uses the temporary server; give up this command's share of the lock."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        remark("Another command uses the temporary server, which ends with that one.")
        return False
    return True


def _end(process: "subprocess.Popen[bytes] | None") -> None:
    """End the server and its worker as Ctrl-C does, then less politely."""
    if process is None:
        return
    for number in (signal.SIGINT, signal.SIGINT, signal.SIGKILL):
        if process.poll() is None:
            process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(END_WITHIN_SECONDS)
