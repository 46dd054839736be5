"""Foreign clients, each in an environment of its own below .venv-clients, made from its lock when it is missing.

`python -m tests.support.foreign [NAME …]` writes the locks anew from `tests/acceptance/clients/*.in`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.rivals.environments import interpreter, make_environment, write_lock
from tests.support.sources import ROOT

ENVIRONMENTS: Final = ROOT / ".venv-clients"
LOCKS: Final = ROOT / "tests/acceptance/clients"
WITHIN_SECONDS: Final = 120  # they take 3 s


def run_client(name: str, program: Path, *arguments: str, environment: Mapping[str, str], folder: Path) -> str:
    """Return what a program printed that ran with the packages of `NAME.lock`, in `folder`.

    The folder gets a copy of the program, and leads to its packages: what the client tells of paths begins there.
    """
    packages = folder / "client"
    packages.symlink_to(make_environment(name, environments=ENVIRONMENTS, locks=LOCKS))
    done = subprocess.run(
        [str(interpreter(packages)), str(shutil.copy(program, folder)), *arguments],
        capture_output=True,
        text=True,
        timeout=WITHIN_SECONDS,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


if __name__ == "__main__":
    for wanted in sys.argv[1:] or sorted(path.stem for path in LOCKS.glob("*.in")):
        write_lock(wanted, locks=LOCKS)
