"""Suites as files."""

import json
from pathlib import Path

import pytest

from tests.unit.world.a_shop import DEFINITION
from titan.evaluate.definitions import McpEndpoint, PythonAgent
from titan.evaluate.suites import read_suite, read_tasks
from titan.model.errors import InvalidInput

SUITE = """
workflow: shop
world: world.json
agents:
  good: {kind: python, file: good.py}
endpoints:
  crm: {kind: mcp, url: https://crm.example/mcp}
tasks:
  - tasks.csv
  - id: inline
    odyssey_seed: {user_instruction: Hello}
"""
CSV = (
    "id,user_instruction,failure_rules,max_turns\n"
    'first,"Cancel, please","[{""trigger"": ""any_tool_call"", ""action"": {""type"": ""timeout""}}]",\n'
    "second,Hi,,3\n"
)


def _folder(folder: Path, suite: str = SUITE, tasks: str = CSV) -> Path:
    (folder / "suite.yaml").write_text(suite, "utf-8")
    (folder / "world.json").write_text(json.dumps(DEFINITION), "utf-8")
    (folder / "good.py").write_text("def run(task, *, proxy_url, run_token): return 'done'", "utf-8")
    (folder / "tasks.csv").write_text(tasks, "utf-8")
    return folder


def test_a_folder_is_read_with_all_that_its_suite_names(tmp_path: Path) -> None:
    suite = read_suite(_folder(tmp_path))

    agent = suite.agents["good"]
    assert isinstance(agent, PythonAgent)
    assert agent.source.startswith("def run")
    assert [field.name for field in suite.definition.fields] == ["good"]
    assert suite.endpoints == {"crm": McpEndpoint(url="https://crm.example/mcp")}
    assert [task.id for task in suite.tasks] == ["first", "second", "inline"]
    first, second, _ = (task.odyssey_seed for task in suite.tasks)
    assert (first.user_instruction, first.failure_rules[0].action.type) == ("Cancel, please", "timeout")
    assert second.max_turns == 3


@pytest.mark.parametrize(
    ("suite", "tasks", "words"),
    [
        (SUITE.replace("workflow: shop", ""), CSV, "workflow"),
        (SUITE.replace("kind: python", "kind: pyton"), CSV, "$.agents.good"),
        (SUITE.replace("good.py", "gone.py"), CSV, "gone.py"),
        (SUITE.replace("inline", "first"), CSV, "'first' twice"),
        (SUITE, CSV.replace("second", ""), "tasks.csv: $[1]"),
        (SUITE, CSV.replace('"[{', '"{'), "line 2, column failure_rules"),
        ("workflow: [", CSV, "YAML"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, suite: str, tasks: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_suite(_folder(tmp_path, suite, tasks))

    assert words in str(refusal.value)


def test_json_lines_are_tasks(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_text('{"id": "a", "odyssey_seed": {"user_instruction": "x"}}\n\n', "utf-8")

    assert [task.id for task in read_tasks(path)] == ["a"]
