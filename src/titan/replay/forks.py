"""Runs a program as a fork of a recorded run, or to resume one; see `titan_sdk.replaying.forking`."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO

import msgspec

from titan.replay.execution import ReplayFailed
from titan.replay.sandbox import read_written
from titan_sdk.replaying.recording import Plan
from titan_sdk.stages import FORK, FORK_RUN


def planned(plan: Plan, folder: Path) -> dict[str, str]:
    """Write a plan into a folder, and return what a program that follows it has in its environment."""
    path = folder / "plan.json"
    path.write_bytes(msgspec.json.encode(asdict(plan)))
    return {FORK: str(path)} if plan.is_resumed else {FORK: str(path), FORK_RUN: plan.run_id}


def run_program(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    directory: str | None = None,
    output: IO[str] | None = None,
) -> int:
    """Run a program in the foreground, and return its exit code; `output` is where it writes, by default as usual.

    Raises:
        ReplayFailed: it cannot be started.
    """
    try:
        with subprocess.Popen(
            list(command), cwd=directory, env={**os.environ, **environment}, stdout=output
        ) as process:
            while True:
                try:
                    return process.wait()
                except KeyboardInterrupt:
                    continue  # the program got it too, and ends in its own way
    except OSError as error:
        raise ReplayFailed(f"{command[0]!r} cannot be started: {error.strerror}") from None


def has_reached_edit(plan: Plan) -> bool:
    """Return whether the program came to the action that is edited."""
    try:
        return any("edited" in msgspec.json.decode(line) for line in read_written(Path(plan.ledger)).splitlines())
    except FileNotFoundError:
        return False
