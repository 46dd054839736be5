"""Tasks: imported from files, seeded anew, deleted with their runs; and re-runs."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.agent_server import Asked, agent_server
from tests.support.command_line import run_titan
from tests.support.evaluations import a_workflow, dispatched, ended, http_agent, python_agent, tried
from tests.support.raw_http import ask, ask_json, given

CANCEL = 'return call("cancel_order", order_id="O1")["message"]'
ROWS: list[dict[str, Any]] = [
    {"id": "a", "user_instruction": "Cancel\nmy order.", "max_turns": 3, "tracked_constraints": ["polite"]},
    {"id": "b", "user_instruction": "Refund, please", "turn_mode": "model_as_user", "current_state": {"vip": True}},
]


def as_csv() -> str:
    out = io.StringIO(newline="")
    columns = ["id", "user_instruction", "max_turns", "tracked_constraints", "turn_mode", "current_state"]
    writer = csv.DictWriter(out, columns)
    writer.writeheader()
    for row in ROWS:
        writer.writerow({key: value if isinstance(value, str) else json.dumps(value) for key, value in row.items()})
    return out.getvalue()


def as_tasks() -> list[dict[str, Any]]:
    return [{"id": row["id"], "odyssey_seed": {k: v for k, v in row.items() if k != "id"}} for row in ROWS]


TEXTS = {
    "csv": as_csv(),
    "json": json.dumps(as_tasks()),
    "jsonl": "\n".join(map(json.dumps, as_tasks())),
    "yaml": json.dumps(as_tasks()),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_tasks_come_from_a_file_of_any_kind(port: int, kind: str) -> None:
    path = a_workflow(port, f"import-{kind}", python_agent(CANCEL))
    target = f"{path}/import-tasks?format={kind}"

    first, second = (ask(port, "POST", target, TEXTS[kind].encode()).value for _ in range(2))

    assert (first["created"], second["created"], second["unchanged"]) == (2, 0, 2)
    a, b = (given(port, f"{path}/tasks/{one}")["odyssey_seed"] for one in "ab")
    assert (a["user_instruction"], a["max_turns"], a["tracked_constraints"]) == ("Cancel\nmy order.", 3, ["polite"])
    assert (b["turn_mode"], b["current_state"]) == ("model_as_user", {"vip": True})


@pytest.mark.parametrize(
    ("kind", "text", "place"),
    [
        ("csv", "id,user_instruction,max_turns\na,Go.,many\n", "body.csv: line 2, column max_turns"),
        ("csv", "id,user_instruction\na,Go.,more\n", "body.csv: line 2"),
        ("csv", "id,mood\na,glad\n", "body.csv: line 2"),
        ("json", "{}", "body.json: $"),
        ("jsonl", '{"id": "a"}\n{', "body.jsonl: line 2"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_its_place(port: int, kind: str, text: str, place: str) -> None:
    path = a_workflow(port, "refused-files", python_agent(CANCEL))

    answer = ask(port, "POST", f"{path}/import-tasks?format={kind}", text.encode())

    assert answer.status == 400
    assert place in answer.message
    assert [one["id"] for one in given(port, f"{path}/tasks")["tasks"]] == ["t0"]


ALIASES = "".join(
    [
        '- &a0 {x: "lol"}\n',
        *(f"- &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 9)),
    ]
)


@pytest.mark.parametrize(
    ("kind", "body", "place"),
    [
        ("yaml", "- id: a\n  x: " + "[" * 50_000, "line 2"),
        ("yaml", "- " * 50_000, "line 1"),
        ("yaml", "{a: " * 3_000 + "1" + "}" * 3_000, "line 1"),
        ("yaml", ALIASES, "aliases"),
        ("yaml", "- &a [*a]", "line 1"),
        ("yaml", "- *missing", "line 1"),
        ("yaml", "- id: a\n- " + "1" * 1_000_000, "line 2"),
        ("yaml", "- 0x" + "f" * 2_000_000, "line 1"),
        ("yaml", "- " + ":".join(["1"] * 100_000), "line 1"),
        ("yaml", "- !!int '" + "1" * 100_000 + "'", "line 1"),
        *(("yaml", text, "YAML") for text in ("- 2026-13-45", "- !!int x", "- !!int ''", "- !!bool x", "- {[1]: 2}")),
        *(
            ("yaml", text, "")
            for text in ("- .nan", "- !!python/object:os.system x", "- \ud800", "- \0", "- !!set {a}")
        ),
        ("json", "[" * 3_000 + "]" * 3_000, "line 1"),
        ("json", "[\n" + "1" * 1_000_000 + "]", "digits"),
        ("jsonl", '{"id": "a"}\n' + "[" * 5_000 + "]" * 5_000, "line 2"),
        ("jsonl", '{"a": ' * 5_000 + "1" + "}" * 5_000, "line 1"),
        ("csv", "id,scorers\na," + "[" * 5_000 + "]" * 5_000, "line 2"),
        ("csv", "id,max_turns\na," + "1" * 100_000, "line 2"),
        ("csv", "id\n" + '"' + "a" * 200_000, "line"),
    ],
)
def test_a_file_that_would_take_a_parser_down_is_refused_with_its_line(
    port: int, kind: str, body: str, place: str
) -> None:
    path = a_workflow(port, "hostile-files", python_agent(CANCEL))

    answer = ask(port, "POST", f"{path}/import-tasks?format={kind}", body.encode("utf-8", "surrogatepass"))

    assert answer.status == 400
    assert place in answer.message
    assert ask(port, "GET", "/api/health").status == 200


def test_a_value_may_be_anchored_and_repeated(port: int) -> None:
    path = a_workflow(port, "anchored-tasks", python_agent(CANCEL))
    body = "- &one {id: one, odyssey_seed: {user_instruction: Go.}}\n- {<<: *one, id: two}\n"

    answer = ask(port, "POST", f"{path}/import-tasks?format=yaml", body.encode())

    assert (answer.status, answer.value["created"]) == (200, 2)


def test_a_seed_is_frozen_anew_and_earlier_runs_keep_the_digest_of_theirs(port: int) -> None:
    path = a_workflow(port, "reseeded", python_agent(CANCEL))
    [run_id] = dispatched(port, path)
    before = ended(port, path, run_id)

    body = {"odyssey_seed": {"user_instruction": "Cancel O1, now.", "max_turns": 5}}
    task = ask_json(port, "POST", f"{path}/tasks/t0/re-seed", body).value
    again = ask_json(port, "POST", f"{path}/tasks/t0/agent-runs/{run_id}/re-run", {}).value["run_id"]

    assert task["odyssey_seed"]["max_turns"] == 5
    assert task["seed_digest"] != before["seed_digest"]
    assert ended(port, path, again)["seed_digest"] == task["seed_digest"]
    assert given(port, f"{path}/tasks/t0/agent-runs/{run_id}")["seed_digest"] == before["seed_digest"]
    refused = ask_json(port, "POST", f"{path}/tasks/t0/re-seed", {"odyssey_seed": {"max_turns": 500}})
    assert (refused.status, "odyssey_seed.max_turns" in refused.message) == (400, True)


def test_a_deleted_task_takes_its_runs_with_it(port: int) -> None:
    path = a_workflow(port, "deleted", python_agent(CANCEL))
    [run_id] = dispatched(port, path)
    ended(port, path, run_id)
    ask(port, "POST", f"/api/v1/runs/{run_id}/pin")

    pinned = ask(port, "DELETE", f"{path}/tasks/t0")
    ask(port, "POST", f"/api/v1/runs/{run_id}/unpin")
    deleted = ask(port, "DELETE", f"{path}/tasks/t0")

    assert (pinned.status, deleted.status) == (409, 200)
    for target in (f"{path}/tasks/t0", f"/api/v1/runs/{run_id}", f"/api/v1/runs/{run_id}/skeleton"):
        assert ask(port, "GET", target).status == 404


def test_the_commands_list_import_reseed_and_delete(port: int, tmp_path: Path) -> None:
    path = a_workflow(port, "commanded", python_agent(CANCEL))
    [run_id] = dispatched(port, path)
    ended(port, path, run_id)
    (tmp_path / "more.csv").write_text(TEXTS["csv"], newline="")
    server = ("--server", f"http://127.0.0.1:{port}")

    def titan(verb: str, *words: str) -> Any:
        return run_titan("tasks", verb, *server, "commanded", *words)

    assert "2 created" in titan("import", str(tmp_path / "more.csv")).text
    assert {"a", "b", "t0"} <= set(titan("list").text.split())
    assert titan("reseed", "a", "--set", "user_instruction=Go.", "--set", "max_turns=7").exit_code == 0
    assert given(port, f"{path}/tasks/a")["odyssey_seed"]["max_turns"] == 7
    assert titan("delete", "t0").exit_code == 2  # nobody says yes
    assert ask(port, "GET", f"{path}/tasks/t0").status == 200
    assert titan("delete", "t0", "--yes").exit_code == 0
    assert ask(port, "GET", f"/api/v1/runs/{run_id}").status == 404


def test_a_rerun_uses_the_current_configuration_and_names_the_changes(port: int) -> None:
    path = a_workflow(port, "configured", python_agent(CANCEL))
    [run_id] = dispatched(port, path)
    assert ended(port, path, run_id)["config_changes"] == []
    a_workflow(port, "configured", python_agent("return 'otherwise'"), run_timeout_s=17)

    key = {"Idempotency-Key": "once"}
    target = f"{path}/tasks/t0/agent-runs/{run_id}/re-run"
    first, repeated = (ask_json(port, "POST", target, {}, key) for _ in range(2))

    assert (first.status, repeated.status, first.value) == (202, 202, repeated.value)
    found = ended(port, path, first.value["run_id"])
    assert {one["path"]: (one["before"], one["after"]) for one in found["config_changes"]} == {
        "agent.version": (1, 2),
        "field.run_timeout_s": (300.0, 17.0),
    }
    assert len(given(port, f"{path}/tasks/t0/agent-runs")["agent_runs"]) == 2
    assert ask_json(port, "POST", f"{path}/agent-runs", {}, key).refusal == (409, "IdempotencyConflict")


def test_an_impossible_rerun_is_refused_by_name(port: int) -> None:
    path = a_workflow(port, "in-flight", python_agent("import time; time.sleep(60)"))
    [run_id] = dispatched(port, path)
    target = f"{path}/tasks/t0/agent-runs/{run_id}"

    assert ask_json(port, "POST", f"{target}/re-run", {}).refusal == (409, "RunInFlight")
    ask_json(port, "POST", f"{target}/cancel", {})
    ask_json(port, "POST", f"{path}/tasks/t0/re-seed", {"odyssey_seed": {"turn_mode": "model_as_user"}})
    answer = ask_json(port, "POST", f"{target}/re-run", {})
    assert answer.refusal == (422, "NotDispatchable")
    assert "multi_turn_not_supported" in answer.message
    definition = {"world": {"name": "w"}, "fields": [{"name": "agent", "agent": "nobody"}]}
    ask_json(port, "PUT", path, {"definition": definition})
    ask_json(port, "POST", f"{path}/tasks/t0/re-seed", {"odyssey_seed": {"turn_mode": "single_shot"}})
    assert ask_json(port, "POST", f"{target}/re-run", {}).refusal == (409, "AgentUnpublished")
    assert ask_json(port, "POST", f"{path}/tasks/t0/agent-runs/none/re-run", {}).status == 404


def test_an_agent_that_is_registered_and_one_found_from_runs_are_one(port: int) -> None:
    def listed(name: str) -> list[dict[str, Any]]:
        return [one for one in given(port, f"/api/v1/agents?q={name}&origin=all")["data"] if one["agent_id"] == name]

    ask_json(port, "PUT", "/api/projects/default/agents/both", {"definition": python_agent(CANCEL)})
    [before] = listed("both")
    assert (before["runs"], before["registered"][0]["version"]) == (0, 1)
    assert given(port, "/api/v1/agents/both/stats?origin=all")["agent"] == before

    def agent(asked: Asked) -> object:
        return asked.call("cancel_order", order_id="O1")["response"]["message"]

    with agent_server(agent) as url:
        tried(port, "both", http_agent(url))

    [after] = listed("both")
    assert (after["runs"], after["registered"][0]["version"], after["registered"][0]["kind"]) == (1, 2, "http")
    assert given(port, "/api/v1/agents/both/stats?origin=all")["agent"]["registered"] == after["registered"]
