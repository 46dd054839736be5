"""Python programs run as processes of their own, as a user would run them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.sources import PACKAGES

RUN_WITHIN_SECONDS = 60  # a start takes 0.1 s; six people's tests on two cores take their time


def run_program(
    script: Path, *arguments: str, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a script to its end with none of this process's TITAN_* variables, a home of its own, and `env` on top."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TITAN_")}
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        cwd=cwd,
        env={**inherited, "PYTHONPATH": PACKAGES, "TITAN_HOME": str(cwd / "no-home"), **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_WITHIN_SECONDS,
    )
