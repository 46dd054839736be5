"""The shared store over HTTP: counting, comparing, listing, deleting, and results of jobs."""

from __future__ import annotations

import threading
from urllib.parse import quote

import pytest

from tests.support.raw_http import Answer, a_key, ask, ask_json
from tests.support.submissions import WireWorker, a_name
from tests.support.waiting import wait_until


def put(port: int, key: str, value: str, **fields: object) -> None:
    assert ask_json(port, "PUT", "/api/store", {"key": key, "value": value, **fields}, a_key()).status == 200


def held(port: int, key: str) -> str | None:
    value: str | None = ask(port, "GET", f"/api/store?key={quote(key)}").value["value"]
    return value


def expires_at(port: int, key: str) -> str | None:
    moment: str | None = ask(port, "GET", f"/api/store?key={quote(key)}").value["expires_at"]
    return moment


def incr(port: int, key: str, by: int = 1) -> Answer:
    return ask_json(port, "POST", "/api/store/incr", {"key": key, "by": by}, a_key())


def swap(port: int, key: str, expected: str | None, value: str | None) -> Answer:
    return ask_json(port, "POST", "/api/store/cas", {"key": key, "expected": expected, "value": value}, a_key())


def test_counting_begins_at_nothing_and_goes_both_ways(port: int) -> None:
    key = a_name("count")

    sums = [incr(port, key, by).value["value"] for by in (1, 10, -20)]

    assert (sums, held(port, key)) == ([1, 11, -9], "-9")


def test_eight_who_count_at_once_lose_nothing(port: int) -> None:
    key = a_name("count")
    threads = [threading.Thread(target=lambda: [incr(port, key) for _ in range(25)]) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert held(port, key) == "200"


@pytest.mark.parametrize("text", ["", "one", "1.5", "0x10", "1_000", "9" * 301])
def test_text_that_is_no_whole_number_is_not_incremented(port: int, text: str) -> None:
    key = a_name("count")
    put(port, key, text)

    answer = incr(port, key)

    assert answer.refusal == (409, "Conflict")
    assert held(port, key) == text


def test_a_key_is_swapped_only_if_it_has_the_expected_value(port: int) -> None:
    key = a_name("lock")

    answers = [
        swap(port, key, None, "mine"),
        swap(port, key, None, "other's"),
        swap(port, key, "mine", "done"),
        swap(port, key, "done", None),
    ]

    assert [answer.value for answer in answers] == [
        {"swapped": True, "value": "mine"},
        {"swapped": False, "value": "mine"},
        {"swapped": True, "value": "done"},
        {"swapped": True, "value": None},
    ]
    assert held(port, key) is None


def test_a_repeated_swap_with_its_key_gets_the_first_answer(port: int) -> None:
    body = {"key": a_name("lock"), "expected": None, "value": "mine"}
    mark = a_key()

    first = ask_json(port, "POST", "/api/store/cas", body, mark)
    second = ask_json(port, "POST", "/api/store/cas", body, mark)

    assert first.value == second.value == {"swapped": True, "value": "mine"}


def test_a_key_shows_its_expiry_and_a_swap_keeps_it_on_request(port: int) -> None:
    key = a_name("short")
    put(port, key, "one", ttl_seconds=3600)
    goes_at = expires_at(port, key)

    body = {"key": key, "expected": "one", "value": "two"}
    assert ask_json(port, "POST", "/api/store/cas", body | {"keep_ttl": True}, a_key()).value["swapped"]
    kept = held(port, key), expires_at(port, key)
    swap(port, key, "two", "three")

    assert goes_at is not None
    assert kept == ("two", goes_at)
    assert expires_at(port, key) is None


def test_a_swap_keeps_no_ttl_of_a_key_that_is_absent_or_stays(port: int) -> None:
    key = a_name("new")
    body = {"key": key, "value": "one", "keep_ttl": True}

    for expected in (None, "one"):
        assert ask_json(port, "POST", "/api/store/cas", body | {"expected": expected}, a_key()).value["swapped"]
        assert expires_at(port, key) is None


def test_a_new_ttl_and_the_old_one_cannot_both_be_meant(port: int) -> None:
    body = {"key": a_name("both"), "expected": None, "value": "", "ttl_seconds": 1, "keep_ttl": True}

    refusal = ask_json(port, "POST", "/api/store/cas", body, a_key()).refusal

    assert refusal == (400, "InvalidInput")


def test_a_key_with_a_ttl_vanishes_from_everywhere(port: int) -> None:
    key = a_name("short")
    put(port, key, "soon gone", ttl_seconds=0.2)

    wait_until(lambda: held(port, key) is None, "the key vanishes")

    assert ask(port, "GET", f"/api/store/keys?prefix={key}").value == {"keys": [], "next": None}
    assert swap(port, key, None, "again").value["swapped"]


@pytest.mark.parametrize("seconds", [0, -1, 1e12, "soon"])
def test_a_ttl_that_cannot_be_meant_is_refused(port: int, seconds: object) -> None:
    body = {"key": a_name("short"), "value": "", "ttl_seconds": seconds}

    assert ask_json(port, "PUT", "/api/store", body, a_key()).refusal == (400, "InvalidInput")


def test_keys_are_listed_page_by_page(port: int) -> None:
    prefix = a_name("page")
    names = [f"{prefix}:{letter}" for letter in "abcdä😀"]
    for name in names:
        put(port, name, "")
    put(port, f"{prefix}x", "")

    pages = []
    after = ""
    while True:
        page = ask(port, "GET", f"/api/store/keys?prefix={prefix}:&limit=4&after={quote(after)}").value
        pages.append(page["keys"])
        if page["next"] is None:
            break
        after = page["next"]

    assert pages == [names[:4], names[4:]]


def test_deleting_says_whether_there_was_anything(port: int) -> None:
    key = a_name("gone")
    put(port, key, "")

    answers = [ask(port, "DELETE", f"/api/store?key={key}").value for _ in range(2)]

    assert answers == [{"deleted": True}, {"deleted": False}]


# --- results ---


def running(port: int) -> tuple[str, str, str]:
    """Run a job and return its id, its lease and its token."""
    worker = WireWorker(port)
    job_id, lease_id = worker.a_running_job()
    claimed = ask_json(port, "POST", f"{worker.path}/claim", {"holding": [], "wait_seconds": 0})
    return job_id, lease_id, claimed.value["assignments"][0]["token"]


def set_result(port: int, token: str, body: bytes) -> Answer:
    return ask(port, "PUT", "/api/result", body, {"Authorization": f"Bearer {token}", **a_key()})


@pytest.mark.parametrize("text", [b'{"a": [1, 2.5, null, "\xc3\xa4"]}', b"null", b'"text"', b"12345678901234567890123"])
def test_a_result_comes_back_as_the_json_it_was(port: int, text: bytes) -> None:
    job_id, _, token = running(port)

    answer = set_result(port, token, b'{"value": ' + text + b"}")

    assert answer.status == 200
    assert ask(port, "GET", f"/api/jobs/{job_id}/result").body.endswith(b'"is_set":true,"value":' + text + b"}")


def test_a_job_without_a_result_says_so(port: int) -> None:
    job_id, _, _ = running(port)

    answer = ask(port, "GET", f"/api/jobs/{job_id}/result")

    assert (answer.value["is_set"], answer.value["value"]) == (False, None)


def test_only_a_running_attempt_sets_a_result(port: int) -> None:
    none = ask(port, "PUT", "/api/result", b'{"value": 1}', a_key())
    unknown = set_result(port, "0" * 32, b'{"value": 1}')

    assert (none.refusal, unknown.refusal) == ((409, "StaleLease"), (409, "StaleLease"))


def test_a_result_has_a_limit_and_must_be_json(port: int) -> None:
    _, _, token = running(port)

    large = set_result(port, token, b'{"value": "' + b"x" * 1024 * 1024 + b'"}')
    broken = set_result(port, token, b'{"value": {]}')

    assert (large.refusal, broken.refusal) == ((413, "TooLarge"), (400, "InvalidInput"))
