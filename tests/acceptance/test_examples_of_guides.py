"""The programs of guides are copied into an empty folder, as the guide says, and run."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Final

from tests.support.forked import run_forked
from tests.support.programs import run_program
from tests.support.running_titan import running_titan
from tests.support.sources import ROOT

#: A file of a guide: its name at the beginning of a paragraph or sentence, then its content.
FILE: Final = re.compile(r"`(\w+\.py)`[^`\n]*:\n\n```python\n(.*?)```", re.DOTALL)


def copied(guide: str, folder: Path, *, url: str = "") -> list[str]:
    """Write the files that a guide shows into a folder, with `url` as the server; return their names."""
    page = (ROOT / "docs/guide" / guide).read_text("utf-8")
    files = dict(FILE.findall(page))
    for name, content in files.items():
        (folder / name).write_text(content.replace("http://127.0.0.1:5000", url))
    return list(files)


def test_the_agent_of_the_guide_to_agent_runs_runs_in_an_empty_folder(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    assert copied("agent-runs.md", folder) == ["planner.py", "worker.py", "research.py"]
    with running_titan(tmp_path / "home") as titan:
        environment = {"TITAN_PORT": str(titan.sdk_port)}

        done = run_program(folder / "research.py", cwd=folder, env=environment)
        run_id, status = done.stdout.split()[-2:]
        shown = run_titan("runs", "show", run_id, port=titan.sdk_port)

    assert status == "COMPLETED", done.stderr
    assert f"{run_id}_ITER1" in shown


def test_the_program_of_the_guide_to_models_asks_the_servers_model(tmp_path: Path) -> None:
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps([{"contains": "three colours", "answer": "Red, green, blue."}]))
    with running_titan(tmp_path / "home", offers=(), model=f"scripted:{answers}") as titan:
        assert copied("models.md", tmp_path, url=f"http://127.0.0.1:{titan.sdk_port}") == ["ask.py"]

        done = run_program(tmp_path / "ask.py", cwd=tmp_path)

    assert (done.stdout, done.stderr) == ("Red, green, blue.\n", "")


def run_titan(*words: str, port: int) -> str:
    done = run_forked(*words, "--server", f"http://127.0.0.1:{port}", env=os.environ, cwd=ROOT)
    done.check_returncode()
    return done.stdout
