"""A rival that cannot be measured costs its row, never the run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.rivals.environments import CannotInstall, run_or_refuse
from benchmarks.rivals.services import ServiceFailed, kept


def test_a_failed_installation_is_refused_with_the_last_line_of_its_output() -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('looking\\nno wheel for this machine')"]

    with pytest.raises(CannotInstall, match=r"^ray: expected an environment; no wheel for this machine$"):
        run_or_refuse("ray", command)


def test_a_missing_interpreter_is_refused() -> None:
    with pytest.raises(CannotInstall, match=r"^ray: expected an environment; .*No such file"):
        run_or_refuse("ray", ["/no/such/python"])


def test_a_service_that_ends_at_once_is_refused_with_its_last_words(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('port is taken')"]

    with (
        pytest.raises(ServiceFailed, match=r"^redis: expected it to listen; it said: port is taken$"),
        kept(command, tmp_path / "redis.log", port=1),
    ):
        pass
