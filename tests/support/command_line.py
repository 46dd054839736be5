"""Runs `titan` commands in this process, with their output captured: no test waits for an interpreter to start."""

import io
import json
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache

import typer

from titan.cli.app import main

NOUNS = ("dags", "gates", "jobs", "projects", "runs", "store", "tasks", "tokens", "orgs", "eval", "import", "workers")
PROGRAM = (sys.executable, "-m", "titan.cli")  #: the same as a process of its own

vars(typer.main)["get_command"] = cache(typer.main.get_command)  # building the parser takes longer than most commands


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """Exit code and output of a command."""

    exit_code: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        """Stdout, decoded."""
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
        """Run `titan WORDS` with `--server` added."""
        has_verb = words[0] in NOUNS and len(words) > 1 and not words[1].startswith("-")
        length = 2 if has_verb else 1
        return run_titan(*words[:length], "--server", self.server, *words[length:])


def run_titan(*words: str) -> Finished:
    """Run `titan WORDS`."""
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
