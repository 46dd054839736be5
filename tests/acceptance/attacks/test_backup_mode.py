"""Who else may read a backup: nobody, whatever the umask of the shell that makes it."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.support.command_line import PROGRAM
from tests.support.running_titan import running_titan
from tests.support.sources import PACKAGES
from tests.support.submissions import a_dag_body, submit


@pytest.mark.parametrize("name", ["backup.tar.gz", "backup"])
def test_a_backup_of_a_running_server_is_private_without_any_umask(tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    with running_titan(tmp_path / "home", offers=()) as titan:
        submit(titan.sdk_port, a_dag_body())

        subprocess.run(
            [*PROGRAM, "backup", str(target), "--home", str(titan.home)],
            env={**os.environ, "PYTHONPATH": PACKAGES},
            umask=0,
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=120,
        )

    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (target, *target.rglob("*"))}
    assert {path.name: oct(mode) for path, mode in modes.items() if mode & 0o077} == {}
