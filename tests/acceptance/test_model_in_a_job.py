"""A job that asks the model: its calls belong to its run without a line of code, and below an action made there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.recorded_calls import RecordedCalls
from tests.support.running_titan import RunningTitan, running_titan
from titan_sdk import TitanClient, TitanJob

ASKS = """
import titan_sdk
from titan_sdk import model

model.ask("Which colour has the sky?")

@titan_sdk.action
def look():
    return model.ask("Which colour has the sky?")

look()
"""


@pytest.fixture
def titan(tmp_path: Path) -> Iterator[RunningTitan]:
    script = tmp_path / "answers.json"
    script.write_text(json.dumps([{"contains": "sky", "answer": "blue", "repeat": True}]))
    with running_titan(tmp_path / "home", model=f"scripted:{script}") as running:
        yield running


def test_a_jobs_calls_of_the_model_are_its_runs(titan: RunningTitan, tmp_path: Path) -> None:
    (tmp_path / "asks.py").write_text(ASKS)
    client = TitanClient("127.0.0.1", titan.sdk_port)
    recorded = RecordedCalls(titan)

    accepted = client.submit_dag("painter", [TitanJob("ask", str(tmp_path / "asks.py"))])
    client.wait(accepted)

    actions = {one["action"]["id"]: one["action"] for one in recorded.actions(accepted.dag_id, count=3)}
    recorded.close()
    (look,) = (one for one in actions.values() if one["name"] == "look")
    asked = [one for one in actions.values() if one["kind"] == "model"]
    assert [one["parent_id"] for one in asked] == [None, look["id"]]
    assert {(one["outcome"], one["output_tokens"], one["agent_id"]) for one in asked} == {("success", 1, "painter")}
