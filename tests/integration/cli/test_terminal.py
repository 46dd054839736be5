"""On a terminal: colours, a live display, Ctrl-C, NO_COLOR, a narrow window."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.command_line import PROGRAM, CommandLine
from tests.support.terminal import on_a_terminal

SHOW_CURSOR = b"\x1b[?25h"
GREEN = b"\x1b[32m"


def typed(titan: CommandLine, *words: str) -> list[str]:
    return [*PROGRAM, *words, "--server", titan.server]


def test_waiting_shows_a_live_display_and_leaves_the_outcome(titan: CommandLine, scripts: Path) -> None:
    words = ["submit", f"{scripts}/tick.py", f"{scripts}/fail.py", "--wait"]

    with on_a_terminal(typed(titan, *words)) as program:
        exit_code = program.finish()

    assert exit_code == 1
    assert re.search("[12]/2", program.text)
    assert "━━" in program.text
    assert "RUNNING  tick" in program.text
    assert SHOW_CURSOR in program.raw
    last_line = program.text.rstrip().splitlines()[-1]
    assert last_line.startswith("fail  FAILED")
    assert last_line.endswith("exit code 3")


def test_ctrl_c_ends_the_waiting_but_not_the_dag(titan: CommandLine, scripts: Path) -> None:
    with on_a_terminal(typed(titan, "submit", f"{scripts}/forever.py", "--name", "kept", "--wait")) as program:
        program.read_until("RUNNING")
        program.interrupt()
        exit_code = program.finish()

    assert exit_code == 130
    assert "No longer waiting; the DAG goes on. See it: titan dags show " in program.text
    assert "Traceback" not in program.text
    assert SHOW_CURSOR in program.raw
    assert titan("dags", "show", "kept", "--json").document["status"] == "RUNNING"
    titan("cancel", "--dag", "kept")


@pytest.mark.parametrize("words", [["logs", "unending", "--follow"], ["dags", "show", "unending", "--follow"]])
def test_ctrl_c_ends_following_without_a_word_too_many(titan: CommandLine, scripts: Path, words: list[str]) -> None:
    titan("submit", f"unending={scripts}/forever.py")

    with on_a_terminal(typed(titan, *words)) as program:
        program.read_until("started")
        program.interrupt()
        exit_code = program.finish()

    assert exit_code == 130
    assert "Traceback" not in program.text
    titan("cancel", "unending")


def test_statuses_have_colours_unless_no_color_is_set(titan: CommandLine, scripts: Path) -> None:
    titan("submit", f"{scripts}/hello.py", "--wait")

    with on_a_terminal(typed(titan, "jobs")) as colourful:
        colourful.finish()
    with on_a_terminal(typed(titan, "jobs"), environment={"NO_COLOR": "1"}) as plain:
        plain.finish()

    assert GREEN + b"COMPLETED" in colourful.raw
    assert GREEN not in plain.raw
    assert "COMPLETED" in plain.text


def test_a_dumb_terminal_gets_plain_lines(titan: CommandLine, scripts: Path) -> None:
    words = typed(titan, "submit", f"{scripts}/hello.py", "--wait")

    with on_a_terminal(words, environment={"TERM": "dumb"}) as program:
        program.finish()

    assert b"\x1b" not in program.raw
    assert "hello COMPLETED in" in program.text


@pytest.mark.parametrize("columns", [40, 80])
def test_no_table_is_wider_than_the_terminal(titan: CommandLine, scripts: Path, columns: int) -> None:
    long_name = "a-long-name-of-a-job-that-does-not-fit-at-all-into-a-narrow-terminal"
    titan("submit", f"{long_name}={scripts}/hello.py", "--wait")

    for words in (["jobs", "--limit", "1000"], ["dags", "--limit", "1000"]):
        with on_a_terminal(typed(titan, *words), columns=columns) as program:
            program.finish()
        lines = program.text.splitlines()

        assert max(len(line.rstrip()) for line in lines) <= columns
        assert long_name[:6] in program.text
        assert "COMPLETED" in program.text


@pytest.mark.parametrize("words", [["dags"], ["dags", "show", "read", "--follow"]])
def test_a_reader_that_has_seen_enough_ends_the_command_quietly(
    titan: CommandLine, scripts: Path, words: list[str]
) -> None:
    titan("submit", f"{scripts}/hello.py", f"{scripts}/tick.py", "--name", "read", "--wait")
    command = subprocess.Popen(typed(titan, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert command.stdout is not None
    command.stdout.close()

    _, complaints = command.communicate(timeout=60)

    assert b"Traceback" not in complaints
    assert b"rror" not in complaints
    assert command.returncode == 141


def test_a_list_that_may_go_on_says_how(titan: CommandLine, scripts: Path) -> None:
    titan("submit", f"{scripts}/hello.py")

    with on_a_terminal(typed(titan, "dags", "--limit", "1")) as program:
        program.finish()

    assert program.text.endswith("These are the newest 1: --limit N shows more.\n")
