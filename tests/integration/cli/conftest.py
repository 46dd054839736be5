"""One Titan for all commands of this folder, and the scripts a person would have at hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.running_titan import RunningTitan, running_titan

SCRIPTS = {
    "hello.py": "print('hello')",
    "fail.py": "import sys\nprint('about to fail')\nsys.exit(3)",
    "arguments.py": "import os, sys\nprint(sys.argv[1:], os.environ.get('MODE'))",
    "binary.py": "import sys\nsys.stdout.buffer.write(bytes(range(256)) * 1000)",
    "tick.py": "import time\nfor number in range(3):\n    print('tick', number, flush=True)\n    time.sleep(0.2)",
    "forever.py": "import time\nprint('started', flush=True)\ntime.sleep(600)",
    "silent.py": "pass",
    "colours.py": "print('\\x1b[31m[bold]red[/bold] :smile:')",
}


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    with running_titan(tmp_path_factory.mktemp("titan") / "home") as running:
        yield running


@pytest.fixture
def titan(server: RunningTitan) -> CommandLine:
    return CommandLine(f"http://127.0.0.1:{server.sdk_port}")


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A folder with the scripts above."""
    for name, text in SCRIPTS.items():
        (tmp_path / name).write_text(f"{text}\n")
    return tmp_path
