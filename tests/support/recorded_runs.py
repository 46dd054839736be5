"""Environment for programs that record to a server, and reads of the runs that they recorded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tests.support.raw_http import ask_json
from tests.support.running_titan import RunningTitan


def environment(titan: RunningTitan, folder: Path) -> dict[str, str]:
    """Return the environment of a program that reports to a server and leaves its temporary files in `folder`."""
    return {**os.environ, **titan.environment, "TITAN_HOME": str(titan.home), "TMPDIR": str(folder)}


def runs(titan: RunningTitan, **query: str) -> list[Any]:
    """Return the runs that a server knows, of all time."""
    asked = "&".join(f"{name}={value}" for name, value in {"window": "all", **query}.items())
    found: list[Any] = ask_json(titan.sdk_port, "GET", f"/api/v1/runs?{asked}").value["data"]
    return found


def exported(titan: RunningTitan, run: str) -> list[Any]:
    """Return the actions of a run as an export has them."""
    path = f"/api/v1/runs/export?format=json&run_id={run}"
    actions: list[Any] = ask_json(titan.sdk_port, "GET", path).value["runs"][0]["actions"]
    return actions
