"""A script typed into a shell, line by line, until one line fails."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

END_WITHIN_SECONDS: Final = 240


def type_in(script: str, folder: Path, *, environment: Mapping[str, str] | None = None) -> None:
    """Run `script` in `folder`; what it left in the background ends with it, as by Ctrl-C.

    Raises:
        AssertionError: a line failed; it is the last of those shown.
    """
    with (folder / "typed.log").open("wb") as log:
        shell = subprocess.Popen(
            ["bash", "-euxo", "pipefail", "-c", script],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            exit_code: int | None = shell.wait(END_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            exit_code = None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGINT)
            if shell.poll() is None:
                shell.kill()
                shell.wait(60)
    assert exit_code == 0, (folder / "typed.log").read_text("utf-8", "replace")[-5000:]
