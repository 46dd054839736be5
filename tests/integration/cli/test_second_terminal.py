"""What `titan up` says to type in a second terminal finds its server there, on whatever ports and in whatever home."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.command_line import PROGRAM

UP = (*PROGRAM, "up", "--no-worker", "--port", "0", "--sdk-port", "0", "--model", "none")
SAYS = "In a second terminal: "


@contextmanager
def greeted(environment: Mapping[str, str], *more: str) -> Iterator[str]:
    """Run `titan up` for a `with` block; yield the command that its greeting names."""
    server = subprocess.Popen([*UP, *more], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield next(line.removeprefix(SAYS).strip() for line in server.stdout if line.startswith(SAYS))
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=60)


@pytest.mark.parametrize("folder", [None, "my home"])
def test_the_command_that_the_greeting_names_finds_the_server(tmp_path: Path, folder: str | None) -> None:
    bare = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(tmp_path)}
    home = [] if folder is None else ["--home", str(tmp_path / folder)]

    with greeted(bare, *home) as command:
        typed = subprocess.run(["bash", "-c", command], env=bare, capture_output=True, text=True, timeout=60)

    assert typed.stdout.startswith("No jobs yet"), typed.stderr
    assert command.endswith("titan jobs")
    assert ("TITAN_HOME" in command) == (folder is not None)
