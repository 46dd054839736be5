"""A process that does not outlive its block."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

END_WITHIN_SECONDS: Final = 60


@contextmanager
def a_process(
    command: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a command for a `with` block, with its output to be read, and end it at the end unless it has ended.

    `with subprocess.Popen(…)` would wait at the end of the block for as long as the process likes.
    """
    process = subprocess.Popen(command, cwd=cwd, env=env, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=END_WITHIN_SECONDS)
