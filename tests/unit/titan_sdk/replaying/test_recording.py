"""A recording as a replay reads it, and which of its actions answers which call."""

from __future__ import annotations

import json
from typing import Any

import pytest

from titan_sdk.replaying.recording import NotReplayable, Recording, read_recording

SITE = ("agent.py", "main")


def a_line(id: str, inputs: object = None, **more: Any) -> dict[str, Any]:
    details = {"callsite": {"file": "/home/me/agent.py", "line": 7, "qualname": "main"}}
    known = {"type": "action", "id": id, "run_id": "run", "action": "search", "kind": "tool", "outcome": "success"}
    times = {"started_at": "2026-01-01T12:00:00.000000Z", "ended_at": "2026-01-01T12:00:01.000000Z"}
    return known | times | {"inputs": inputs, "outputs": id.upper(), "details": details} | more


def a_recording(*lines: dict[str, Any], run_id: str | None = None) -> Recording:
    return read_recording(map(json.dumps, [{"type": "run", "run_id": "run"}, *lines]), run_id=run_id)


def taken(recording: Recording, inputs: object, task: str = "", site: tuple[str, str] | None = SITE) -> str | None:
    found = recording.take(task, "search", site, json.dumps(inputs))
    return None if found is None else found.id


def test_calls_with_other_inputs_are_answered_in_the_order_of_the_recording() -> None:
    recording = a_recording(a_line("a", 1), a_line("b", 2))

    assert [taken(recording, inputs) for inputs in (8, 9, 9)] == ["a", "b", None]


def test_a_call_takes_the_action_with_its_inputs_first() -> None:
    recording = a_recording(a_line("a", 1), a_line("b", {"x": 2, "y": 3}), a_line("c", 3))

    assert [taken(recording, inputs) for inputs in ({"y": 3, "x": 2}, 3, 1)] == ["b", "c", "a"]
    assert recording.left == []


def test_equal_calls_of_several_tasks_get_the_result_of_their_task() -> None:
    lines = [a_line(id, 1, details={"task": task}) for id, task in (("a", "2"), ("b", "3"), ("c", "4"))]
    recording = a_recording(*lines)

    assert [taken(recording, 1, task, None) for task in ("4", "2", "3")] == ["c", "a", "b"]


def test_where_the_code_has_moved_the_call_site_is_of_no_matter() -> None:
    recording = a_recording(a_line("a", 1), a_line("b", 1, details={}))

    assert taken(recording, 1, site=("agent.py", "renamed")) == "a"
    assert taken(recording, 1, task="1.2", site=None) == "b"


def test_in_a_file_whose_code_has_changed_the_call_site_is_of_no_matter() -> None:
    """As where a call has moved from one function of it to another one, and another call to its place."""
    lines = [a_line("a", 1), a_line("b", 2, details={"callsite": {"file": "/x/agent.py", "qualname": "helper"}})]
    changed = "0" * 64
    path = __file__.rpartition("titan_sdk/")[2]
    processes = [{"process": {}, "program": {"files": [{"path": path, "sha256": changed}]}}]
    same, other = (a_recording(*lines) for _ in range(2))
    moved = read_recording(
        [json.dumps({"type": "run", "run_id": "run", "processes": processes}), *map(json.dumps, lines)]
    )
    site = (path.rpartition("/")[2], "main")

    assert taken(same, 2) == "a"
    assert taken(other, 2, site=(site[0], "nowhere")) == "b"
    assert taken(moved, 2, site=site) == "b"


def test_a_taken_call_is_not_taken_again_under_another_key() -> None:
    recording = a_recording(a_line("a", 1), a_line("b", 2))

    assert taken(recording, 2, site=("other.py", "f")) == "b"
    assert taken(recording, 2) == "a"
    assert [action.id for action in recording.left] == []


def test_groups_and_local_actions_and_those_with_children_run_again() -> None:
    recording = a_recording(
        a_line("parent"),
        a_line("child", parent_id="parent"),
        a_line("local", effect="local"),
        a_line("step", kind="step"),
    )

    assert {action.id: action.is_served for action in recording.actions} == {
        "parent": False,
        "child": True,
        "local": False,
        "step": False,
    }


def test_an_action_beside_others_is_answered_after_the_one_that_ended_before_it() -> None:
    ends = {"a": "03", "b": "01", "c": "02"}
    lines = [a_line(id, 1, ended_at=f"2026-01-01T12:00:{end}.000000Z") for id, end in ends.items()]
    later = a_line("d", started_at="2026-01-01T12:00:05.000000Z", ended_at="2026-01-01T12:00:06.000000Z")
    recording = a_recording(*lines, later)

    after = {action.id: action.after and action.after.id for action in recording.actions}
    assert after == {"a": "c", "b": None, "c": "b", "d": None}


def test_an_action_of_another_thread_is_answered_after_the_one_before_it_even_if_that_was_over() -> None:
    times = {"a": ("00", "01", "/pool"), "b": ("02", "03", "/pool"), "c": ("04", "05", "/other"), "d": ("06", "07", "")}
    lines = [
        a_line(
            id,
            started_at=f"2026-01-01T12:00:{began}.000000Z",
            ended_at=f"2026-01-01T12:00:{ended}.000000Z",
            details={"task": task},
        )
        for id, (began, ended, task) in times.items()
    ]

    after = {action.id: action.after and action.after.id for action in a_recording(*lines).actions}
    assert after == {"a": None, "b": "a", "c": "b", "d": "c"}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ({"outputs": None, "remove": "outputs"}, "is not stored"),
        ({"is_redacted": True, "remove": "outputs"}, "is redacted"),
        ({"outcome": None, "remove": "outputs"}, "never ended"),
    ],
)
def test_a_recording_without_an_output_that_is_needed_is_refused(line: dict[str, Any], why: str) -> None:
    action = a_line("a") | line
    del action[action.pop("remove")]

    with pytest.raises(NotReplayable, match=f"Replay not available: .*'search'.*{why}"):
        a_recording(action)


def test_an_output_of_null_is_an_output() -> None:
    recording = a_recording(a_line("a", outputs=None))

    assert recording.actions[0].outputs == "null"


@pytest.mark.parametrize("text", ["", "[]", '{"id": 1}', "{"])
def test_a_file_that_is_no_export_is_refused(text: str) -> None:
    with pytest.raises(NotReplayable, match="line 1 of the recording: expected a JSON object with a type"):
        read_recording([text])


def test_an_export_of_several_runs_needs_the_name_of_one() -> None:
    lines = [json.dumps({"type": "run", "run_id": name}) for name in ("one", "two")]

    with pytest.raises(NotReplayable, match="expected one run, found one, two"):
        read_recording(lines)
    with pytest.raises(NotReplayable, match="expected run three, found one, two"):
        read_recording(lines, run_id="three")
    assert read_recording(lines, run_id="two").run_id == "two"
