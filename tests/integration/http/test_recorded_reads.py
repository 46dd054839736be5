"""Reading recorded runs: by any id, only what is new, and payloads that are shown in part."""

from __future__ import annotations

import json
from hashlib import sha256
from urllib.parse import quote

import pytest

from tests.support.raw_http import a_key, ask, ask_json
from tests.support.submissions import a_name

AT_NS = 1_772_366_400_000_000_000


def record(port: int, run: str, *actions: dict[str, object]) -> None:
    entries = [
        {"type": "action", "name": "look_up", "started_at_ns": AT_NS, "ended_at_ns": AT_NS + 1, **action}
        for action in actions
    ]
    answer = ask_json(port, "POST", "/api/v1/actions", {"run_id": run, "entries": entries})
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("ending", ["a,b", "[1", "%2C", "plain"])
def test_runs_of_any_id_are_asked_for_by_id(port: int, ending: str) -> None:
    run, other = a_name("run") + ending, a_name("run")
    record(port, run, {"id": "a1"})
    record(port, other, {"id": "a1"})

    both = ask(port, "GET", f"/api/v1/runs?window=all&ids={quote(json.dumps([run, other]))}").value
    one = ask(port, "GET", f"/api/v1/runs?window=all&ids={quote(json.dumps([run]))}").value

    assert {found["run_id"] for found in both["data"]} == {run, other}
    assert [found["run_id"] for found in one["data"]] == [run]


def test_ids_are_separated_by_commas_too(port: int) -> None:
    first, second = "[" + a_name("run"), a_name("run")
    record(port, first, {"id": "a1"}, {"id": "a,2"})
    record(port, second, {"id": "a1"})

    found = ask(port, "GET", f"/api/v1/runs?window=all&ids={quote(first)},{second}").value
    bodies = ask(port, "GET", f"/api/v1/runs/{quote(first)}/bodies?ids={quote(json.dumps(['a,2', 'a1']))}").value

    assert {run["run_id"] for run in found["data"]} == {first, second}
    assert [one["id"] for one in bodies["data"]] == ["a,2", "a1"]


def test_a_parent_that_comes_late_brings_its_children_again_with_its_number(port: int) -> None:
    run = a_name("run")
    record(port, run, {"id": "child", "parent_id": "parent"}, {"id": "other"})
    first = ask(port, "GET", f"/api/v1/runs/{run}/skeleton").value
    record(port, run, {"id": "parent"}, {"id": "second", "parent_id": "parent"})

    news = ask(port, "GET", f"/api/v1/runs/{run}/skeleton?after={first['version']}").value
    later = ask(port, "GET", f"/api/v1/runs/{run}/skeleton?after={news['version']}").value

    numbers = dict(zip(news["id"], news["number"], strict=True))
    assert dict(zip(first["id"], first["parent"], strict=True)) == {"child": -1, "other": 0}
    assert dict(zip(news["id"], news["parent"], strict=True)) == {
        "child": numbers["parent"],
        "parent": 0,
        "second": numbers["parent"],
    }
    assert later["id"] == []


def test_the_skeleton_names_the_actions_whose_cost_was_computed_from_tokens(port: int) -> None:
    run, chat = (
        a_name("run"),
        {"kind": "model", "use": {"model": "gpt-4o", "input_tokens": 1000, "output_tokens": 1000}},
    )
    record(port, run, {"id": "told", **chat, "cost_usd": "0.5"}, {"id": "priced", **chat})

    found = ask(port, "GET", f"/api/v1/runs/{run}/skeleton").value

    numbers = dict(zip(found["id"], found["number"], strict=True))
    assert found["estimated"] == [numbers["priced"]]


def test_runs_that_need_attention_are_searched_like_the_list(port: int) -> None:
    run, other = a_name("run"), a_name("run")
    failed = {"outcome": "error", "failure": {"type": "Oops", "message": "nope"}}
    record(port, run, {"id": "a1", "inputs": f"about {run}salmon", **failed})
    record(port, other, {"id": "a1", **failed})

    by_word = ask(port, "GET", f"/api/v1/intercepts?window=all&limit=100&q={run}salmon").value["data"]
    by_id = ask(port, "GET", f"/api/v1/intercepts?window=all&limit=100&q={other}").value["data"]

    assert [[found["run"]["run_id"] for found in data] for data in (by_word, by_id)] == [[run], [other]]


def test_a_pinned_run_is_deleted_only_when_it_was_unpinned(port: int) -> None:
    run = a_name("run")
    record(port, run, {"id": "a1"})
    path = f"/api/v1/runs/{run}"
    assert ask_json(port, "POST", f"{path}/end", {"status": "completed"}).status == 200
    assert ask_json(port, "POST", f"{path}/pin", {}).status == 200

    refused = ask(port, "DELETE", path, headers=a_key())
    ask_json(port, "POST", f"{path}/unpin", {})
    done = ask(port, "DELETE", path, headers=a_key())

    assert (refused.status, done.status) == (409, 200), refused.body
    assert "Unpin it" in refused.body.decode()


def test_a_cut_payload_names_its_digest_where_it_is_content_of_its_own(port: int) -> None:
    run, large = a_name("run"), "x" * 70_000
    record(port, run, {"id": "a1", "inputs": "y" * 3000, "outputs": large})

    [body] = ask(port, "GET", f"/api/v1/runs/{run}/bodies?ids=a1").value["data"]

    assert (body["inputs"]["cut"]["size_bytes"], body["inputs"]["cut"]["sha256"]) == (3002, None)
    assert body["outputs"]["cut"]["sha256"] == sha256(json.dumps(large).encode()).hexdigest()
