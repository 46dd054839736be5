"""One connection: every shape an answer may have, however it is cut into packets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from titan_sdk.blocking_io import BlockingIo
from titan_sdk.faces import run
from titan_sdk.http1 import BrokenAnswer, Connection, Response

HEAD = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


@contextmanager
def connection_answered(*pieces: bytes) -> Iterator[Connection]:
    """Yield a connection whose other side sends `pieces` after the first request, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            accepted, _ = listener.accept()
            with accepted:
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                accepted.recv(65_536)
                for piece in pieces:
                    accepted.sendall(piece)

        server = threading.Thread(target=answer)
        server.start()
        connection = connected_to(listener)
        try:
            yield connection
        finally:
            connection.close()
            server.join()


def ask(connection: Connection) -> Response:
    return run(connection.exchange(HEAD, b"", timeout_seconds=5))


def connected_to(listener: socket.socket) -> Connection:
    host, port = listener.getsockname()
    return Connection(run(BlockingIo().connect(host, port, timeout_seconds=5)))


def test_a_body_of_known_length_is_read_to_its_end_and_no_further() -> None:
    with connection_answered(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello") as connection:
        response = ask(connection)

        assert (response.status, response.body, connection.is_reusable) == (200, b"hello", True)
        assert response.headers == {"content-length": "5", "x-a": "b"}


def test_two_answers_that_arrive_together_stay_two() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"
    with connection_answered(answer + b"1" + answer + b"2") as connection:
        bodies = [ask(connection).body, ask(connection).body]

        assert bodies == [b"1", b"2"]


def test_a_chunked_body_is_put_together_without_extensions_and_trailers() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connection_answered(head, b"5;x=y\r\nhello\r\n", b"1\r\n!\r\n0\r\nT: v\r\n\r\n") as connection:
        response = ask(connection)

        assert (response.body, connection.is_reusable) == (b"hello!", True)


def test_a_body_of_unknown_length_ends_with_the_connection() -> None:
    with connection_answered(b"HTTP/1.1 200 OK\r\n\r\nall ", b"of it") as connection:
        response = ask(connection)

        assert (response.body, connection.is_reusable) == (b"all of it", False)


def test_an_answer_without_a_body_needs_no_length() -> None:
    with connection_answered(b"HTTP/1.1 204 No Content\r\n\r\n") as connection:
        response = ask(connection)

        assert (response.status, response.body, connection.is_reusable) == (204, b"", True)


def test_interim_answers_are_passed_over() -> None:
    with connection_answered(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n"
    ) as connection:
        assert ask(connection).status == 201


def test_a_connection_that_the_server_closes_is_not_used_again() -> None:
    with connection_answered(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n") as connection:
        ask(connection)

        assert not connection.is_reusable


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"])
def test_an_answer_that_breaks_off_is_a_broken_connection(answer: bytes) -> None:
    with connection_answered(answer) as connection, pytest.raises(ConnectionResetError):
        ask(connection)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\ntoo long\r\n",
        b"x" * 100_000,
    ],
)
def test_what_is_not_http_is_told_from_a_broken_connection(answer: bytes) -> None:
    with connection_answered(answer) as connection, pytest.raises(BrokenAnswer):
        ask(connection)


def test_a_server_that_says_nothing_is_a_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = connected_to(listener)

        with pytest.raises(TimeoutError):
            run(connection.exchange(HEAD, b"", timeout_seconds=0.01))
        connection.close()


@given(body=st.binary(max_size=300), cuts=st.lists(st.integers(1, 400), max_size=5), is_chunked=st.booleans())
def test_any_body_arrives_whole_however_it_is_cut(body: bytes, cuts: list[int], is_chunked: bool) -> None:
    if is_chunked:
        chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\n\r\n"
    else:
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    edges = [0, *sorted(cuts), len(answer)]
    pieces = [answer[start:end] for start, end in pairwise(edges)]

    with connection_answered(*pieces) as connection:
        response = ask(connection)

    assert response.body == body
