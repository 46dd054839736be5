"""Gates and second tries over HTTP: what is asked, what is answered, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.raw_http import Answer, a_key, ask, ask_json
from tests.support.submissions import a_dag_body, a_job_body, a_name, submit


def a_gate_body(name: str = "ok", **fields: object) -> dict[str, Any]:
    """Return a standalone gate of a submission."""
    return {"id": name, "kind": "gate", "hitl_message": "Go on?", **fields}


def held(port: int) -> tuple[str, str]:
    """Submit a gate with a job behind it; return the DAG's and the gate's id."""
    dag_id = submit(port, a_dag_body([a_gate_body(), a_job_body("after", parents=["ok"])]))
    return dag_id, f"{dag_id}.00000"


def decide(port: int, gate: str, word: str, **body: object) -> Answer:
    return ask_json(port, "POST", f"/api/gates/{gate}/{word}", body, a_key())


def test_an_open_gate_shows_its_question_and_its_expiry(port: int) -> None:
    _, gate_id = held(port)

    gate = ask(port, "GET", f"/api/gates/{gate_id}").value

    assert (gate["gate_id"], gate["state"], gate["message"]) == (gate_id, "open", "Go on?")
    assert gate["opened_at"] < gate["expires_at"]
    assert gate_id in [one["gate_id"] for one in ask(port, "GET", "/api/gates").value["gates"]]


def test_a_decision_is_shown_with_who_when_and_why(port: int) -> None:
    dag_id, gate_id = held(port)

    gate = decide(port, gate_id, "approve", comment="well done", by="ada").value

    job = ask(port, "GET", f"/api/jobs/{dag_id}.00001").value
    assert (gate["state"], gate["decided_by"], gate["comment"]) == ("approved", "ada", "well done")
    assert gate["decided_at"] is not None
    assert job["status"] == "READY"


def test_a_repeated_decision_with_its_key_gets_the_first_answer(port: int) -> None:
    _, gate_id = held(port)
    key = a_key()

    first = ask_json(port, "POST", f"/api/gates/{gate_id}/reject", {"by": "ada"}, key)
    second = ask_json(port, "POST", f"/api/gates/{gate_id}/reject", {"by": "ada"}, key)

    assert (first.status, second.body) == (200, first.body)


def test_a_second_decision_is_a_conflict(port: int) -> None:
    _, gate_id = held(port)
    decide(port, gate_id, "approve", by="ada")

    answer = decide(port, gate_id, "reject", by="bob")

    assert (answer.status, answer.value["error"]["found"]) == (409, "approved by ada")


def test_a_decision_needs_no_body(port: int) -> None:
    _, gate_id = held(port)

    answer = ask(port, "POST", f"/api/gates/{gate_id}/approve")

    assert (answer.status, answer.value["decided_by"]) == (200, "somebody without a token")


def test_a_gate_is_found_by_the_name_of_its_job_within_its_dag(port: int) -> None:
    dag_id = submit(port, a_dag_body([a_job_body("draft", hitl_message="Send it?")]))

    gate = ask(port, "GET", f"/api/gates/draft?dag={dag_id}").value

    assert (gate["name"], gate["state"], gate["parents"]) == ("hitl-gate-draft", "waiting", ["draft"])


def test_two_open_gates_of_a_name_are_distinguished_by_id(port: int) -> None:
    name = a_name("gate")
    for _ in range(2):
        submit(port, a_dag_body([a_gate_body(name)]))

    answer = decide(port, name, "approve")

    assert answer.status == 409
    assert answer.value["error"]["expected"] == "one open gate of this name"


def test_a_job_with_work_is_no_gate(port: int) -> None:
    dag_id = submit(port, a_dag_body())

    assert decide(port, f"{dag_id}.00000", "approve").status == 400
    assert ask(port, "GET", "/api/gates/none-of-this-name").status == 404


@pytest.mark.parametrize(
    "fields",
    [
        {"hitl_message": ""},
        {"hitl_message": "a\0b"},
        {"hitl_message": "x" * 10_001},
        {"max_wait_seconds": 0},
        {"script": "0" * 64},
        {"kind": "door"},
    ],
)
def test_a_gate_that_cannot_be_meant_is_refused(port: int, fields: dict[str, object]) -> None:
    answer = ask_json(port, "POST", "/api/dags", a_dag_body([{**a_gate_body(), **fields}]), a_key())

    assert (answer.status, bool(answer.value["error"]["message"])) == (400, True)


def test_a_name_that_the_gate_behind_a_job_needs_is_refused_for_another(port: int) -> None:
    jobs = [a_job_body("draft", hitl_message="Send it?"), a_job_body("hitl-gate-draft")]

    answer = ask_json(port, "POST", "/api/dags", a_dag_body(jobs), a_key())

    assert (answer.status, answer.value["error"]["found"]) == (400, "'hitl-gate-draft' twice")


# --- second tries ---


def test_a_job_that_was_cancelled_is_tried_again(port: int) -> None:
    dag_id = submit(port, a_dag_body([a_job_body("a"), a_job_body("b", parents=["a"])]))
    ask(port, "POST", f"/api/dags/{dag_id}/cancel")

    answer = ask_json(port, "POST", f"/api/dags/{dag_id}/retry", None, a_key())

    assert (answer.status, answer.value) == (200, {"retried": ["a", "b"], "kept": 0})
    assert ask(port, "GET", f"/api/dags/{dag_id}").value["status"] == "WAITING"


def test_nothing_to_retry_is_a_conflict_with_a_next_step(port: int) -> None:
    dag_id = submit(port, a_dag_body())

    answer = ask_json(port, "POST", f"/api/dags/{dag_id}/retry", None, a_key())

    assert answer.status == 409
    assert answer.value["error"]["next_step"]


@pytest.mark.parametrize("path", ["jobs/none/retry", "dags/none/retry", "runs/none/retry", "jobs/none/rerun"])
def test_retrying_an_unknown_object_is_not_found(port: int, path: str) -> None:
    assert ask_json(port, "POST", f"/api/{path}", None, a_key()).status == 404


def test_an_idempotency_key_in_the_body_means_the_first_submission(port: int) -> None:
    body = a_dag_body(idempotency_key=a_name("key"))

    first = ask_json(port, "POST", "/api/dags", body, a_key())
    second = ask_json(port, "POST", "/api/dags", body, a_key())
    other = ask_json(port, "POST", "/api/dags", {**body, "on_failure": "stop"}, a_key())

    assert (second.value["dag_id"], second.value["from_record"]) == (first.value["dag_id"], True)
    assert (other.status, other.value["error"]["type"]) == (409, "IdempotencyConflict")
