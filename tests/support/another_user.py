"""Finds another user of this machine, for tests of isolation between users."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from typing import Final

NOBODY: Final = "65534"
AS_NOBODY: Final = ("setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups")
NEED: Final = "root and a Python that another user may start"  #: for `pytest.mark.needs`

_CHECK: Final = """import subprocess, sys
is_right = "import sys; sys.exit(sys.version_info[:2] != {version!r})"
sys.exit(subprocess.run([sys.executable, "-c", is_right]).returncode)"""


@cache
def python_of_everybody() -> str | None:
    """Return an interpreter of this version that another user may start; None where there is none, or no root."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return None
    # It starts itself once more: the first start may still have root's right to pass through any folder.
    check = _CHECK.format(version=tuple(sys.version_info[:2]))
    for python in (os.path.realpath(sys.executable), f"/usr/bin/python3.{sys.version_info.minor}"):
        command = [*AS_NOBODY, python, "-c", check]
        if subprocess.run(command, cwd="/", capture_output=True, check=False, timeout=120).returncode == 0:
            return python
    return None
