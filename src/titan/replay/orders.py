"""Files for the programs that execute a run again: orders, stored stages and the stored program."""

import hashlib
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from titan.insight.export_lines import RunLine

#: What a job's archive holds.
ORDER: Final = "order.json"
RECORDING: Final = "recording.jsonl"
STAGES: Final = "stages"
STAGES_FILE: Final = "stages.json"  # in that folder
#: What the job makes beside that, and deletes.
CODE: Final = "code"
EXECUTION: Final = "execution"
_PLAN: Final = "whole.json"


class ForkOrder(msgspec.Struct, kw_only=True):
    """A fork to execute; see `titan_sdk.replaying.recording.Plan`."""

    run_id: str
    at: str  #: an action's id
    outputs: str | None = None
    inputs: str | None = None
    live: list[str] = []
    max_usd: str = "0"
    max_calls: int = 0


class Order(msgspec.Struct, kw_only=True):
    """The order of a replay job: `order.json` in its archive."""

    path: str  #: of the replay at the server, to report to
    run_id: str
    runs: int = 3
    finds_cause: bool = True
    no_sandbox: bool = False
    submits: bool = False  #: its stages are submitted as they were: no program outside of Titan did
    timeout: float = 900.0  #: of one execution, in seconds
    fork: ForkOrder | None = None  #: None: it is replayed
    home: str = ""  #: of the server, for forks: see `titan.replay.job`
    home_id: str = ""


class StoredJob(msgspec.Struct, kw_only=True):
    """A job of a recorded run: `item` is one of `POST /api/dags`."""

    item: dict[str, object]
    script: str | None = None  #: a file in the folder of stages: its script …
    archive: str | None = None  #: … or the zip that it lies in


class StoredDag(msgspec.Struct, kw_only=True):
    """A DAG that an orchestrator or a person submitted."""

    name: str
    on_failure: str
    jobs: list[StoredJob]
    agent_id: str | None = None
    after: list[int] = []  #: places of the DAGs that had ended when it was submitted


class Decided(msgspec.Struct, kw_only=True):
    """A gate of the recorded run and its decision."""

    dag: str
    gate: str
    is_approved: bool
    comment: str = ""


class StoredStages(msgspec.Struct, kw_only=True):
    """The stages of a recorded run: `stages.json`."""

    run_id: str
    in_run: bool  #: whether the DAGs are stages of the run; else it is one DAG's own
    labels: list[str]  #: what workers offered
    dags: list[StoredDag]
    gates: list[Decided]
    scripts: dict[str, str] = {}  #: file name → the file in this folder that has its content
    model: str | None = None  #: the name of the server's model


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """The stages of a run that is executed as a whole."""

    folder: Path  #: with `stages.json`, scripts and archives
    submits: bool = False  #: whether they are submitted as they were; else the program does


class WholePlan(msgspec.Struct, kw_only=True):
    """The plan of `titan.replay.whole`."""

    command: list[str]
    environment: dict[str, str]  #: of the program
    stages: str
    submits: bool
    home: str


def whole_run(
    stages: Stages, command: Sequence[str], environment: Mapping[str, str], *, folder: Path
) -> tuple[list[str], dict[str, str]]:
    """Return the command and environment that execute a whole run in `folder`, outside of the replay."""
    plan = WholePlan(
        command=list(command),
        environment=dict(environment),
        stages=str(stages.folder),
        submits=stages.submits,
        home=str(folder / "home"),
    )
    path = folder / _PLAN
    path.write_bytes(msgspec.json.encode(plan))
    own = {name: value for name, value in environment.items() if not name.startswith(("TITAN_", "PYTHONHASHSEED"))}
    paths = environment.get("PYTHONPATH", "").split(os.pathsep)[1:]  # the first one begins a replay
    own["PYTHONPATH"] = os.pathsep.join(paths)
    return [sys.executable, "-m", "titan.replay.whole", str(path)], own


#: Reasons why a run's stored code cannot be executed; the console and the guide have words for them.
CODE_MISSING: Final = "code_missing"
CODE_REDACTED: Final = "code_redacted"
CODE_UNTRUSTED: Final = "code_untrusted"


class CannotExecute(Exception):
    """A run's code is not stored, or was changed by redaction."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class _File(msgspec.Struct):
    path: str
    sha256: str
    text: str | None = None


class StoredProgram(msgspec.Struct):
    """A program's code as `titan_sdk.recording.program` reports it."""

    files: list[_File] = []


class StoredProcess(msgspec.Struct):
    """A process as `titan_sdk.recording.program` reports it."""

    command: list[str] = []
    script: str | None = None
    job_id: str | None = None
    left_out: str | None = None  #: why its code is not stored


def own_program(run: RunLine) -> tuple[StoredProcess, StoredProgram] | None:
    """Return the stored program that ran outside of jobs, None where there is none."""
    lines = () if isinstance(run.processes, msgspec.UnsetType) else run.processes
    for line in lines:
        process = msgspec.json.decode(line.process, type=StoredProcess)
        if process.job_id is None and process.script is not None and not isinstance(line.program, msgspec.UnsetType):
            program = msgspec.json.decode(line.program, type=StoredProgram)
            if any(file.text is not None for file in program.files):
                return process, program
    return None


def write_program(run: RunLine, folder: Path) -> list[str]:
    """Write a run's program into `folder`, and return the command that runs it with this interpreter.

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
    """Write the scripts of a run's jobs beside the program that submits them."""
    stored = msgspec.json.decode((stages / STAGES_FILE).read_bytes(), type=StoredStages)
    for name, script in stored.scripts.items():
        if not (code / name).exists():
            shutil.copyfile(stages / script, code / name)


def command_of(process: StoredProcess, program: StoredProgram) -> list[str]:
    """Return the command that runs a program in the current folder with this interpreter."""
    script = process.script or program.files[0].path
    words = process.command[1:]
    for place, word in enumerate(words):
        if word == "-m":
            return [sys.executable, *words]
        if os.path.basename(word) == os.path.basename(script):
            return [sys.executable, *words[:place], script, *words[place + 1 :]]
    return [sys.executable, script]
