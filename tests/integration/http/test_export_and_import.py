"""What one server exports, another imports: the same runs and actions."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.captured import captured_requests
from tests.support.raw_http import ask
from tests.support.running_titan import running_titan

CLIENTS = ("0.4.0", "0.2.0", "0.4.0-langchain")
SECRET = {"password": "hunter2-hunter2", "text": "card 4111 1111 1111 1111"}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a server that has heard the captured clients, and a call with secrets."""
    with running_titan(tmp_path_factory.mktemp("source") / "home", offers=()) as titan:
        for client in CLIENTS:
            for request in captured_requests(f"unit/ingest/captured_sentinel/agentsentinel-sdk-{client}.jsonl"):
                headers = {**request.headers, "content-type": "application/json"}
                ask(titan.sdk_port, request.method, request.path, request.body, headers)
        call = {"id": "e1", "action": "=formula()", "outcome": "success", "outputs": SECRET}
        body = json.dumps({"run_id": "secret", "agent_id": "ann", "entries": [call]}).encode()
        assert ask(titan.sdk_port, "POST", "/api/v1/ingest", body).status == 202
        yield titan.sdk_port


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with running_titan(tmp_path_factory.mktemp("target") / "home", offers=()) as titan:
        yield titan.sdk_port


def exported(port: int, query: str = "window=all") -> list[dict[str, Any]]:
    """Return the lines of an export in an order of their own, without the manifest."""
    lines = [
        json.loads(line) for line in ask(port, "GET", f"/api/v1/runs/export?format=jsonl&{query}").body.splitlines()
    ]
    told = [line for line in lines if line["type"] != "manifest"]
    return sorted(told, key=lambda line: (line["type"], line["run_id"], line.get("id", "")))


def test_an_import_of_an_export_gives_the_same_runs_and_actions(source: int, target: int) -> None:
    content = ask(source, "GET", "/api/v1/runs/export?format=jsonl&window=all").body

    first = ask(target, "POST", "/api/v1/import", content)
    again = ask(target, "POST", "/api/v1/import", content)

    assert exported(target) == exported(source)
    assert first.value["runs"] == len([line for line in exported(source) if line["type"] == "run"]) == 8
    assert again.value["stored"] == 0


def test_an_imported_run_says_when_it_was_imported_and_a_recorded_one_does_not(source: int, target: int) -> None:
    content = ask(source, "GET", "/api/v1/runs/export?run_id=secret").body

    ask(target, "POST", "/api/v1/import", content)
    first = ask(target, "GET", "/api/v1/runs/secret").value
    ask(target, "POST", "/api/v1/import", content)
    again = ask(target, "GET", "/api/v1/runs/secret").value

    recorded = ask(source, "GET", "/api/v1/runs/secret").value
    assert (recorded["imported_at"], recorded["trusted_at"]) == (None, None)
    assert first["imported_at"] is not None
    assert again["imported_at"] == first["imported_at"]  # nothing of it was new


def test_a_recorded_run_to_which_an_import_adds_an_action_alone_is_an_imported_one(target: int) -> None:
    entry = {"id": "e1", "action": "look_up", "outcome": "success"}
    body = json.dumps({"run_id": "mixed", "agent_id": "ann", "entries": [entry]}).encode()
    assert ask(target, "POST", "/api/v1/ingest", body).status == 202
    assert ask(target, "GET", "/api/v1/runs/mixed").value["imported_at"] is None
    action = {"type": "action", "id": "e2", "run_id": "mixed", "name": "add", "sources": ["sdk"]}
    line = json.dumps({**action, "started_at": "2026-01-01T12:00:00Z", "outcome": "success"}).encode()

    answer = ask(target, "POST", "/api/v1/import?partial=true", line)

    assert answer.value["stored"] == 1
    assert ask(target, "GET", "/api/v1/runs/mixed").value["imported_at"] is not None


def test_an_import_that_was_cut_keeps_nothing(source: int, target: int) -> None:
    content = ask(source, "GET", "/api/v1/runs/export?format=jsonl&run_id=secret").body
    renamed = content.replace(b'"secret"', b'"cut-off"')

    answer = ask(target, "POST", "/api/v1/import", renamed)

    assert answer.refusal == (400, "InvalidInput")
    assert ask(target, "GET", "/api/v1/runs/cut-off").status == 404


def test_no_export_holds_a_secret(source: int) -> None:
    for form in ("jsonl", "json", "csv"):
        content = ask(source, "GET", f"/api/v1/runs/export?format={form}&window=all").body

        assert b"[redacted:" in content
        assert b"hunter2-hunter2" not in content
        assert b"4111 1111" not in content


def test_a_json_export_of_runs_holds_its_filters(source: int) -> None:
    document = json.loads(ask(source, "GET", "/api/v1/runs/export?format=json&window=all&agent_id=writer").body)

    assert [run["run_id"] for run in document["runs"]] == ["run-B"]
    assert document["counts"] == {"runs": 1, "actions": 1, "notes": 0}
    assert document["filters"]["agent_id"] == "writer"


def test_a_table_has_a_row_for_each_action_and_no_formula(source: int) -> None:
    answer = ask(source, "GET", "/api/v1/runs/export?format=csv&window=all")
    content = answer.body.decode()
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"

    rows = list(csv.DictReader(io.StringIO(content, newline=""), strict=True))
    actions = [line for line in exported(source) if line["type"] == "action"]
    assert len(rows) == len(actions)
    assert [row["action"] for row in rows if row["run_id"] == "secret"] == ["'=formula()"]
