"""One Titan for all programs of this folder: they share nothing but the server, as users do."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import openai
import pytest

from tests.support.capturing import say_again
from tests.support.fake_endpoint import FakeEndpoint, fake_endpoint
from tests.support.foreign_programs import PROGRAMS, converse
from tests.support.recorded_calls import RecordedCalls
from tests.support.running_titan import RunningTitan, running_titan

LIVE_CLIENT = [pytest.mark.slow, pytest.mark.live_client]
SEEDS_PROGRAMS = Path(__file__).parent / "programs"

#: Lets a program of `clients`, by name, tell a server of itself, and shows the token; returns what the program printed.
Tell: TypeAlias = Callable[[str, RunningTitan, str | None], str]


@pytest.fixture(scope="package")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    with running_titan(tmp_path_factory.mktemp("titan") / "home", offers=("GENERAL:4", "GPU:1")) as running:
        yield running


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A user's folder with the programs and the scripts they name; each after its prelude, if it has one."""
    folder = tmp_path / "programs"
    shutil.copytree(SEEDS_PROGRAMS, folder)
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


@pytest.fixture(scope="module", params=["captured", pytest.param("live", marks=LIVE_CLIENT)])
def tell(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tell:
    """Foreign clients, each in an environment of its own; and what they said when they were captured, byte for byte."""

    def live(name: str, titan: RunningTitan, token: str | None) -> str:
        return converse(PROGRAMS[name], titan.sdk_port, token=token, folder=tmp_path_factory.mktemp(name)).printed

    def again(name: str, titan: RunningTitan, token: str | None) -> str:
        return say_again(PROGRAMS[name], titan.sdk_port, token=token).printed

    return live if request.param == "live" else again
