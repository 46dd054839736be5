"""One odd entry harms nothing but itself: it is refused in words, or kept, and can be read and exported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.raw_http import Answer, ask, ask_json
from tests.support.running_titan import RunningTitan
from tests.support.submissions import a_name

AT_NS = 1_772_366_400_000_000_000


def an_action(id: str, **fields: object) -> dict[str, object]:
    return {"type": "action", "id": id, "name": "n", "started_at_ns": AT_NS, "ended_at_ns": AT_NS + 1, **fields}


def record(port: int, run: str, *actions: dict[str, object], agent: str | None = None) -> Answer:
    return ask_json(port, "POST", "/api/v1/actions", {"run_id": run, "agent_id": agent, "entries": actions})


def exported(port: int, run: str) -> list[dict[str, Any]]:
    answer = ask(port, "GET", f"/api/v1/runs/export?run_id={run}")
    assert answer.status == 200
    return [json.loads(line) for line in answer.body.splitlines()]


@pytest.mark.parametrize("details", ["str", [1], 5])
def test_details_that_are_no_object_are_refused_by_name(port: int, details: object) -> None:
    answer = record(port, a_name("run"), an_action("a", details=details))

    assert answer.refusal == (400, "InvalidInput")
    assert "$.entries[0].details" in answer.message


def test_details_are_an_object_or_nothing(port: int) -> None:
    run = a_name("run")

    record(port, run, an_action("a", details={"a": 1}, ended_at_ns=None), an_action("b", details=None))
    record(port, run, an_action("a", details={"b": {"$tuple": [1]}}))

    _, first, second, _ = exported(port, run)
    assert first["details"] == {"a": 1, "b": {"$tuple": [1]}}
    assert "details" not in second


def test_an_export_goes_on_behind_a_payload_that_the_disk_lost(titan: RunningTitan, port: int) -> None:
    run, word = a_name("run"), a_name("large")
    assert record(port, run, an_action("a", inputs=[word] * 10_000), an_action("b", inputs="small")).status == 200
    [lost] = [path for path in contents(titan.home) if word.encode() in path.read_bytes()]

    lost.unlink()

    _, first, second, manifest = exported(port, run)
    assert first["inputs"]["$blob"]["head"].startswith(f'["{word}"')
    assert (second["inputs"], manifest["actions"]) == ("small", 2)


def contents(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file() and len(path.name) == 64]
