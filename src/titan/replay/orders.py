"""What is handed to the programs that execute a run again: `titan.replay.job` on a worker, `titan.replay.whole`."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

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
    """A fork that is to be executed; see `titan_sdk.replaying.recording.Plan`."""

    run_id: str
    at: str  #: an action's id
    outputs: str | None = None
    inputs: str | None = None
    live: list[str] = []
    max_usd: str = "0"
    max_calls: int = 0


class Order(msgspec.Struct, kw_only=True):
    """What is to be executed: `order.json` in the job's archive."""

    path: str  #: of the replay at the server, to report to
    run_id: str
    runs: int = 3
    finds_cause: bool = True
    no_sandbox: bool = False
    submits: bool = False  #: its stages are submitted as they were: no program outside of Titan did
    timeout: float = 900.0  #: of one execution, in seconds
    fork: ForkOrder | None = None  #: None: it is replayed


class StoredJob(msgspec.Struct, kw_only=True):
    """A job of a recorded run: `item` is one of `POST /api/dags`."""

    item: dict[str, object]
    script: str | None = None  #: a file in the folder of stages: its script …
    archive: str | None = None  #: … or the zip that it lies in


class StoredDag(msgspec.Struct, kw_only=True):
    """A DAG that an orchestrator, or a person, submitted."""

    name: str
    on_failure: str
    jobs: list[StoredJob]
    agent_id: str | None = None
    after: list[int] = []  #: places of the DAGs that had ended when it was submitted


class Decided(msgspec.Struct, kw_only=True):
    """A gate of the recorded run, and what became of it."""

    dag: str
    gate: str
    is_approved: bool
    comment: str = ""


class StoredStages(msgspec.Struct, kw_only=True):
    """What of a recorded run its stages are: `stages.json`."""

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
    """What `titan.replay.whole` is to do."""

    command: list[str]
    environment: dict[str, str]  #: of the program
    stages: str
    submits: bool
    home: str


def whole_run(
    stages: Stages, command: Sequence[str], environment: Mapping[str, str], *, folder: Path
) -> tuple[list[str], dict[str, str]]:
    """Return the command that executes a whole run in `folder`, and its environment: it is no part of the replay."""
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
