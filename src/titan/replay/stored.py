"""The program of a recorded run, written out again from what the run stored of it."""

import hashlib
import os
import shutil
import sys
from pathlib import Path
from typing import Final

import msgspec

from titan.insight.export_lines import RunLine
from titan.replay.orders import STAGES_FILE, StoredStages

#: Reasons why a run's stored code cannot be executed; the console and the guide have words for them.
CODE_MISSING: Final = "code_missing"
CODE_REDACTED: Final = "code_redacted"


class CannotExecute(Exception):
    """A run's code is not stored, or not as it was."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class _File(msgspec.Struct):
    path: str
    sha256: str
    text: str | None = None


class StoredProgram(msgspec.Struct):
    """What `titan_sdk.recording.program` reported of a program's code."""

    files: list[_File] = []


class StoredProcess(msgspec.Struct):
    """What it reported of a process."""

    command: list[str] = []
    script: str | None = None
    job_id: str | None = None
    left_out: str | None = None  #: why its code is not stored


def own_program(run: RunLine) -> tuple[StoredProcess, StoredProgram] | None:
    """Return the program outside of jobs whose code is stored; None where there is none."""
    lines = () if isinstance(run.processes, msgspec.UnsetType) else run.processes
    for line in lines:
        process = msgspec.json.decode(line.process, type=StoredProcess)
        if process.job_id is None and process.script is not None and not isinstance(line.program, msgspec.UnsetType):
            program = msgspec.json.decode(line.program, type=StoredProgram)
            if any(file.text is not None for file in program.files):
                return process, program
    return None


def write_program(run: RunLine, folder: Path) -> list[str]:
    """Write a run's program into `folder`, and return the command that runs it there with this interpreter.

    Raises:
        CannotExecute: its code is not stored, or a secret in it was taken out.
    """
    found = own_program(run)
    if found is None:
        raise CannotExecute(CODE_MISSING, f"the code of run {run.run_id} is not stored")
    process, program = found
    folder.mkdir(parents=True, exist_ok=True)
    for file in program.files:
        content = (file.text or "").encode()
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise CannotExecute(
                CODE_REDACTED, f"{file.path} of run {run.run_id} is not stored as it was: it held a secret, or no UTF-8"
            )
        path = folder / file.path
        if not path.resolve().is_relative_to(folder.resolve()):
            raise CannotExecute(CODE_MISSING, f"{file.path} of run {run.run_id} lies outside of its program's folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return command_of(process, program)


def write_scripts(stages: Path, code: Path) -> None:
    """Write the scripts of a run's jobs beside the program that submits them, which no longer finds them elsewhere."""
    stored = msgspec.json.decode((stages / STAGES_FILE).read_bytes(), type=StoredStages)
    for name, script in stored.scripts.items():
        if not (code / name).exists():
            shutil.copyfile(stages / script, code / name)


def command_of(process: StoredProcess, program: StoredProgram) -> list[str]:
    """Return the command of a program that lies in the current folder, with this interpreter."""
    script = process.script or program.files[0].path
    words = process.command[1:]
    for place, word in enumerate(words):
        if word == "-m":
            return [sys.executable, *words]
        if os.path.basename(word) == os.path.basename(script):
            return [sys.executable, *words[:place], script, *words[place + 1 :]]
    return [sys.executable, script]
