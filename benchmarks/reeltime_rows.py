"""What reeltime says of an agent: `tape doctor` runs it three times and compares, in an environment of reeltime's own.

The agent is the same text. What is an action of `titan_sdk` there is a tool of reeltime's, and all of its patches are
on, that of `datetime` too.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.rivals.environments import interpreter

NAME: Final = "reeltime"
EXECUTIONS: Final = 3
TIMEOUT_SECONDS: Final = 120.0
#: What its kinds of sources are called here.
CAUSES: Final = {"time": "clock", "uuid": "uuid", "rand": "random"}
STAND_IN: Final = """
import reeltime

def action(name=None, **_):
    return reeltime.tool(name) if callable(name) else reeltime.tool
"""


class _Source(msgspec.Struct):
    kind: str


class _Report(msgspec.Struct):
    clean: bool
    sources: list[_Source]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a tool says of an agent."""

    is_found: bool  #: whether it says that the agent is not deterministic
    causes: frozenset[str]  #: those that it names


def diagnosed(environment: Path, folder: Path) -> Diagnosis:
    """Return what reeltime says of `agent.py` in a folder, which is the agent's own from now on."""
    (folder / "titan_sdk.py").write_text(STAND_IN, encoding="utf-8")
    python = interpreter(environment)
    command = [str(python.parent / "tape"), "doctor", "--json", "--runs", str(EXECUTIONS), str(python), "agent.py"]
    variables = {**os.environ, "REELTIME_PATCH": "random,uuid,time,datetime", "PYTHONPATH": ""}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, timeout=TIMEOUT_SECONDS)
    (folder / "titan_sdk.py").unlink()
    report = msgspec.json.decode(done.stdout[done.stdout.index(b"\n{\n") + 1 :], type=_Report)
    causes = frozenset(CAUSES[source.kind] for source in report.sources if source.kind in CAUSES)
    return Diagnosis(is_found=not report.clean, causes=causes)
