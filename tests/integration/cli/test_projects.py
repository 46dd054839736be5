"""`--project` and TITAN_PROJECT: every command asks about one project; `titan projects` lists them."""

import os
import subprocess
from pathlib import Path
from typing import Any

from tests.support.command_line import PROGRAM, CommandLine
from tests.support.raw_http import ask_json
from tests.support.replayed import a_call


def test_a_command_asks_about_the_project_that_it_names(titan: CommandLine) -> None:
    titan("store", "put", "k", "f", "--project", "finance")

    assert titan("store", "get", "k", "--project", "finance").text == "f\n"
    assert titan("store", "get", "k").exit_code == 3


def test_the_environment_names_it_for_every_command(titan: CommandLine) -> None:
    titan("store", "put", "e", "f", "--project", "finance")
    environment = {**os.environ, "TITAN_PROJECT": "finance"}

    def typed(*words: str) -> int:
        command = [*PROGRAM, "store", "get", "e", "--server", titan.server, *words]
        return subprocess.run(command, env=environment, capture_output=True, check=False, timeout=120).returncode

    assert [typed(), typed("--project", "shop")] == [0, 3]


def test_a_script_is_submitted_to_a_project_and_followed_there(titan: CommandLine, tmp_path: Path) -> None:
    script = tmp_path / "hello.py"
    script.write_text("print('hello')")

    done = titan("submit", str(script), "--follow", "--project", "Crème/brûlée")

    assert (done.exit_code, done.text) == (0, "hello\n")
    assert "hello" in titan("dags", "--project", "Crème/brûlée").text
    assert titan("dags", "show", "hello").exit_code == 3


def test_runs_are_listed_and_exported_of_a_project(titan: CommandLine) -> None:
    port = int(titan.server.rpartition(":")[2])
    body = {"run_id": "listed", "agent_id": "ann", "entries": [a_call("a", project="finance")]}
    assert ask_json(port, "POST", "/api/v1/actions", body).status == 200

    assert "listed" in titan("runs", "--project", "finance").text
    assert "listed" not in titan("runs").text
    assert "listed" in titan("runs", "export", "--project", "finance").text


def test_the_projects_are_listed_with_whether_they_store_content(titan: CommandLine) -> None:
    titan("tokens", "create", "x", "--project", "of-a-token")

    projects: Any = titan("projects", "--json").document["data"]
    listed = {each["name"]: each["keeps_content"] for each in projects}

    assert (listed["default"], listed["of-a-token"]) == (True, True)
    assert "of-a-token" in titan("projects").text
    assert "viewer of of-a-token" not in titan("tokens", "list").text
    assert "admin of of-a-token" in titan("tokens", "list").text


def test_a_name_that_can_be_none_is_refused(titan: CommandLine) -> None:
    refused = titan("jobs", "--project", "x" * 201)

    assert refused.exit_code == 5
    assert "project " in refused.stderr
