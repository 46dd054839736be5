"""Requests: repeated through a server's absence, performed once, and refused with the server's own words."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.fake_titan import Failure, FakeTitan, fake_titan
from tests.support.waiting import wait_until
from titan_sdk.errors import (
    InvalidDag,
    InvalidInput,
    ServerUnavailable,
    StoreUnavailable,
    UnexpectedAnswer,
    UnknownArtifact,
)
from titan_sdk.http import json_bytes
from titan_sdk.http.transport import Transport

if TYPE_CHECKING:
    from titan_sdk.http import Scalar

SET_KEY = {"key": "k", "member": "m"}


@pytest.fixture
def fake() -> Iterator[FakeTitan]:
    with fake_titan() as running:
        yield running


def a_transport(fake: FakeTitan, *, token: str | None = None, retry_for_seconds: float = 5.0) -> Transport:
    return Transport("127.0.0.1", fake.port, token, retry_for_seconds=retry_for_seconds)


def test_one_thread_keeps_one_connection(fake: FakeTitan) -> None:
    transport = a_transport(fake)

    for _ in range(3):
        transport.request("GET", "/api/health")

    assert len({request.client_port for request in fake.received}) == 1


def test_requests_at_once_have_a_connection_each_and_leave_them_to_later_ones(fake: FakeTitan) -> None:
    transport = a_transport(fake)
    body = json_bytes({"keys": ["k"], "dags": [], "jobs": [], "timeout_seconds": 20}, subject="a wait")
    wait = partial(transport.request, "POST", "/api/store/wait", body=body, mutation=False)
    threads = [threading.Thread(target=wait) for _ in range(3)]

    for thread in threads:
        thread.start()
    wait_until(lambda: len(fake.received) == 3, "three waits at once")
    fake.set_value("k", "v")
    for thread in threads:
        thread.join()
    transport.request("GET", "/api/health")

    ports = [request.client_port for request in fake.received]
    assert len(set(ports[:3])) == 3
    assert ports[3] in ports[:3]


def test_the_token_goes_with_every_request(fake: FakeTitan) -> None:
    a_transport(fake, token="secret").request("GET", "/api/health")

    assert fake.received[0].headers["authorization"] == "Bearer secret"


def test_queries_survive_any_character_and_leave_none_out(fake: FakeTitan) -> None:
    query: dict[str, Scalar] = {"key": "a&b=c #%+ ü/\U0001f600", "flag": True, "count": 3, "none": None}

    a_transport(fake).request("GET", "/api/store", query=query)

    assert fake.received[0].query == {"key": "a&b=c #%+ ü/\U0001f600", "flag": "true", "count": "3"}


def test_text_that_is_no_utf8_is_refused_before_it_is_sent(fake: FakeTitan) -> None:
    with pytest.raises(InvalidInput, match="Nothing was sent"):
        a_transport(fake).request_json("PUT", "/api/store", body={"key": "k", "value": "\ud800"})

    assert fake.received == []


def test_a_mutation_whose_connection_breaks_is_repeated_under_one_key(fake: FakeTitan) -> None:
    fake.failures.extend([Failure.DROPPED, Failure.DROPPED])

    answer = a_transport(fake).request_json("POST", "/api/store/sets", body=SET_KEY)

    keys = {request.headers["idempotency-key"] for request in fake.received}
    assert answer == {"added": 1}
    assert (len(fake.received), len(keys)) == (3, 1)


def test_a_mutation_whose_answer_was_lost_gets_the_first_answer(fake: FakeTitan) -> None:
    fake.failures.append(Failure.ANSWER_LOST)

    answer = a_transport(fake).request_json("POST", "/api/store/sets", body=SET_KEY)

    assert answer == {"added": 1}


def test_two_mutations_have_two_keys_and_questions_have_none(fake: FakeTitan) -> None:
    transport = a_transport(fake)

    transport.request_json("POST", "/api/store/sets", body=SET_KEY)
    transport.request_json("POST", "/api/store/sets", body=SET_KEY)
    transport.request_json("GET", "/api/store", query={"key": "k"})
    transport.request("POST", "/api/store/sets", body=b'{"key":"k","member":"n"}', mutation=False)

    keys = [request.headers.get("idempotency-key") for request in fake.received]
    assert len({*keys[:2]}) == 2
    assert keys[2:] == [None, None]


def test_a_restart_between_two_requests_is_not_noticed(fake: FakeTitan) -> None:
    transport = a_transport(fake)
    transport.request_json("PUT", "/api/store", body={"key": "k", "value": "v"})

    fake.stop()
    fake.start_again()

    assert transport.request_json("GET", "/api/store", query={"key": "k"})["value"] == "v"


def test_a_server_that_comes_back_late_is_waited_for(fake: FakeTitan) -> None:
    transport = a_transport(fake)
    fake.stop()
    starting = threading.Timer(0.15, fake.start_again)
    starting.start()

    answer = transport.request_json("PUT", "/api/store", body={"key": "k", "value": "v"})

    starting.join()
    assert answer == {"status": "OK"}


def test_a_server_that_stays_away_is_an_error_that_says_how_to_start_it(fake: FakeTitan) -> None:
    fake.stop()

    with pytest.raises(ServerUnavailable, match="titan up") as caught:
        a_transport(fake, retry_for_seconds=0.1).request("GET", "/api/health")

    assert isinstance(caught.value, ConnectionError)
    fake.start_again()


def test_a_server_whose_store_is_away_is_asked_again(fake: FakeTitan) -> None:
    fake.failures.append(Failure.UNAVAILABLE)

    answer = a_transport(fake).request_json("PUT", "/api/store", body={"key": "k", "value": "v"})

    assert answer == {"status": "OK"}


def test_a_store_that_stays_away_is_named_once_patience_is_over(fake: FakeTitan) -> None:
    fake.failures.extend([Failure.UNAVAILABLE] * 50)

    with pytest.raises(StoreUnavailable):
        a_transport(fake, retry_for_seconds=0.1).request_json("GET", "/api/store", query={"key": "k"})


def test_a_refusal_is_not_repeated_and_keeps_the_servers_words(fake: FakeTitan) -> None:
    body: dict[str, object] = {"name": "d", "agent_run_id": None, "scripts": {}, "jobs": []}

    with pytest.raises(InvalidDag) as caught:
        a_transport(fake).request_json("POST", "/api/dags", body=body)

    assert str(caught.value) == "the request: expected better; found a DAG without jobs. Ask otherwise."
    assert (caught.value.found, len(fake.received)) == ("a DAG without jobs", 1)


def test_raw_requests_return_refusals_as_answers(fake: FakeTitan) -> None:
    response = a_transport(fake).request("GET", "/api/files/none")

    assert response.status == 404
    assert b"UnknownArtifact" in response.body


def test_a_file_goes_up_and_comes_down_whole(fake: FakeTitan, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4096
    (tmp_path / "up").write_bytes(content)
    transport = a_transport(fake)

    answer = transport.upload("/api/files/up", tmp_path / "up")
    transport.download("/api/files/up", tmp_path / "down")

    assert answer["size_bytes"] == len(content)
    assert (tmp_path / "down").read_bytes() == content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["down", "up"]


def test_an_upload_whose_connection_breaks_starts_again_from_the_first_byte(fake: FakeTitan, tmp_path: Path) -> None:
    (tmp_path / "up").write_bytes(b"content")
    fake.failures.append(Failure.DROPPED)

    a_transport(fake).upload("/api/files/up", tmp_path / "up")

    assert [request.body for request in fake.received] == [b"content", b"content"]


def test_a_download_that_is_refused_leaves_the_old_file(fake: FakeTitan, tmp_path: Path) -> None:
    (tmp_path / "down").write_bytes(b"old")

    with pytest.raises(UnknownArtifact):
        a_transport(fake).download("/api/files/none", tmp_path / "down")

    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_a_download_that_cannot_be_written_is_no_failure_of_the_server(fake: FakeTitan, tmp_path: Path) -> None:
    (tmp_path / "up").write_bytes(b"content")
    transport = a_transport(fake)
    transport.upload("/api/files/up", tmp_path / "up")

    with pytest.raises(FileNotFoundError):
        transport.download("/api/files/up", tmp_path / "no folder" / "down")

    assert len(fake.received) == 2


def test_a_stream_yields_pieces_on_a_connection_of_its_own(fake: FakeTitan) -> None:
    transport = a_transport(fake)
    transport.request("GET", "/api/health")

    pieces = list(transport.stream("/api/health", headers={"Last-Event-ID": "7"}))

    assert b"".join(pieces) == b'{"status": "ok"}'
    assert fake.received[1].headers["last-event-id"] == "7"
    assert fake.received[0].client_port != fake.received[1].client_port


def test_a_stream_that_is_refused_raises_the_servers_error(fake: FakeTitan) -> None:
    with pytest.raises(UnknownArtifact):
        list(a_transport(fake).stream("/api/files/none"))


def test_an_answer_of_another_program_is_reported_as_such(fake: FakeTitan, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_bytes(b"<html>welcome")
    transport = a_transport(fake)
    transport.upload("/api/files/page.html", tmp_path / "page.html")

    with pytest.raises(UnexpectedAnswer, match="another program"):
        transport.request_json("GET", "/api/files/page.html")
