"""A stored program that attacks the worker that executes it, by what it leaves in its folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from titan.replay.execution import Confinement, Place, Program, ReplayFailed, execute
from titan.replay.sandbox import find_sandbox


def program(folder: Path, source: str) -> Program:
    code = folder / "code"
    code.mkdir()
    (code / "agent.py").write_text(source)
    (folder / "recording.jsonl").touch()
    place = Place(source=code, folder=folder / "execution")
    return Program(
        command=[sys.executable, "-S", "agent.py"],
        recording=folder / "recording.jsonl",
        run_id="hostile",
        actions=1,
        timeout=60,
        place=place,
        confinement=Confinement(sandbox=find_sandbox()),
    )


@pytest.mark.parametrize("name", ["output", "report.jsonl"])
def test_a_link_to_a_secret_shows_nothing_of_it(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("the-secret\n")
    source = f"import os\nos.path.exists('../{name}') and os.remove('../{name}')\n"
    source += f"os.symlink({str(tmp_path / 'secret')!r}, '../{name}')"

    with pytest.raises(ReplayFailed) as failed:
        execute(program(tmp_path, source))

    assert "began no replay" in str(failed.value)
    assert "the-secret" not in str(failed.value)


def test_a_pipe_instead_of_a_report_holds_up_nobody(tmp_path: Path) -> None:
    with pytest.raises(ReplayFailed, match="began no replay"):
        execute(program(tmp_path, "import os\nos.mkfifo('../report.jsonl')"))

    assert not os.path.isfile(tmp_path / "execution" / "report.jsonl")
