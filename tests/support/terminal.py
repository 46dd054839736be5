"""A program on a terminal of its own, as a person has it: 80 columns, keys to press, colours if it wants."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

DEADLINE_SECONDS = 60.0  # a loaded machine takes a second to start a program; this only ends a hanging test

_ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


class TerminalProgram:
    """A running program whose stdin, stdout and stderr are one terminal."""

    def __init__(self, command: Sequence[str], *, columns: int, lines: int, environment: Mapping[str, str]) -> None:
        self._screen, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._process = subprocess.Popen(
            command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment, start_new_session=True
        )
        os.close(terminal)
        self.raw = b""

    @property
    def text(self) -> str:
        """What was written so far, without escape sequences."""
        return _ESCAPES.sub(b"", self.raw).decode("utf-8", "replace").replace("\r\n", "\n")

    def read_until(self, text: str) -> None:
        """Return once `text` was written.

        Raises:
            AssertionError: the program ended, or a minute passed, without it.
        """
        deadline = time.monotonic() + DEADLINE_SECONDS
        while text not in self.text:
            assert time.monotonic() < deadline, f"{text!r} did not appear in {self.text!r}"
            assert self._read_some(), f"ended before {text!r}: {self.text!r}"

    def answer(self, line: str) -> None:
        """Type a line."""
        os.write(self._screen, f"{line}\n".encode())

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.killpg(self._process.pid, signal.SIGINT)

    def finish(self) -> int:
        """Read to the end and return the exit code."""
        while self._read_some():
            pass
        return self._process.wait(DEADLINE_SECONDS)

    def close(self) -> None:
        """End the program if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(60)
        os.close(self._screen)

    def _read_some(self) -> bool:
        """Read what comes next; False when there will be nothing more."""
        readable, _, _ = select.select([self._screen], [], [], DEADLINE_SECONDS)
        assert readable, f"silent for a minute: {self.text!r}"
        try:
            piece = os.read(self._screen, 65_536)
        except OSError:  # EIO: the last process on the terminal has closed it
            return False
        self.raw += piece
        return bool(piece)


@contextmanager
def on_a_terminal(
    command: Sequence[str], *, columns: int = 80, lines: int = 24, environment: Mapping[str, str] | None = None
) -> Iterator[TerminalProgram]:
    """Run `command` on a terminal for a `with` block."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
    chosen = {**inherited, "TERM": "xterm-256color", **(environment or {})}
    program = TerminalProgram(command, columns=columns, lines=lines, environment=chosen)
    try:
        yield program
    finally:
        program.close()
