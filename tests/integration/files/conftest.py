"""One Titan for all tests of this folder, asked over HTTP and by commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.command_line import CommandLine
from tests.support.running_titan import RunningTitan, running_titan
from titan_sdk import TitanClient


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    with running_titan(tmp_path_factory.mktemp("files") / "home") as running:
        yield running


@pytest.fixture
def port(running: RunningTitan) -> int:
    """Where the shared server listens."""
    return running.sdk_port


@pytest.fixture
def titan(port: int) -> CommandLine:
    return CommandLine(f"http://127.0.0.1:{port}")


@pytest.fixture
def client(port: int) -> TitanClient:
    return TitanClient("127.0.0.1", port)
