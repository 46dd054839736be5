"""One Titan for all programs of this folder: they share nothing but the server, as users do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.support.fake_endpoint import FakeEndpoint, fake_endpoint
from tests.support.recorded_calls import RecordedCalls
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


@pytest.fixture(scope="module")
def endpoint() -> Iterator[FakeEndpoint]:
    """A model's endpoint that answers as a test says."""
    with fake_endpoint() as running:
        yield running


@pytest.fixture
def client(titan: RunningTitan) -> Iterator[openai.OpenAI]:
    """The openai package, connected with Titan's model endpoint."""
    url = f"http://127.0.0.1:{titan.sdk_port}/v1"
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as connected:
        yield connected


@pytest.fixture(scope="module")
def recorded(titan: RunningTitan) -> Iterator[RecordedCalls]:
    """What Titan has recorded."""
    calls = RecordedCalls(titan)
    yield calls
    calls.close()
