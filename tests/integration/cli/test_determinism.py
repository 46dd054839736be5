"""`titan determinism`: a run's score and issues, exit codes that CI looks at, the report, lists by score."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.cli.test_recorded_runs import a_run, an_action, record
from tests.support.command_line import CommandLine
from tests.support.running_titan import RunningTitan
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def reported(server: RunningTitan) -> str:
    run = "reported-1"
    record(
        server.sdk_port, run, a_run(run, agent_id="REPORTED"), an_action("d1", "report", outputs={"today": "Monday"})
    )
    return run


def test_a_run_is_shown_with_its_score_and_suggested_changes(titan: CommandLine, reported: str) -> None:
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


def test_a_report_is_written_as_html_or_json(titan: CommandLine, reported: str, tmp_path: Path) -> None:
    page, document = tmp_path / "report.html", tmp_path / "report.json"

    assert titan("determinism", reported, "--report", str(page)).exit_code == 0
    assert titan("determinism", reported, "--report", str(document)).exit_code == 0

    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert json.loads(document.read_text("utf-8"))["determinism"]["score"] == 40
    again = titan("determinism", reported, "--report", str(page))
    assert (again.exit_code, "--force" in again.stderr) == (2, True)
    assert titan("determinism", reported, "--report", str(page), "--force").exit_code == 0
    assert titan("determinism", reported, "--report", str(tmp_path / "report.pdf")).exit_code == 2


def test_runs_are_listed_by_score_and_below_one(titan: CommandLine, reported: str) -> None:
    def scores() -> list[int | None]:
        told = titan("runs", "--agent", "REPORTED", "--determinism-below", "70", "--sort", "determinism", "--json")
        runs = told.document["data"]
        assert isinstance(runs, list)
        return [run["determinism"] for run in runs]

    wait_until(lambda: scores() == [40], "the score of the run")
    assert titan("runs", "--agent", "REPORTED", "--determinism-below", "40").text.startswith("No such runs.")


def test_executions_are_asked_for_with_a_command_alone(titan: CommandLine, reported: str) -> None:
    done = titan("determinism", reported, "--runs", "3")

    assert done.exit_code == 2
    assert "a command after --" in done.stderr


def test_an_unknown_run_is_not_found(titan: CommandLine) -> None:
    assert titan("determinism", "nowhere").exit_code == 3
