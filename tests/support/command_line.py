"""`titan` as somebody types it into a pipe: in this process, which spares a test the start of another."""

import io
import json
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

from titan.cli.app import main

NOUNS = ("dags", "gates", "jobs", "projects", "runs", "store", "tasks", "tokens", "orgs", "eval", "import", "workers")
PROGRAM = (sys.executable, "-m", "titan.cli")  #: the same as a process of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What a command left behind."""

    exit_code: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        """What it wrote to stdout."""
        return self.stdout.decode()

    @property
    def lines(self) -> list[str]:
        """The lines of stdout."""
        return self.text.splitlines()

    @property
    def document(self) -> Mapping[str, object]:
        """The one JSON document on stdout."""
        read: Mapping[str, object] = json.loads(self.stdout)
        return read


class CommandLine:
    """Runs commands against one server."""

    def __init__(self, server: str) -> None:
        self.server = server

    def __call__(self, *words: str) -> Finished:
        """Run `titan WORDS` and return what it left; `--server` is added."""
        has_verb = words[0] in NOUNS and len(words) > 1 and not words[1].startswith("-")
        length = 2 if has_verb else 1
        return run_titan(*words[:length], "--server", self.server, *words[length:])


def run_titan(*words: str) -> Finished:
    """Run `titan WORDS` and return what it left."""
    stdout, stderr = _pipe(), _pipe()
    with redirect_stdout(stdout), redirect_stderr(stderr):
        exit_code = main(words)
    for stream in (stdout, stderr):
        stream.flush()
    return Finished(
        exit_code=exit_code,
        stdout=stdout.buffer.getvalue(),  # type: ignore[attr-defined]  # the BytesIO that _pipe put there
        stderr=stderr.buffer.getvalue().decode(),  # type: ignore[attr-defined]
    )


def _pipe() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
