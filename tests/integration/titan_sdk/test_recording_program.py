"""What a program reports of its own code and packages as a run begins."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from titan_sdk.recording.program import LARGEST_BYTES

AGENT = """
import pkg.first
import titan_sdk

@titan_sdk.action
def call(x):
    return x

call(1)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A program of several modules, beside one that is not its own."""
    folder = tmp_path / "my_agent"
    for path, text in {
        "agent.py": AGENT,
        "pkg/__init__.py": "",
        "pkg/first.py": "from . import second\n",
        "pkg/second.py": "def late():\n    import helpers.deep\n",
        "helpers/__init__.py": "",
        "helpers/deep.py": "KEY = 1\n",
        "unrelated.py": "private = True\n",
        "venv/lib/site-packages/pkg.py": "",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def told_by(folder: Path, *command: str, **environment: str) -> dict[str, Any] | None:
    """Return what a program left in its spool about itself, for its server is away; None where that is nothing."""
    spool = folder.parent / "spool"
    away = {"TITAN_HOST": "127.0.0.1", "TITAN_PORT": "9", "TITAN_SPOOL": str(spool), "PATH": "/usr/bin"}
    subprocess.run([sys.executable, *command], cwd=folder, env=away | environment, check=True, timeout=60)
    lines = [json.loads(line) for path in spool.glob("*.jsonl") for line in path.read_text().splitlines()]
    assert [line["name"] for line in lines if line["type"] == "action"] == ["call"]
    return next((line for line in lines if "program" in line), None)


def texts(told: dict[str, Any]) -> dict[str, str]:
    return {file["path"]: file["text"] for file in told["program"]["files"]}


def test_a_program_reports_the_modules_that_it_imports_or_may_import(folder: Path) -> None:
    told = told_by(folder, "agent.py", "--fast")

    assert told is not None
    assert told["process"] | {"command": told["process"]["command"][1:]} == {
        "command": ["agent.py", "--fast"],
        "script": "agent.py",
        "folder": "my_agent",
        "job_id": None,
        "left_out": None,
    }
    paths = ["agent.py", "helpers/__init__.py", "helpers/deep.py", "pkg/__init__.py", "pkg/first.py", "pkg/second.py"]
    assert sorted(texts(told)) == paths
    assert all((folder / path).read_text() == text for path, text in texts(told).items())
    for file in told["program"]["files"]:
        assert file["sha256"] == hashlib.sha256((folder / file["path"]).read_bytes()).hexdigest()
    assert told["program"]["interpreter"] == f"CPython {sys.version.split()[0]}"
    assert told["program"]["packages"]["msgspec"]


def test_the_modules_of_python_m_are_named_from_where_it_was_found(folder: Path) -> None:
    (folder / "pkg" / "agent.py").write_text(AGENT)

    told = told_by(folder, "-m", "pkg.agent")

    assert told is not None
    assert told["process"]["command"][1:] == ["-m", "pkg.agent"]
    assert (told["process"]["script"], "pkg/second.py" in texts(told)) == ("pkg/agent.py", True)


def test_a_program_without_a_script_reports_its_packages_alone(folder: Path) -> None:
    told = told_by(folder, "-c", AGENT)

    assert told is not None
    assert told["program"]["files"] == []
    assert told["process"]["left_out"] == "the program is no script: its modules are not known"
    assert told["program"]["packages"]["msgspec"]


def test_of_a_job_and_of_large_modules_the_digests_alone_are_reported(folder: Path) -> None:
    job = told_by(folder, "agent.py", TITAN_JOB_ID="DAG_1.00001")
    (folder / "pkg" / "second.py").write_text(f"# {'x' * LARGEST_BYTES}\n")
    for path in (folder.parent / "spool").iterdir():
        path.unlink()
    large = told_by(folder, "agent.py")

    assert job is not None
    assert large is not None
    for file in (*job["program"]["files"], *large["program"]["files"]):
        assert "text" not in file
        assert file["sha256"]
    assert job["process"]["job_id"] == "DAG_1.00001"
    assert job["process"]["left_out"] == "the job's stored script is the code"
    assert large["process"]["left_out"] == "its modules have 10.0 MiB together, over 10"


def test_code_that_is_not_to_be_recorded_stays_at_home(folder: Path) -> None:
    assert told_by(folder, "agent.py", TITAN_RECORD_CODE="no") is None
