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

from titan_sdk.http import BrokenAnswer, Request, Response, run
from titan_sdk.http.address import Address
from titan_sdk.http.blocking_client import BlockingHttp


class Connections(BlockingHttp):
    """Counts the connections that are opened."""

    opened = 0

    def _connect_by_tcp(self, timeout_seconds: float) -> socket.socket:
        self.opened += 1
        return super()._connect_by_tcp(timeout_seconds)


@contextmanager
def answered(*pieces: bytes) -> Iterator[Connections]:
    """Yield the way to a server that sends `pieces` after the first request of each connection, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            while True:
                try:
                    accepted, _ = listener.accept()
                except OSError:
                    return
                with accepted:
                    accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    accepted.recv(65_536)
                    for piece in pieces:
                        accepted.sendall(piece)

        server = threading.Thread(target=answer)
        server.start()
        http = Connections(Address("127.0.0.1", listener.getsockname()[1]))
        try:
            yield http
        finally:
            http.close()
            listener.shutdown(socket.SHUT_RDWR)
            server.join()


def ask(http: BlockingHttp, *, in_pieces: bool = False) -> Response:
    async def exchange() -> Response:
        answer = await http.open(Request("GET", "/", {"Host": "here"}, b""), timeout_seconds=5)
        try:
            if not in_pieces:
                return Response(answer.status, answer.headers, await answer.read())
            pieces = []
            while piece := await answer.piece():
                pieces.append(piece)
            return Response(answer.status, answer.headers, b"".join(pieces))
        finally:
            await answer.close()

    return run(exchange())


@pytest.mark.parametrize("in_pieces", [False, True])
def test_a_body_of_known_length_is_read_to_its_end_and_the_connection_kept(in_pieces: bool) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello"
    with answered(answer, answer) as http:
        responses = [ask(http, in_pieces=in_pieces), ask(http, in_pieces=in_pieces)]

        assert [(response.status, response.body) for response in responses[:1]] == [(200, b"hello")]
        assert responses[0].headers == {"content-length": "5", "x-a": "b"}


@pytest.mark.parametrize("in_pieces", [False, True])
def test_a_chunked_body_is_put_together_without_extensions_and_trailers(in_pieces: bool) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with answered(head, b"5;x=y\r\nhello\r\n", b"1\r\n!\r\n0\r\nT: v\r\n\r\n") as http:
        assert ask(http, in_pieces=in_pieces).body == b"hello!"


def test_a_body_of_unknown_length_ends_with_the_connection() -> None:
    with answered(b"HTTP/1.1 200 OK\r\n\r\nall ", b"of it") as http:
        assert ask(http).body == b"all of it"


def test_an_answer_without_a_body_needs_no_length() -> None:
    with answered(b"HTTP/1.1 204 No Content\r\n\r\n") as http:
        response = ask(http)

        assert (response.status, response.body) == (204, b"")


def test_an_interim_answer_is_passed_over() -> None:
    with answered(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n") as http:
        assert ask(http).status == 201


def test_a_connection_that_the_server_closed_meanwhile_is_replaced_unnoticed() -> None:
    with answered(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") as http:
        assert [ask(http).body, ask(http).body] == [b"ok", b"ok"]
        assert http.opened == 2


def test_a_connection_that_the_server_will_close_is_not_kept() -> None:
    with answered(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n") as http:
        ask(http)

        assert http._kept_connection() is None


@pytest.mark.parametrize("in_pieces", [False, True])
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"])
def test_an_answer_that_breaks_off_is_a_broken_connection(answer: bytes, in_pieces: bool) -> None:
    with answered(answer) as http, pytest.raises(ConnectionResetError):
        ask(http, in_pieces=in_pieces)


def test_an_answer_that_breaks_off_in_its_head_is_a_broken_connection() -> None:
    with answered(b"HTTP/1.1 200 OK\r\n") as http, pytest.raises(ConnectionResetError):
        ask(http)


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"HTTP/1.1 two hundred\r\n\r\n", b"x" * 100_000])
def test_an_answer_that_is_not_http_is_distinguished_from_a_broken_connection(answer: bytes) -> None:
    with answered(answer) as http, pytest.raises(BrokenAnswer):
        ask(http)


def test_a_server_that_says_nothing_is_a_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        http = BlockingHttp(Address("127.0.0.1", listener.getsockname()[1]))

        with pytest.raises(TimeoutError):
            run(http.open(Request("GET", "/", {}, b""), timeout_seconds=0.01))


@given(body=st.binary(max_size=300), cuts=st.lists(st.integers(1, 400), max_size=5), is_chunked=st.booleans())
def test_any_body_arrives_whole_however_it_is_cut(body: bytes, cuts: list[int], is_chunked: bool) -> None:
    if is_chunked:
        chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\n\r\n"
    else:
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    edges = [0, *sorted(cuts), len(answer)]
    pieces = [answer[start:end] for start, end in pairwise(edges)]

    with answered(*pieces) as http:
        bodies = [ask(http).body, ask(http, in_pieces=True).body]

    assert bodies == [body, body]
