"""Suites as files."""

import json
from pathlib import Path

import pytest

from tests.unit.world.a_shop import DEFINITION
from titan.evaluate.definitions import McpEndpoint, PythonAgent
from titan.evaluate.suites import read_suite, read_tasks
from titan.model.errors import InvalidInput
from titan.world.definition import Consistency

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
        (SUITE, CSV.replace("second", ""), "tasks.csv: line 3: $[1].id: expected a text that matches"),
        (SUITE, CSV.replace('"[{', '"{'), "line 2, column failure_rules"),
        ("workflow: [", CSV, "YAML"),
    ],
)
def test_an_error_is_named_with_its_place(tmp_path: Path, suite: str, tasks: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_suite(_folder(tmp_path, suite, tasks))

    assert words in str(refusal.value)


WORLD = """
consistency: sometimes
tools:
  - name: get
  - name: 7
"""


@pytest.mark.parametrize(
    ("suite", "words"),
    [
        (SUITE.replace("workflow: shop", "workflow: 7"), "suite.yaml: line 2: $.workflow: expected a text; found 7."),
        (
            SUITE.replace("{kind: python, file", "{kind: pyton, file"),
            "line 5: $.agents.good.kind: expected one of http, python; found 'pyton'.",
        ),
        (
            SUITE.replace("kind: mcp, url: https://crm.example/mcp", "kind: mcp"),
            "line 7: $.endpoints.crm.url: expected a text; found none.",
        ),
        (
            SUITE.replace("Hello", "yes"),
            "line 11: $.tasks[1].odyssey_seed.user_instruction: expected a text; found true (YAML's word for yes,",
        ),
        (
            SUITE.replace("id: inline", "id: inline\n    scorer: []"),
            "line 10: $.tasks[1]: expected no fields but id, name, odyssey_seed, scorers; found the field scorer.",
        ),
        (SUITE.replace("world.json", "world.yaml"), "world.yaml: line 2: $.consistency: expected one of off, observe"),
        (
            SUITE.replace("world.json", "{tools: [{name: [x]}]}"),
            "line 3: $.world.tools[0].name: expected a text; found",
        ),
    ],
)
def test_a_value_of_a_wrong_type_is_named_in_words_with_its_line(tmp_path: Path, suite: str, words: str) -> None:
    (tmp_path / "world.yaml").write_text(WORLD, "utf-8")

    with pytest.raises(InvalidInput) as refusal:
        read_suite(_folder(tmp_path, suite))

    assert words in str(refusal.value)
    assert "`" not in str(refusal.value)


def test_the_consistency_off_needs_no_quotes(tmp_path: Path) -> None:
    suite = read_suite(_folder(tmp_path, SUITE.replace("world.json", "{name: shop, consistency: off}")))

    assert suite.definition.world.consistency is Consistency.OFF


def test_a_file_of_tasks_may_name_them_as_a_suite_does(tmp_path: Path) -> None:
    path = tmp_path / "tasks.yaml"
    path.write_text("tasks:\n  - id: a\n    odyssey_seed: {user_instruction: x}\n", "utf-8")

    assert [task.id for task in read_tasks(path)] == ["a"]
    path.write_text("tasks:\n  - id: a\n    odyssey_seed: x\n", "utf-8")
    with pytest.raises(InvalidInput, match=r"line 3: \$\.tasks\[0\]\.odyssey_seed: expected an object; found 'x'"):
        read_tasks(path)


def test_json_lines_are_tasks(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_text('{"id": "a", "odyssey_seed": {"user_instruction": "x"}}\n\n', "utf-8")

    assert [task.id for task in read_tasks(path)] == ["a"]
