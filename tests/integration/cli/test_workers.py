"""`titan workers`: one is drained, taken back, and gone."""

from pathlib import Path

from tests.support.command_line import CommandLine
from tests.support.raw_http import ask_json
from tests.support.running_titan import RunningTitan
from tests.support.waiting import wait_until


def state_of(titan: CommandLine, name: str) -> str:
    """Return how the worker of this name stands, as the list shows it."""
    return next(line.split()[1] for line in titan("workers").lines if line.startswith(name))


def test_a_worker_is_drained_taken_back_and_gone(server: RunningTitan, titan: CommandLine, scripts: Path) -> None:
    ask_json(server.sdk_port, "POST", "/api/workers/local", {"offers": {"SPARE": 1}, "name": "spare"})
    titan("submit", f"{scripts}/forever.py", "--requires", "SPARE", "--name", "endless")
    wait_until(lambda: b"started" in titan("logs", "forever", "--dag", "endless").stdout, "it runs")

    drained = titan("workers", "drain", "spare")
    shown = state_of(titan, "spare")
    resumed = titan("workers", "drain", "spare", "--undo")

    assert drained.lines == ["Worker spare takes no new work; it leaves when it has finished 1."]
    assert shown == "draining"
    assert resumed.lines == ["Worker spare takes work again."]

    titan("workers", "drain", "spare")
    titan("cancel", "--dag", "endless")
    wait_until(lambda: state_of(titan, "spare") == "left", "it leaves when its job has ended")
    assert titan("workers", "drain", "spare", "--undo").exit_code != 0


def test_options_before_the_verb_are_refused(titan: CommandLine) -> None:
    refused = titan("workers", "--json", "drain", "spare")

    assert refused.exit_code == 2
    assert "Put options after the verb: titan workers drain" in refused.stderr
