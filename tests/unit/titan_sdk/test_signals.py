"""Waiting for signals: woken by the store, told of each, and never for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from tests.support.fake_titan import FakeTitan, fake_titan
from titan_sdk import TitanClient, TitanJob, wait_for_signal, wait_for_signals
from titan_sdk.errors import SignalLost, UnknownJob, WaitTimeout


@pytest.fixture
def fake() -> Iterator[FakeTitan]:
    with fake_titan() as running:
        yield running


@pytest.fixture
def client(fake: FakeTitan) -> TitanClient:
    return TitanClient("127.0.0.1", fake.port, retry_for_seconds=2, announce=lambda _: None)


def a_job(job_id: str) -> TitanJob:
    return TitanJob(job_id, "job.py", script_content="")


def soon(act: Callable[[], None]) -> threading.Timer:
    timer = threading.Timer(0.05, act)
    timer.start()
    return timer


def test_a_key_that_is_there_is_answered_at_once(client: TitanClient, fake: FakeTitan) -> None:
    fake.set_value("done", "1")

    wait_for_signal(client, "done", timeout=0)

    assert len(fake.received) == 1


def test_a_key_that_is_set_later_wakes_the_wait(client: TitanClient, fake: FakeTitan) -> None:
    client.submit_job(a_job("planner"))
    setting = soon(lambda: fake.set_value("done", "1"))

    wait_for_signal(client, "done", timeout=10, job="planner")

    setting.join()
    assert [request.path for request in fake.received[2:]] == ["/api/store/wait"]


def test_each_signal_is_reported_when_it_arrives(client: TitanClient, fake: FakeTitan) -> None:
    client.submit_dag("iter", [a_job("r0"), a_job("r1")])
    fake.set_value("r1:done", "1")
    setting = soon(lambda: fake.set_value("r0:done", "1"))
    told: list[str] = []

    wait_for_signals(client, ["r0:done", "r1:done", "r0:done"], timeout=10, on_signal=told.append)

    setting.join()
    assert told == ["r1:done", "r0:done"]


def test_no_signals_are_no_wait(client: TitanClient, fake: FakeTitan) -> None:
    wait_for_signals(client, [])

    assert fake.received == []


def test_a_job_that_ends_without_its_signal_ends_the_wait(client: TitanClient, fake: FakeTitan) -> None:
    client.submit_dag("plan", [a_job("planner"), a_job("other")])
    finishing = soon(lambda: fake.finish("planner", "FAILED"))

    with pytest.raises(SignalLost, match="'done'"):
        wait_for_signal(client, "done", job="planner")

    finishing.join()


def test_without_a_named_job_all_own_jobs_of_the_run_must_have_ended(client: TitanClient, fake: FakeTitan) -> None:
    client.submit_dag("other run", [a_job("x")])
    for stage in ("plan", "iter"):
        client.submit_dag(stage, [a_job(stage)])
    fake.finish("x", "COMPLETED")
    fake.finish("plan", "COMPLETED")

    with pytest.raises(WaitTimeout):
        wait_for_signal(client, "done", timeout=0.01)
    fake.finish("iter", "COMPLETED")
    with pytest.raises(SignalLost, match="have ended"):
        wait_for_signal(client, "done", timeout=5)


def test_a_signal_set_with_the_jobs_last_breath_is_not_lost(client: TitanClient, fake: FakeTitan) -> None:
    client.submit_job(a_job("planner"))

    def set_and_end() -> None:
        fake.finish("planner", "COMPLETED")
        fake.set_value("done", "1")

    ending = soon(set_and_end)

    wait_for_signal(client, "done", timeout=10)

    ending.join()


def test_a_client_that_submitted_nothing_waits_until_its_time_is_over(client: TitanClient) -> None:
    with pytest.raises(WaitTimeout, match="'done'"):
        wait_for_signal(client, "done", timeout=0.02)


def test_a_job_nobody_knows_is_an_error(client: TitanClient) -> None:
    with pytest.raises(UnknownJob):
        wait_for_signal(client, "done", job="nobody")
