"""What is no proper request is refused by name, keeps nothing, and leaves the server as well as before."""

from __future__ import annotations

import json

import pytest

from tests.support.raw_http import a_key, ask, ask_json, read_answer, request, said
from tests.support.running_titan import RunningTitan
from tests.support.stored_facts import stored_facts
from tests.support.submissions import a_dag_body, a_name, submit
from tests.support.waiting import wait_until

UNREADABLE = {
    "nothing": b"",
    "a blank": b" ",
    "half a document": b'{"key": "k", "value": "v',
    "two documents": b'{"key":"k","value":"v"}{}',
    "no JSON": b"key=k&value=v",
    "another type": b'["k", "v"]',
    "null": b"null",
    "a field too few": b'{"key": "k"}',
    "a field too many": b'{"key": "k", "value": "v", "ttl": 5}',
    "a number for text": b'{"key": "k", "value": 5}',
    "Latin-1": '{"key": "k", "value": "é"}'.encode("latin-1"),
    "UTF-16": '{"key": "k", "value": "v"}'.encode("utf-16"),
    "a surrogate in UTF-8": b'{"key": "k", "value": "\xed\xa0\x80"}',
    "a surrogate in the key": b'{"key": "\\ud800", "value": "v"}',
    "a surrogate in the value": b'{"key": "k", "value": "\\udc00"}',
    "a NUL in the value": b'{"key": "k", "value": "a\\u0000b"}',
    "a raw newline": b'{"key": "k", "value": "a\nb"}',
    "NaN": b'{"key": "k", "value": NaN}',
    "lists in lists": b'{"key": "k", "value": ' + b"[" * 200_000,
    "unknown objects in objects": b'{"x": ' * 200_000,
}
JSON_ROUTES = [
    ("POST", "/api/dags"),
    ("POST", "/api/v1/runs/r/end"),
    ("PUT", "/api/store"),
    ("POST", "/api/store/sets"),
    ("POST", "/api/store/wait"),
    ("PUT", "/api/workers/w"),
    ("POST", "/api/workers/w/complete"),
]
BAD_QUERIES = {
    "a field twice": "limit=5&limit=5",
    "a field nobody knows": "limit=5&offset=1",
    "a word for a number": "limit=many",
    "a fraction": "limit=1.5",
    "nothing for a number": "limit=",
    "zero rows": "limit=0",
    "more rows than are given": "limit=10001",
    "a number beyond all": f"limit={10**30}",
    "a number of 5,000 digits": "limit=" + "9" * 5000,
    "bytes that are no UTF-8": "name=%ff",
    "half a percent-encoding": "name=100%",
    "a NUL": "name=a%00",
}
BAD_KEYS = {"too long": "k" * 201, "a blank inside": "a b", "not ASCII": "schlüssel", "a tab": "a\tb"}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_body_that_cannot_be_read_is_refused(titan: RunningTitan, body: bytes) -> None:
    before = stored_facts(titan.home)

    answer = ask(titan.sdk_port, "PUT", "/api/store", body, a_key())

    assert answer.refusal in ((400, "InvalidInput"), (400, "InvalidName"))
    assert stored_facts(titan.home) == before


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000], ids=["empty", "cut", "bytes", "deep"])
@pytest.mark.parametrize(("method", "path"), JSON_ROUTES)
def test_every_route_refuses_invalid_json(titan: RunningTitan, method: str, path: str, body: bytes) -> None:
    before = stored_facts(titan.home)

    answer = ask(titan.sdk_port, method, path, body, a_key())

    assert answer.refusal == (400, "InvalidInput")
    assert f"body of {method} {path}" in answer.message
    assert stored_facts(titan.home) == before


@pytest.mark.parametrize("key", ["", "a\nb", "a\0b", "\x85"], ids=["empty", "a newline", "a NUL", "a C1 control"])
def test_a_key_with_control_characters_or_none_is_refused(titan: RunningTitan, key: str) -> None:
    before = stored_facts(titan.home)

    answers = [
        ask_json(titan.sdk_port, "PUT", "/api/store", {"key": key, "value": "v"}, a_key()),
        ask_json(titan.sdk_port, "POST", "/api/store/sets", {"key": key, "member": "m"}, a_key()),
        ask_json(titan.sdk_port, "POST", "/api/store/wait", {"keys": [key]}),
    ]

    assert [answer.refusal for answer in answers] == [(400, "InvalidName")] * 3
    assert stored_facts(titan.home) == before


def test_a_nul_in_a_value_or_member_is_refused_in_words(port: int) -> None:
    answers = [
        ask_json(port, "PUT", "/api/store", {"key": "k", "value": "ab\0"}, a_key()),
        ask_json(port, "POST", "/api/store/sets", {"key": "k", "member": "ab\0"}, a_key()),
    ]

    for answer in answers:
        assert answer.refusal == (400, "InvalidInput")
        assert "text without NUL characters" in answer.message
        assert "one at position 2" in answer.message


def test_a_nul_in_the_reason_of_a_runs_end_is_refused(titan: RunningTitan) -> None:
    run_id = a_name("run")
    submit(titan.sdk_port, a_dag_body(agent_run_id=run_id))
    before = stored_facts(titan.home)

    end = {"status": "failed", "error": "a\0"}
    answer = ask_json(titan.sdk_port, "POST", f"/api/v1/runs/{run_id}/end", end, a_key())

    assert answer.refusal == (400, "InvalidInput")
    assert stored_facts(titan.home) == before


def test_a_key_over_a_kibibyte_is_too_large(port: int) -> None:
    fits, too_long = "é" * 512, "é" * 512 + "x"

    answers = [ask_json(port, "PUT", "/api/store", {"key": key, "value": ""}, a_key()) for key in (fits, too_long)]

    assert answers[0].status == 200
    assert answers[1].refusal == (413, "TooLarge")


def test_an_artifact_that_was_never_stored_cannot_be_published(titan: RunningTitan) -> None:
    key = a_name("key")

    published = ask_json(titan.sdk_port, "PUT", "/api/store", {"key": key, "value": "v", "artifact": "0" * 64}, a_key())

    assert published.refusal == (404, "UnknownArtifact")
    assert ask(titan.sdk_port, "GET", f"/api/store?key={key}").value["value"] is None
    assert ask(titan.sdk_port, "GET", f"/api/blobs/{'0' * 64}").refusal == (404, "UnknownArtifact")
    assert ask(titan.sdk_port, "GET", "/api/blobs/..%2F..%2Fcontrol.db").status == 404


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/dags"), ("PUT", "/api/store"), ("PUT", "/api/files/cut.bin")]
)
@pytest.mark.parametrize("framing", ["Content-Length", "chunked"])
def test_a_body_that_breaks_off_keeps_nothing(titan: RunningTitan, method: str, path: str, framing: str) -> None:
    whole = json.dumps({"key": "cut", "value": "v"} if path == "/api/store" else a_dag_body(name="cut")).encode()
    headers = {"Content-Length": str(len(whole) + 10), **a_key()}
    body = whole
    if framing == "chunked":
        headers |= {"Content-Length": "", "Transfer-Encoding": "chunked"}
        body = b"%x\r\n%s\r\n" % (len(whole), whole)  # and not the empty chunk that ends it
    before = stored_facts(titan.home)

    with said(titan.sdk_port, request(method, path, body, headers)):
        pass  # and away

    assert ask(titan.sdk_port, "GET", "/api/health").status == 200
    wait_until(lambda: stored_facts(titan.home) == before, "what had come is gone")


def test_a_value_over_ten_mebibytes_is_too_large(titan: RunningTitan) -> None:
    limit = 10 * 1024 * 1024
    headers = {"Connection": "keep-alive"}  # as clients do that send all before they read
    before = stored_facts(titan.home)

    by_one, by_far = (
        ask_json(titan.sdk_port, "PUT", "/api/store", {"key": "big", "value": "x" * size}, headers)
        for size in (limit + 1, 17 * limit // 10)  # of more than that, the server reads no more than 16 MiB
    )

    assert by_one.refusal == by_far.refusal == (413, "TooLarge")
    assert "Publish it as an artifact" in by_one.message
    assert "Send less at once" in by_far.message
    assert stored_facts(titan.home) == before


def test_a_body_announced_over_the_limit_is_refused_before_it_is_sent(port: int) -> None:
    announced = request("PUT", "/api/store", headers={"Content-Length": str(10**15), **a_key()})

    with said(port, announced) as connection:
        answer = read_answer(connection)

    assert answer.refusal == (413, "TooLarge")


@pytest.mark.parametrize("query", BAD_QUERIES.values(), ids=BAD_QUERIES.keys())
def test_a_query_that_cannot_be_meant_is_refused(port: int, query: str) -> None:
    answer = ask(port, "GET", f"/api/dags?{query}")

    assert answer.refusal == (400, "InvalidInput")
    assert "query of GET /api/dags" in answer.message


@pytest.mark.parametrize("part", ["%ff", "%c3", "a%", "a%zz", "%ed%a0%80", "a%00"])
@pytest.mark.parametrize(
    "path", ["/api/dags/{}", "/api/jobs/{}/log", "/api/v1/runs/{}", "/api/files/{}", "/api/blobs/{}"]
)
def test_a_path_that_is_no_percent_encoded_utf8_is_refused(port: int, path: str, part: str) -> None:
    answer = ask(port, "GET", path.format(part))

    assert answer.refusal == (400, "InvalidInput")
    assert "path of GET" in answer.message


@pytest.mark.parametrize("name", ["..", "a%2Fb", "a%5Cb", "a%0Ab", "x" * 256, "%C3%A9" * 128])
def test_a_file_needs_a_name_that_file_systems_can_hold(titan: RunningTitan, name: str) -> None:
    before = stored_facts(titan.home)

    answer = ask(titan.sdk_port, "PUT", f"/api/files/{name}", b"content", a_key())

    assert answer.refusal in ((400, "InvalidName"), (404, "NoSuchRoute"), (405, "NoSuchRoute"))
    assert stored_facts(titan.home) == before


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/api", 404),
        ("GET", "/api/nothing", 404),
        ("GET", "/api/dags/a/b/c", 404),
        ("DELETE", "/api/dags", 405),
        ("POST", "/api/health", 405),
        ("PATCH", "/api/store", 405),
        ("BREW", "/api/store", 400),
    ],
)
def test_a_route_or_method_that_is_none_says_so(port: int, method: str, path: str, status: int) -> None:
    answer = ask(port, method, path)

    assert answer.status == status
    if status != 400:  # an unheard-of method is no HTTP to the parser, which answers itself
        assert answer.value["error"]["type"] == "NoSuchRoute"
        assert "/schema/openapi.json" in answer.message
        assert answer.value["error"]["found"] == (
            "no such path" if status == 404 else f"one that does not take {method}"
        )
        assert answer.value["error"]["next_step"] in answer.message


def test_a_path_that_is_nearly_right_is_answered_with_the_right_one(port: int) -> None:
    assert "Did you mean /api/jobs?" in ask(port, "GET", "/api/jbos").message


@pytest.mark.parametrize("nonsense", [b"\x16\x03\x01\x02\x00\x01\x00", b"hello\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n"])
def test_bytes_that_are_no_http_end_the_connection_and_nothing_else(port: int, nonsense: bytes) -> None:
    with said(port, nonsense) as connection:
        answer = connection.recv(1000)

    assert not answer or answer.startswith(b"HTTP/1.1 400 ")
    assert ask(port, "GET", "/api/health").status == 200


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS.keys())
def test_an_idempotency_key_that_is_none_is_refused(titan: RunningTitan, key: str) -> None:
    before = stored_facts(titan.home)

    answers = [
        ask_json(titan.sdk_port, "POST", "/api/dags", a_dag_body(), {"Idempotency-Key": key}),
        ask(titan.sdk_port, "PUT", "/api/files/f.bin", key.encode(), {"Idempotency-Key": key}),
    ]

    assert [answer.refusal for answer in answers] == [(400, "InvalidInput")] * 2
    assert "1 to 200 visible ASCII characters" in answers[0].message
    assert stored_facts(titan.home) == before
