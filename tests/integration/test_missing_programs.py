"""A test whose program is missing is left out and the last line says so; `.ci/run` lets none be left out."""

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


def test_the_last_line_names_the_package_that_a_program_is_in(programs: Path) -> None:
    tests = "tests/integration/replay/test_sandbox.py"

    _, last_line = run(programs, *PYTEST[:-1], "--collect-only", tests)

    assert last_line.endswith("test(s) that need bwrap. To run them: apt-get install bubblewrap")


def test_where_none_may_be_left_out_a_missing_program_fails_the_run(programs: Path) -> None:
    code, last_line = run(programs, *PYTEST, "-k", "help", "--leave-none-out")

    assert code == pytest.ExitCode.TESTS_FAILED
    assert last_line.startswith("Failed: ")
    assert last_line.endswith("test(s) that need chromium. To run them: apt-get install chromium")


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["in one process", "in several"])
def test_where_none_may_be_left_out_a_skipped_test_fails_the_run(
    programs: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    test = tmp_path / "test_skipped.py"
    test.write_text("from pytest import skip\n\ndef test_skipped():\n    skip('for want of something')\n")
    command = (*PYTEST[:-1], "-c", "pyproject.toml", "-p", "tests.conftest", *options, str(test))

    allowed, _ = run(programs, *command)
    forbidden, _ = run(programs, *command, "--leave-none-out")

    assert (allowed, forbidden) == (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)


@pytest.mark.parametrize("has_chromium", [True, False])
def test_a_selection_without_tests_fails_with_and_without_chromium(programs: Path, has_chromium: bool) -> None:
    if has_chromium:
        (programs / "chromium").touch(mode=0o755)

    code, last_line = run(programs, *PYTEST, "-k", "no_test_has_this_name")

    assert code == NOTHING_COLLECTED
    assert "Left out" not in last_line
