"""A client that begins something and does not go on is not waited for, and one that is only slow is."""

from __future__ import annotations

import contextlib
import socket
import ssl
from pathlib import Path

import pytest

from tests.support.certificates import a_certificate
from tests.support.limited_server import Application, limited_server
from tests.support.raw_http import Answer, read_answer, request, said
from tests.support.waiting import let_pass
from titan.server.http.connections import ConnectionLimits
from titan.server.http.serve import tls_context

QUICK = ConnectionLimits(header_seconds=0.3, body_seconds=0.3, closing_seconds=0.3, unread_bytes=100_000)
PATIENT = ConnectionLimits(unread_bytes=100_000, closing_seconds=0.3)
LONGER_SECONDS = 0.6
ENOUGH_BYTES = 20_000_000  # more than the system's buffers hold
KEPT = {"Connection": "keep-alive"}


def rest(connection: socket.socket) -> bytes:
    """Return what comes until the server closes."""
    come = b""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65536):
            come += piece
    return come


def heard(connection: socket.socket) -> Answer:
    """Return the answer after which the server closes."""
    answer = read_answer(connection)
    assert rest(connection) == b""
    return answer


def test_a_connection_on_which_nothing_is_said_is_closed() -> None:
    with limited_server(Application(), QUICK) as port, said(port, b"") as connection:
        assert rest(connection) == b""


@pytest.mark.parametrize("begun", [b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a"])
def test_a_request_whose_headers_do_not_end_is_refused(begun: bytes) -> None:
    with limited_server(Application(), QUICK) as port, said(port, begun) as connection:
        answer = heard(connection)

    assert answer.refusal == (408, "RequestTimeout")
    assert "expected all of its headers within 0.3 s" in answer.message


def test_headers_that_come_byte_by_byte_get_no_more_time() -> None:
    with limited_server(Application(), QUICK) as port, said(port, b"GET / HTTP/1.1\r\nX: ") as connection:
        connection.settimeout(0.05)
        come = b""
        while not come:
            with contextlib.suppress(TimeoutError):
                come = connection.recv(65536)
            connection.sendall(b"a" if not come else b"")

    assert come.startswith(b"HTTP/1.1 408 ")


def test_line_ends_are_no_request() -> None:
    with limited_server(Application(), QUICK) as port, said(port, b"\r\n") as connection:
        assert rest(connection) == b""


@pytest.mark.parametrize("framing", [{"Content-Length": "10"}, {"Content-Length": "", "Transfer-Encoding": "chunked"}])
def test_a_stalled_body_is_refused_and_its_reader_is_notified(framing: dict[str, str]) -> None:
    application = Application()
    body = b"half" if framing["Content-Length"] else b"4\r\nhalf\r\n"

    with limited_server(application, QUICK) as port, said(port, request("PUT", "/", body, framing)) as connection:
        answer = heard(connection)

    assert answer.refusal == (408, "RequestTimeout")
    assert "expected more of its body within 0.3 s" in answer.message
    assert application.broken_off.is_set()


def test_a_body_may_take_longer_as_long_as_it_goes_on() -> None:
    announced = request("PUT", "/", headers={"Content-Length": "8"})

    with limited_server(Application(), QUICK) as port, said(port, announced) as connection:
        for _ in range(8):
            let_pass(0.1)
            connection.sendall(b"x")
        answer = read_answer(connection)

    assert (answer.status, answer.body) == (200, b"8")


@pytest.mark.parametrize(
    "late", [request("GET", "/late"), request("PUT", "/late", bytes(1_000_000))], ids=["no body", "a large body"]
)
def test_a_server_that_takes_its_time_refuses_nobody_for_it(late: bytes) -> None:
    with limited_server(Application(late_seconds=LONGER_SECONDS), QUICK) as port, said(port, late) as connection:
        assert read_answer(connection).status == 200


def test_a_client_that_is_to_wait_with_its_body_may_wait() -> None:
    headers = {"Content-Length": "4", "Expect": "100-continue"}

    with (
        limited_server(Application(late_seconds=LONGER_SECONDS), QUICK) as port,
        said(port, request("PUT", "/late", headers=headers)) as connection,
    ):
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"body")
        assert read_answer(connection).body == b"4"


def test_the_next_request_may_be_begun_before_the_answer() -> None:
    two = request("GET", "/late", headers=KEPT) + b"GET / HT"

    with limited_server(Application(late_seconds=LONGER_SECONDS), QUICK) as port, said(port, two) as connection:
        first = read_answer(connection)
        connection.sendall(request("GET", "/").removeprefix(b"GET / HT"))
        second = read_answer(connection)

    assert [first.status, second.status] == [200, 200]


def test_a_connection_may_be_idle_between_two_requests() -> None:
    with limited_server(Application(), QUICK) as port, said(port, request("GET", "/", headers=KEPT)) as connection:
        read_answer(connection)
        let_pass(LONGER_SECONDS)
        connection.sendall(request("GET", "/"))

        assert read_answer(connection).status == 200


@pytest.mark.needs("openssl")
def test_a_tls_handshake_that_does_not_end_is_broken_off(tmp_path: Path) -> None:
    certificate = a_certificate(tmp_path)
    tls = tls_context(certificate.file, certificate.key)

    with limited_server(Application(), QUICK, tls=tls) as port:
        with said(port, b"\x16\x03\x01") as connection:
            assert rest(connection) == b""
        with (
            said(port, b"") as plain,
            certificate.trusted().wrap_socket(plain, server_hostname="127.0.0.1") as encrypted,
        ):
            encrypted.sendall(b"GET / HT")
            assert read_answer(encrypted).status == 408
            with contextlib.suppress(ssl.SSLError):
                assert encrypted.recv(100) == b""


def test_the_rest_of_a_small_body_is_read_after_its_answer_and_the_connection_goes_on() -> None:
    announced = request("PUT", "/early", headers={**KEPT, "Content-Length": "90000"})

    with limited_server(Application(), PATIENT) as port, said(port, announced) as connection:
        assert read_answer(connection).status == 200
        connection.sendall(bytes(90_000) + request("PUT", "/", b"next"))

        assert read_answer(connection).body == b"4"


def test_the_rest_of_a_large_body_is_not_read_and_the_answer_is_there() -> None:
    announced = request("PUT", "/early", headers={**KEPT, "Content-Length": str(10**12)})
    sent = 0

    with limited_server(Application(), PATIENT) as port, said(port, announced) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while sent < ENOUGH_BYTES:
                sent += connection.send(bytes(100_000))
        answer = read_answer(connection)

    assert answer.status == 200
    assert sent < ENOUGH_BYTES


def test_a_new_connection_is_answered_where_idle_ones_have_taken_every_place() -> None:
    with limited_server(Application(), PATIENT, connections=5) as port, contextlib.ExitStack() as opened:
        known = opened.enter_context(said(port, request("GET", "/", headers=KEPT)))
        read_answer(known)
        silent = [opened.enter_context(said(port, b"")) for _ in range(20)]
        with said(port, request("GET", "/")) as new:
            assert read_answer(new).status == 200

        assert rest(silent[0]) == b""
        known.sendall(request("GET", "/"))
        assert read_answer(known).status == 200


def test_a_mistake_of_the_application_is_answered_with_the_headers_of_every_answer() -> None:
    with limited_server(Application(), PATIENT) as port, said(port, request("GET", "/broken")) as connection:
        answer = read_answer(connection)

    assert answer.status == 500
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
