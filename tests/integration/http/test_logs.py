"""The output of a job: from anywhere, of any length, of one attempt or all, and as it comes."""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterator

import pytest

from tests.support.raw_http import a_key, ask, ask_json, read_answer, request, said
from tests.support.running_titan import running_titan
from tests.support.submissions import WireWorker, a_dag_body, a_job_body, submit


def a_job_with_two_attempts(port: int) -> str:
    """Return a job that printed `first` in the attempt that failed, then `second`."""
    worker = WireWorker(port)
    submit(port, a_dag_body([a_job_body(requirement=worker.label, retries=1)]))
    for text, outcome in (("Zmlyc3Q=", "failed"), ("c2Vjb25k", "succeeded")):
        (assignment,) = ask_json(port, "POST", f"{worker.path}/claim", {"wait_seconds": 10}).value["assignments"]
        worker.report(assignment["lease_id"], outcome=outcome, log_tail=text)
    job_id: str = assignment["job_id"]
    return job_id


@pytest.mark.parametrize(
    ("query", "output"),
    [
        ("", b"firstsecond"),
        ("?offset=3", b"stsecond"),
        ("?offset=5", b"second"),
        ("?offset=11", b""),
        (f"?offset={2**63 - 1}", b""),
        ("?limit_bytes=4", b"firs"),
        ("?offset=3&limit_bytes=4", b"stse"),
        (f"?limit_bytes={10**15}", b"firstsecond"),
        ("?attempt=1", b"first"),
        ("?attempt=2", b"second"),
        ("?attempt=2&offset=2&limit_bytes=2", b"co"),
        ("?attempt=3", b""),
        ("?follow=true", b"firstsecond"),
        ("?follow=true&offset=9", b"nd"),
    ],
)
def test_any_part_of_the_output_of_all_attempts_can_be_read(port: int, query: str, output: bytes) -> None:
    job_id = a_job_with_two_attempts(port)

    answer = ask(port, "GET", f"/api/jobs/{job_id}/log{query}")

    assert (answer.status, answer.body) == (200, output)


def test_the_size_of_the_whole_output_is_in_a_header(port: int) -> None:
    job_id = a_job_with_two_attempts(port)

    assert ask(port, "GET", f"/api/jobs/{job_id}/log?limit_bytes=1").headers["titan-log-size"] == "11"


def test_an_attempt_that_is_followed_ends_with_itself_while_its_job_goes_on(port: int) -> None:
    worker = WireWorker(port)
    submit(port, a_dag_body([a_job_body(requirement=worker.label, retries=1)]))
    (assignment,) = ask_json(port, "POST", f"{worker.path}/claim", {"wait_seconds": 10}).value["assignments"]
    path = f"/api/jobs/{assignment['job_id']}/log?follow=true&attempt=1"

    with said(port, request("GET", path)) as following:
        worker.report(assignment["lease_id"], outcome="failed", log_tail="Zmlyc3Q=")
        answer = read_answer(following)

    assert answer.body == b"first"
    assert not ask(port, "GET", f"/api/jobs/{assignment['job_id']}").value["ended_at"]


@pytest.mark.parametrize("query", ["offset=-1", "limit_bytes=0", "attempt=0", "follow=perhaps"])
def test_a_range_that_is_none_is_refused(port: int, query: str) -> None:
    dag_id = submit(port, a_dag_body())

    answer = ask(port, "GET", f"/api/jobs/{dag_id}.00000/log?{query}")

    assert answer.refusal == (400, "InvalidInput")


def test_who_follows_gets_output_as_it_comes_and_an_end_when_the_job_ends(port: int) -> None:
    worker = WireWorker(port)
    job_id, lease_id = worker.a_running_job()

    with said(port, request("GET", f"/api/jobs/{job_id}/log?follow=true")) as following:
        worker.print_of(lease_id, b"one\n", offset=0)
        seen = received_until(following, b"one\n")
        worker.print_of(lease_id, b"two\n", offset=4)
        seen += received_until(following, b"two\n")
        worker.report(lease_id, log_offset=8, log_tail="dGhyZWUK")
        seen += received_until(following, b"0\r\n\r\n")

    assert seen.index(b"one\n") < seen.index(b"two\n") < seen.index(b"three\n")


def test_who_follows_with_a_limit_gets_no_more(port: int) -> None:
    job_id = a_job_with_two_attempts(port)

    answer = ask(port, "GET", f"/api/jobs/{job_id}/log?follow=true&limit_bytes=7")

    assert answer.body == b"firstse"


def test_who_follows_a_running_job_with_a_limit_need_not_wait_for_its_end(port: int) -> None:
    worker = WireWorker(port)
    job_id, lease_id = worker.a_running_job()
    worker.print_of(lease_id, b"one\ntwo\n", offset=0)

    answer = ask(port, "GET", f"/api/jobs/{job_id}/log?follow=true&limit_bytes=4")

    assert answer.body == b"one\n"
    worker.report(lease_id)


def test_a_follower_who_leaves_leaves_the_server_as_it_was(port: int) -> None:
    worker = WireWorker(port)
    job_id, lease_id = worker.a_running_job()
    with said(port, request("GET", f"/api/jobs/{job_id}/log?follow=true")) as following:
        worker.print_of(lease_id, b"one\n", offset=0)
        received_until(following, b"one\n")

    worker.report(lease_id)

    assert ask(port, "GET", f"/api/jobs/{job_id}/log").body == b"one\n"


def test_a_cancelled_job_ends_its_followers(port: int) -> None:
    dag_id = submit(port, a_dag_body())

    with said(port, request("GET", f"/api/jobs/{dag_id}.00000/log?follow=true")) as following:
        ask(port, "POST", f"/api/dags/{dag_id}/cancel", headers=a_key())
        answer = read_answer(following)

    assert answer.body == b""


def received_until(connection: socket.socket, end: bytes) -> bytes:
    """Read until `end` was received, and return all of it."""
    seen = b""
    while end not in seen:
        part = connection.recv(65536)
        assert part, f"the connection ended after {seen!r}"
        seen += part
    return seen


CUT_AT = 1000
CUT_LINE = b"\n[titan] output cut here: more than 0.001 MB; TITAN_MAX_LOG_BYTES sets the limit\n"


@pytest.fixture(scope="module")
def frugal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a server that keeps 1,000 bytes of an attempt's output."""
    settings = {"TITAN_MAX_LOG_BYTES": str(CUT_AT)}
    with running_titan(tmp_path_factory.mktemp("frugal") / "home", offers=(), environment=settings) as running:
        yield running.sdk_port


def test_a_worker_receives_the_limit_of_an_output(frugal: int) -> None:
    worker = WireWorker(frugal)
    submit(frugal, a_dag_body([a_job_body(requirement=worker.label)]))

    (assignment,) = worker.claim(wait_seconds=10)

    assert assignment["max_log_bytes"] == CUT_AT


def test_output_over_the_limit_is_discarded_and_the_log_says_so(frugal: int) -> None:
    worker = WireWorker(frugal)
    job_id, lease_id = worker.a_running_job()

    sizes = [
        worker.print_of(lease_id, b"x" * length, offset=offset).value["size_bytes"]
        for offset, length in ((0, 900), (900, 900), (1800, 200_000), (201_800, 5), (0, 900))
    ]
    tail = base64.b64encode(b"y" * 500).decode()
    reported = worker.report(lease_id, log_offset=201_805, log_tail=tail)

    log = ask(frugal, "GET", f"/api/jobs/{job_id}/log").body
    assert log == b"x" * CUT_AT + CUT_LINE
    assert sizes == [900, 1800, 201_800, 201_805, len(log)]
    assert reported.value == {"accepted": [lease_id], "stale": [], "assignments": [], "gaps": {}}


def test_a_report_alone_brings_no_more_than_the_limit(frugal: int) -> None:
    worker = WireWorker(frugal)
    job_id, lease_id = worker.a_running_job()

    worker.report(lease_id, log_tail=base64.b64encode(b"y" * 5000).decode())

    assert ask(frugal, "GET", f"/api/jobs/{job_id}/log").body == b"y" * CUT_AT + CUT_LINE
