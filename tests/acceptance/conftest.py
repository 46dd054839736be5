"""One Titan for all programs of this folder: they share nothing but the server, as users do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.running_titan import RunningTitan, running_titan

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture(scope="package")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    with running_titan(tmp_path_factory.mktemp("titan") / "home", offers=("GENERAL:4", "GPU:1")) as running:
        yield running


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A user's folder with the programs and the scripts they name; each after its prelude, if it has one."""
    folder = tmp_path / "programs"
    shutil.copytree(PROGRAMS, folder)
    for prelude in (folder / "preludes").iterdir():
        program = folder / prelude.name
        program.write_text(f"{prelude.read_text()}\n\n{program.read_text()}")
    shutil.rmtree(folder / "preludes")
    return folder
