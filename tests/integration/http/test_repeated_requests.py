"""A request that is repeated under its idempotency key is done once and answered twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.support.raw_http import Answer, a_key, ask, ask_json
from tests.support.running_titan import RunningTitan
from tests.support.stored_facts import stored_facts
from tests.support.submissions import a_dag_body, a_name, submit


def test_the_same_submission_again_gets_the_first_answer_and_makes_no_second_dag(port: int) -> None:
    body, key = a_dag_body(), a_key()

    first, second = (ask_json(port, "POST", "/api/dags", body, key) for _ in range(2))

    assert first.status == second.status == 201
    assert first.value == second.value
    assert len(ask(port, "GET", f"/api/dags?name={body['name']}").value["dags"]) == 1


def test_the_same_submission_many_times_at_once_makes_one_dag(port: int) -> None:
    body, key = a_dag_body(), a_key()

    def submit_again(_number: int) -> Answer:
        return ask_json(port, "POST", "/api/dags", body, key)

    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(submit_again, range(16)))

    assert {answer.status for answer in answers} == {201}
    assert len({answer.value["dag_id"] for answer in answers}) == 1
    assert len(ask(port, "GET", f"/api/dags?name={body['name']}").value["dags"]) == 1


def test_without_a_key_the_same_submission_makes_two_dags(port: int) -> None:
    body = a_dag_body()

    first, second = (ask_json(port, "POST", "/api/dags", body).value["dag_id"] for _ in range(2))

    assert first != second


def test_a_key_used_for_another_body_is_a_conflict_and_changes_nothing(titan: RunningTitan) -> None:
    key = a_key()
    submitted = ask_json(titan.sdk_port, "POST", "/api/dags", a_dag_body(), key)
    before = stored_facts(titan.home)

    other = ask_json(titan.sdk_port, "POST", "/api/dags", a_dag_body(), key)

    assert submitted.status == 201
    assert other.refusal == (409, "IdempotencyConflict")
    assert stored_facts(titan.home) == before


def test_a_key_used_for_another_route_is_a_conflict(port: int) -> None:
    key, name = a_key(), a_name("key")
    ask_json(port, "PUT", "/api/store", {"key": name, "value": "1"}, key)

    answer = ask_json(port, "POST", "/api/store/sets", {"key": name, "member": "1"}, key)

    assert answer.refusal == (409, "IdempotencyConflict")
    assert ask(port, "GET", f"/api/store/sets?key={name}").value["members"] == []


def test_a_key_used_for_another_query_is_a_conflict(port: int) -> None:
    first, second = submit(port, a_dag_body()), submit(port, a_dag_body())
    key = a_key()
    ask(port, "POST", f"/api/jobs/a/cancel?dag={first}", headers=key)

    answer = ask(port, "POST", f"/api/jobs/a/cancel?dag={second}", headers=key)

    assert answer.refusal == (409, "IdempotencyConflict")
    assert ask(port, "GET", f"/api/dags/{second}").value["is_final"] is False


def test_a_refused_request_leaves_its_key_free(port: int) -> None:
    key = a_key()
    refused = ask_json(port, "POST", "/api/dags", a_dag_body([]), key)

    accepted = ask_json(port, "POST", "/api/dags", a_dag_body(), key)

    assert (refused.status, accepted.status) == (400, 201)


def test_a_value_put_twice_under_one_key_does_not_undo_changes_between(port: int) -> None:
    name, key = a_name("key"), a_key()
    put_one = {"key": name, "value": "one"}
    ask_json(port, "PUT", "/api/store", put_one, key)
    ask_json(port, "PUT", "/api/store", {"key": name, "value": "two"}, a_key())

    again = ask_json(port, "PUT", "/api/store", put_one, key)

    assert again.value == {"status": "OK"}
    assert ask(port, "GET", f"/api/store?key={name}").value["value"] == "two"


def test_an_upload_under_a_used_key_with_other_content_is_a_conflict(port: int) -> None:
    name, key = a_name("file"), a_key()
    first, same = (ask(port, "PUT", f"/api/files/{name}", b"one", key) for _ in range(2))

    other = ask(port, "PUT", f"/api/files/{name}", b"two", key)

    assert first.value == same.value
    assert other.refusal == (409, "IdempotencyConflict")
    assert ask(port, "GET", f"/api/files/{name}").body == b"one"
