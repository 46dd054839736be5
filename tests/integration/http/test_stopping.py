"""A server that is told to stop stops, whoever still waits for something."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.event_stream import events
from tests.support.raw_http import ask_json, read_answer, request, said
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.submissions import WireWorker, a_dag_body, submit

STOPS_WITHIN_SECONDS = 3.0
WAITING_EACH = 5


@pytest.fixture
def ending(tmp_path: Path) -> Iterator[RunningTitan]:
    """A server of its own, which the test ends."""
    with running_titan(tmp_path / "home", offers=()) as running:
        yield running


def test_a_terminated_server_ends_within_three_seconds_though_many_wait(ending: RunningTitan) -> None:
    port = ending.sdk_port
    dag_id = submit(port, a_dag_body())
    workers = [WireWorker(port) for _ in range(WAITING_EACH)]
    targets = [f"/api/dags/{dag_id}?wait_seconds=25", f"/api/jobs/{dag_id}.00000?wait_seconds=25"]
    questions: list[tuple[str, str, object]] = []
    questions += [("GET", target, None) for target in targets] * WAITING_EACH
    questions += [("POST", "/api/store/wait", {"keys": ["never"]})] * WAITING_EACH
    questions += [("POST", f"{worker.path}/claim", {"wait_seconds": 25}) for worker in workers]
    questions += [("GET", f"/api/jobs/{dag_id}.00000/log?follow=true", None)] * WAITING_EACH

    with ThreadPoolExecutor(len(questions)) as clients, events(port, "?after=unknown") as stream:
        stream.take(1)
        asked = [clients.submit(ask_json, port, *question) for question in questions]
        # One more question, of half a second: when it is answered, those before it have long arrived.
        ask_json(port, "POST", "/api/store/wait", {"keys": ["never"], "timeout_seconds": 0.5})
        told_at = time.monotonic()
        ending.terminate()
        took_seconds = time.monotonic() - told_at
        rest = list(stream)
        answers = [question.result() for question in asked]

    assert took_seconds < STOPS_WITHIN_SECONDS
    assert [answer.status for answer in answers] == [200] * len(questions)
    assert "resync" not in [event.kind for event in rest]


def test_a_stalled_upload_does_not_hold_the_server_for_long(ending: RunningTitan) -> None:
    half = request("PUT", "/api/files/half.bin", b"half", {"Content-Length": "1000"})

    with said(ending.sdk_port, half):
        ask_json(ending.sdk_port, "GET", "/api/health")
        ending.terminate()

    assert [path for path in (ending.home / "blobs").rglob("*") if path.is_file()] == []


def test_a_connection_that_is_open_but_idle_does_not_hold_the_server(ending: RunningTitan) -> None:
    with said(ending.sdk_port, request("GET", "/api/health", headers={"Connection": "keep-alive"})) as idle:
        read_answer(idle)
        told_at = time.monotonic()
        ending.terminate()

    assert time.monotonic() - told_at < STOPS_WITHIN_SECONDS


def test_a_dag_submitted_before_the_stop_exists_after_a_restart(ending: RunningTitan) -> None:
    dag_id = submit(ending.sdk_port, a_dag_body())
    ending.terminate()

    ending.start_again()

    assert ask_json(ending.sdk_port, "GET", f"/api/dags/{dag_id}").value["dag_id"] == dag_id
