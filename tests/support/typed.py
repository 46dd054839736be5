"""A script typed into a shell, line by line, until one line fails."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

END_WITHIN_SECONDS: Final = 240.0
SLOWLY: Final = 0.005  # seconds between two readings of a page of the pipe: 800 kB/s


def type_in(
    script: str,
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    launcher: Sequence[str] = (),
    within_seconds: float = END_WITHIN_SECONDS,
) -> None:
    """Run `script` in `folder`, its output into a pipe that is read slowly.

    What it left in the background ends with it, as by Ctrl-C. `launcher` is a command that becomes the shell.

    Raises:
        AssertionError: a line failed; it is the last of those shown.
    """
    shell = subprocess.Popen(
        # `:` so that bash stays: it would become the last program, which may ask what shell it was started by.
        [*launcher, "bash", "-euo", "pipefail", "-c", f"set -x\n{script}\n:"],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert shell.stdout is not None
    said = bytearray()
    reader = threading.Thread(target=_read_slowly, args=(shell.stdout, said), daemon=True)
    reader.start()
    try:
        exit_code: int | None = shell.wait(within_seconds)
    except subprocess.TimeoutExpired:
        exit_code = None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGINT)
        shell.kill()
        shell.wait(60)
        reader.join(within_seconds)
        shell.stdout.close()
    assert exit_code == 0, f"exit code {exit_code}:\n{said.decode('utf-8', 'replace')[-6000:]}"


def _read_slowly(pipe: IO[bytes], said: bytearray) -> None:
    while piece := os.read(pipe.fileno(), 4096):
        said += piece
        time.sleep(SLOWLY)
