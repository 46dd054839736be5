"""What is followed live goes on through a restart of the server: nothing is lost, nothing comes twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.fake_titan import FakeTitan, fake_titan
from tests.support.running_titan import running_titan
from tests.support.waiting import let_pass, wait_until
from titan_sdk import TitanClient, TitanJob, wait_for_signal
from titan_sdk.http import LASTING_SECONDS

TALKER = """
from titan_sdk import TitanClient, wait_for_signal
client = TitanClient()
print("before", flush=True)
client.store_put("talker:up", "1")
wait_for_signal(client, "talker:go")
print("after", flush=True)
"""


@pytest.mark.parametrize("how", ["kill", "terminate"])
def test_events_and_lines_survive_a_restart(tmp_path: Path, how: str) -> None:
    with running_titan(tmp_path / "home") as titan:
        client = TitanClient("127.0.0.1", titan.sdk_port, announce=lambda _: None)
        cursor = next(client.watch(after="of no journal"))["cursor"]
        lines: list[str] = []
        kinds: list[str] = []

        def watch() -> None:
            for event in client.watch(after=cursor):
                kinds.append(event["kind"])
                if event["kind"] == "DagEnded":
                    return

        followers = [
            threading.Thread(target=watch),
            threading.Thread(target=lambda: lines.extend(client.follow_logs("talker"))),
        ]
        client.submit_job(TitanJob("talker", "talker.py", script_content=TALKER))
        for follower in followers:
            follower.start()
        wait_for_signal(client, "talker:up", timeout=30)

        getattr(titan, how)()
        titan.start_again()
        client.store_put("talker:go", "1")
        for follower in followers:
            follower.join(60)

        whole = [event["kind"] for event in _events_until_end(client, cursor)]
        # The job's own client says on its log, once, that it waits for the server.
        # A server that is told to end gives its jobs back: this one begins again.
        first_attempt = ["before"] if how == "terminate" else []
        assert [line for line in lines if not line.startswith("[SDK]")] == [*first_attempt, "before", "after"]
        assert kinds == whole


def _wait_for_the_job(client: TitanClient, fake: FakeTitan) -> Callable[[], object]:
    accepted = client.submit_dag("nightly", [TitanJob("a", "job.py", script_content="")])
    return lambda: client.wait(accepted, timeout=60)


def _wait_for_a_signal(client: TitanClient, fake: FakeTitan) -> Callable[[], object]:
    return lambda: wait_for_signal(client, "done", timeout=60)


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (_wait_for_the_job, lambda fake: fake.finish("a", "COMPLETED")),
        (_wait_for_a_signal, lambda fake: fake.set_value("done", "1")),
    ],
)
def test_a_wait_survives_more_restarts_than_one_request_has_patience_for(
    begin: Callable[[TitanClient, FakeTitan], Callable[[], object]], end: Callable[[FakeTitan], None]
) -> None:
    with fake_titan() as fake:
        client = TitanClient("127.0.0.1", fake.port, retry_for_seconds=2, announce=lambda _: None)
        wait = begin(client, fake)
        failures: list[BaseException] = []

        def wait_or_fail() -> None:
            try:
                wait()
            except BaseException as failure:  # noqa: BLE001 (the thread that checks is another)
                failures.append(failure)

        seen = [len(fake.received)]  # requests, before each start of the server
        waiting = threading.Thread(target=wait_or_fail)
        waiting.start()
        for _ in range(4):
            wait_until(lambda: len(fake.received) > seen[-1] or bool(failures), "it polls")
            let_pass(LASTING_SECONDS + 0.1)  # the server has the poll all that time
            fake.stop()
            seen.append(len(fake.received))
            fake.start_again()
        end(fake)
        waiting.join(30)

    assert failures == []


def _events_until_end(client: TitanClient, cursor: str) -> list[dict[str, object]]:
    events: list[dict[str, object]] = []
    for event in client.watch(after=cursor):
        events.append({**event})
        if event["kind"] == "DagEnded":
            break
    return events
