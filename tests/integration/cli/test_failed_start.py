"""A server of a test that does not start fails that test alone: what it left open would fail others after it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.running_titan import RunningTitan


def test_a_server_that_does_not_start_leaves_nothing_open(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")

    with pytest.raises(AssertionError, match="before it was up"):
        RunningTitan(tmp_path / "home", options=("--no-such-option",))

    assert set(os.listdir("/proc/self/fd")) <= set(before)


def test_a_server_that_does_not_start_again_leaves_nothing_open(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    titan = RunningTitan(tmp_path / "home", offers=())
    titan.kill()
    titan.options = ("--no-such-option",)

    with pytest.raises(AssertionError, match="before it was up"):
        titan.start_again()
    titan.stop()

    assert set(os.listdir("/proc/self/fd")) <= set(before)
