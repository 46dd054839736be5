"""Domains of tau2-bench as suites: a small one in its format, made by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.tau2 import DATABASE, MODELS, TOOLS, a_checkout
from titan.evaluate.suites import read_suite
from titan.evaluate.tau2 import Imported, find_domain, import_domain, suite_yaml
from titan.evaluate.tau2_tools import Constant, Row, Rows, read_tools
from titan.model.errors import InvalidInput


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the domain `library`."""
    return a_checkout(tmp_path, "library")


def _imported(checkout: Path, **options: Any) -> Imported:
    return import_domain(find_domain(checkout, "library"), **options)


def test_tools_that_look_something_up_are_declared_and_the_others_are_not() -> None:
    found = {one.name: one.answers for one in read_tools(TOOLS, MODELS)}

    assert found == {
        "get_book_details": Row("books", "book", None, "Book {book} not found"),
        "get_shelf": Row("shelves", "shelf_id", "shelf_id", "Shelf not found"),
        "list_books": Rows("books"),
        "count_books": None,
        "lend_book": None,
        "transfer_to_human_agents": Constant("Transfer successful"),
    }


def test_annotations_and_docstrings_become_schemas() -> None:
    tools = {one.name: one for one in read_tools(TOOLS, MODELS)}

    assert tools["get_book_details"].description == "Get the details of a book."
    assert tools["get_book_details"].input_schema["properties"] == {
        "book": {"type": "string", "description": "The id of the book, such as 'b1'."}
    }
    lend = tools["lend_book"].input_schema
    assert lend["required"] == ["book_id", "days", "extras"]
    assert lend["properties"]["size"] == {"enum": ["small", "large"]}
    extra, anything = lend["properties"]["extras"]["items"]["anyOf"]
    assert anything == {"type": "object"}
    assert (sorted(extra["properties"]), extra["required"]) == (["count", "id", "label", "note"], ["id", "label"])
    assert tools["count_books"].input_schema["properties"]["size"]["anyOf"][1] == {"type": "null"}


def test_a_domain_becomes_a_suite_that_can_be_read(checkout: Path, tmp_path: Path) -> None:
    imported = _imported(checkout)
    for name, value in (("world.json", imported.world), ("tasks.json", imported.tasks)):
        (tmp_path / name).write_text(json.dumps(value), "utf-8")
    (tmp_path / "suite.yaml").write_text(suite_yaml(imported), "utf-8")

    suite = read_suite(tmp_path)

    world = suite.definition.world
    assert (suite.workflow, world.policy, imported.declared) == ("tau2-library", "Lend for 14 days.", 4)
    assert {name: one.id_field for name, one in world.ledger.entities.items()} == {
        "books": "book_id",
        "shelves": "shelf_id",
    }
    assert list(world.initial_state.entities["shelves"]) == ["s1", "s2"]
    assert "book.lent = True" in world.behavior_instructions  # the model is shown what it simulates
    assert [task.id for task in suite.tasks] == ["lend-1", "ask-2", "human-3"]


def test_the_users_knowledge_stays_with_the_user_unless_there_is_a_ticket(checkout: Path) -> None:
    lend, ask, _ = (task["odyssey_seed"] for task in _imported(checkout).tasks)
    at_once = _imported(checkout, is_one_turn=True).tasks[0]["odyssey_seed"]

    assert (lend["user_instruction"], lend["turn_mode"]) == ("You want Solaris.", "model_as_user")
    assert lend["user_goal"] == "You want Solaris.\n\nYou are Kris.\n\nDo not say why."
    assert lend["user_simulator_persona"] == "In a hurry."
    assert (ask["user_instruction"], "turn_mode" in ask) == ("Is Eden there?", False)
    assert (at_once["user_instruction"], "turn_mode" in at_once) == (lend["user_goal"], False)


def test_criteria_become_scorers_and_the_rest_is_said(checkout: Path) -> None:
    imported = _imported(checkout)

    lend, ask, human = (task["scorers"] for task in imported.tasks)
    assert lend == [
        {
            "type": "reference_calls",
            "calls": [{"tool": "lend_book", "arguments": {"book_id": "b1", "days": 14}}],
            "name": "final state",
        },
        {"type": "response_contains", "all": ["14"]},
    ]
    assert [one["type"] for one in ask] == ["reference_calls"]
    assert human == [{"type": "tool_called", "tool": "transfer_to_human_agents", "arguments": {}}]
    assert imported.tasks[0]["odyssey_seed"]["expected_outcome_detail"] == "The agent was polite."
    assert imported.notes == [
        "1 of 3 tasks: its nl_assertions need a judge; they are in expected_outcome_detail",
        "1 of 3 tasks: the messages before its beginning are left out",
        "1 of 3 tasks: tools of the user are left out",
        "1 of 3 tasks: its env_assertions are Python, and left out",
    ]


def test_data_of_a_task_is_merged_into_the_database(checkout: Path) -> None:
    state = _imported(checkout).tasks[1]["odyssey_seed"]["initial_state"]["entities"]

    assert state["books"]["b2"] == {"book_id": "b2", "title": "Eden", "lent": True}
    assert state["books"]["b1"] == DATABASE["books"]["b1"]


def test_a_domain_that_is_not_there_is_named_with_those_that_are(checkout: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="It has library"):
        find_domain(checkout, "shop")
    with pytest.raises(InvalidInput, match="a folder"):
        find_domain(tmp_path / "gone", None)
    (checkout / "data/tau2/domains/library/tasks.json").unlink()
    with pytest.raises(InvalidInput, match="tasks_small"):
        _imported(checkout)
