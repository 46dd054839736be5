"""Sends many things by several threads, each over a connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Final, TypeVar

from benchmarks.titan_server import BenchmarkFailed

T = TypeVar("T", bytes, tuple[int, bytes])

PROTOBUF: Final = {"Content-Type": "application/x-protobuf"}


def send_each(items: Iterable[T], connected: Callable[[], Callable[[T], None]], *, senders: int) -> None:
    """Have `senders` threads send the items, each as soon as one is free; `connected` makes what a thread sends by.

    What sending one raises ends all, and is raised here.
    """
    waiting, door, is_over = iter(items), threading.Lock(), threading.Event()

    def work() -> None:
        send = connected()
        try:
            while not is_over.is_set():
                with door:
                    item = next(waiting, None)
                if item is None:
                    break
                send(item)
        finally:
            is_over.set()

    with ThreadPoolExecutor(senders) as pool:
        for sender in [pool.submit(work) for _ in range(senders)]:
            sender.result()


def post_spans(connection: HTTPConnection, body: bytes) -> None:
    """Post a request of OTLP.

    Raises:
        BenchmarkFailed: it was not acknowledged.
    """
    connection.request("POST", "/v1/traces", body, PROTOBUF)
    answer = connection.getresponse()
    said = answer.read()
    if answer.status != 200:
        raise BenchmarkFailed(f"POST /v1/traces: expected 200; found {answer.status} {said[:300]!r}")
