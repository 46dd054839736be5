"""`titan determinism`: a run's predicted score and issues, and the exit codes that CI looks at."""

from __future__ import annotations

import json

import pytest

from tests.integration.cli.test_recorded_runs import a_run, an_action, record
from tests.support.command_line import CommandLine
from tests.support.running_titan import RunningTitan


@pytest.fixture(scope="module")
def reported(server: RunningTitan) -> str:
    run = "reported-1"
    record(
        server.sdk_port, run, a_run(run, agent_id="REPORTED"), an_action("d1", "report", outputs={"today": "Monday"})
    )
    return run


def test_a_run_is_shown_with_its_score_and_what_to_write_instead(titan: CommandLine, reported: str) -> None:
    done = titan("determinism", reported)

    assert done.exit_code == 0
    assert done.lines[:5] == [
        "reported-1: 40 of 100, highly non-deterministic (predicted)",
        "",
        "HIGH  Timestamp in output · report",
        '  Output contains current timestamp ("Monday") which will differ on replay.',
        "  Pass timestamp as input parameter instead.",
    ]
    assert "    + def generate_report(data, *, as_of):" in done.lines


def test_a_score_below_the_least_fails(titan: CommandLine, reported: str) -> None:
    assert titan("determinism", reported, "--min", "40").exit_code == 0
    below = titan("determinism", reported, "--min", "41", "--json")

    assert (below.exit_code, json.loads(below.stdout)["score"]) == (1, 40)


def test_a_run_without_a_score_is_neither_good_nor_below(server: RunningTitan, titan: CommandLine) -> None:
    record(server.sdk_port, "bare-1", a_run("bare-1", agent_id="BARE"), an_action("d1", "report"))

    done = titan("determinism", "bare-1", "--min", "1")

    assert done.exit_code == 2
    assert "the inputs and outputs of its calls are not stored" in done.stderr


def test_the_help_names_the_command_that_measures(titan: CommandLine) -> None:
    assert "titan replay RUN --runs N -- COMMAND" in titan("determinism", "--help").text


def test_an_unknown_run_is_not_found(titan: CommandLine) -> None:
    assert titan("determinism", "nowhere").exit_code == 3
