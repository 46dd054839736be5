"""Connect a program without network to the server through a unix socket.

Outside of the sandbox, `bridged` listens on a socket in the program's folder and passes connections on to the server,
which grants nothing there but what the program's token does (decision 59).
Inside, `python -m titan.replay.bridge PLAN` listens on 127.0.0.1, which is the sandbox's own, passes connections on to
that socket, and runs the program, which finds the server there.
"""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

PIECE_BYTES: Final = 64 * 1024
BACKLOG: Final = 128
SOCKET: Final = "titan.sock"
_PLAN: Final = "bridge.json"


@contextmanager
def bridged(folder: Path, connect: Callable[[], socket.socket]) -> Iterator[None]:
    """Forward connections on a socket in `folder` to a server, to which `connect` connects, during the block."""
    path = folder / SOCKET
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as listener:
        # A socket's address is short, and the folder's path may be long.
        descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        try:
            listener.bind(f"/proc/self/fd/{descriptor}/{SOCKET}")
        finally:
            os.close(descriptor)
        path.chmod(0o666)  # the program may be another user than its worker
        listener.listen(BACKLOG)
        _pass_on(listener, connect)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def crossing(command: Sequence[str], environment: Mapping[str, str], *, folder: Path) -> list[str]:
    """Return the command that runs `command` in the sandbox with a connection to the server."""
    plan = folder / _PLAN
    plan.write_text(json.dumps({"command": list(command), "environment": dict(environment), "folder": str(folder)}))
    return [sys.executable, "-m", "titan.replay.bridge", str(plan)]


def main() -> int:
    """Run the program that the argument describes, and return its exit code."""
    plan = json.loads(Path(sys.argv[1]).read_bytes())
    os.environ.pop("PYTHONHASHSEED", None)

    def connect() -> socket.socket:
        descriptor = os.open(plan["folder"], os.O_PATH | os.O_DIRECTORY)
        found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            found.connect(f"/proc/self/fd/{descriptor}/{SOCKET}")
        finally:
            os.close(descriptor)
        return found

    with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as listener:
        _pass_on(listener, connect)
        host, port = listener.getsockname()
        server = {"TITAN_HOST": host, "TITAN_PORT": str(port)}
        return subprocess.run(plan["command"], env=plan["environment"] | server, check=False).returncode


def _pass_on(listener: socket.socket, connect: Callable[[], socket.socket]) -> None:
    """Accept connections until `listener` is closed, and forward each to one that `connect` opens."""

    def accept() -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_join, args=(near, connect), name="bridge", daemon=True).start()

    threading.Thread(target=accept, name="bridge", daemon=True).start()


def _join(near: socket.socket, connect: Callable[[], socket.socket]) -> None:
    with closing(near):
        try:
            far = connect()
        except OSError:
            return
        with closing(far):
            back = threading.Thread(target=_copy, args=(far, near), name="bridge", daemon=True)
            back.start()
            _copy(near, far)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(PIECE_BYTES):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    sys.exit(main())
