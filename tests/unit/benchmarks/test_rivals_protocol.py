"""The conversation with a rival's driver, with a driver whose rival needs no packages."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from benchmarks.rivals.protocol import Driver, DriverFailed, running_driver
from tests.support.sources import PACKAGES, ROOT


@contextmanager
def a_driver(folder: Path, *words: str) -> Iterator[Driver]:
    """Keep the fake driver, or a program that is none."""
    command = [sys.executable, *(words or ("-m", "tests.unit.benchmarks.fake_driver"))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), PACKAGES))}
    with running_driver("fake", command, folder=folder, environment=environment) as driver:
        yield driver


def start(driver: Driver, folder: Path) -> str:
    return driver.start(slots=4, folder=folder, script=folder / "job.py", services={})


def test_a_driver_answers_with_its_rivals_version_and_a_figure_for_each_single_job(tmp_path: Path) -> None:
    with a_driver(tmp_path) as driver:
        version = start(driver, tmp_path)
        counts = [len(driver.seconds("function", shape, 7)) for shape in ("alone", "wide", "fan")]

    assert version == importlib.metadata.version("pytest")
    assert counts == [7, 1, 1]


def test_output_of_a_rival_is_not_read_as_an_answer(tmp_path: Path) -> None:
    with a_driver(tmp_path) as driver:
        start(driver, tmp_path)
        driver.seconds("function", "wide", 3)

    assert "chatter of a foreign package about 3 tasks" in (tmp_path / "driver.log").read_text("utf-8")


def test_a_failed_task_is_reported_in_its_own_words(tmp_path: Path) -> None:
    with a_driver(tmp_path) as driver:
        start(driver, tmp_path)

        with pytest.raises(DriverFailed, match=r"^fake: RuntimeError: its worker was lost$"):
            driver.seconds("broken", "wide", 1)


def test_a_driver_that_ends_is_reported_with_its_last_words(tmp_path: Path) -> None:
    with a_driver(tmp_path) as driver:
        start(driver, tmp_path)

        with pytest.raises(DriverFailed, match=r"^fake: expected an answer; its driver ended\. killed by nobody$"):
            driver.seconds("gone", "wide", 1)


def test_a_driver_that_cannot_start_is_reported(tmp_path: Path) -> None:
    with (
        a_driver(tmp_path, "-c", "import no_such_rival") as driver,
        pytest.raises(DriverFailed, match="No module named 'no_such_rival'"),
    ):
        start(driver, tmp_path)


def test_a_driver_that_speaks_another_language_is_reported(tmp_path: Path) -> None:
    with (
        a_driver(tmp_path, "-c", "print('hello')") as driver,
        pytest.raises(DriverFailed, match=r"expected a JSON object; found 'hello\\n'"),
    ):
        start(driver, tmp_path)


@pytest.mark.parametrize("interrupted", [False, True])
def test_nothing_that_a_rival_started_is_left(tmp_path: Path, interrupted: bool) -> None:
    try:
        with a_driver(tmp_path) as driver:
            start(driver, tmp_path)
            if interrupted:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass

    assert not psutil.pid_exists(int((tmp_path / "left-behind").read_text("utf-8")))
