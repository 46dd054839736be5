"""Without Chromium the browser tests are left out and the last line says so; an empty selection always fails."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sources import ROOT

PYTEST = (sys.executable, "-m", "pytest", "tests/browser/test_help.py")
NOTHING_COLLECTED = pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """The only folder on the PATH of these runs; it is empty."""
    folder = tmp_path / "programs"
    folder.mkdir()
    return folder


def run(programs: Path, *command: str) -> tuple[int, str]:
    """Return the exit code and the last line of a command that finds programs in one folder only."""
    environment = {"PATH": str(programs), "HOME": str(programs)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout.splitlines()[-1]


def test_without_chromium_the_run_passes_and_its_last_line_says_how_to_get_it(programs: Path) -> None:
    code, last_line = run(programs, *PYTEST, "-n", "2")

    assert code == 0
    assert last_line.startswith("Left out: ")
    assert last_line.endswith("test(s) that need chromium. To run them: apt-get install chromium")


@pytest.mark.parametrize("has_chromium", [True, False])
def test_a_selection_without_tests_fails_with_and_without_chromium(programs: Path, has_chromium: bool) -> None:
    if has_chromium:
        (programs / "chromium").touch(mode=0o755)

    code, last_line = run(programs, *PYTEST, "-k", "no_test_has_this_name")

    assert code == NOTHING_COLLECTED
    assert "Left out" not in last_line
