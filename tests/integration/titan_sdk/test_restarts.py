"""What is followed live goes on through a restart of the server: nothing is lost, nothing comes twice."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.support.running_titan import running_titan
from titan_sdk import TitanClient, TitanJob, wait_for_signal

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
        assert [line for line in lines if not line.startswith("[SDK]")] == ["before", "after"]
        assert kinds == whole


def _events_until_end(client: TitanClient, cursor: str) -> list[dict[str, object]]:
    events: list[dict[str, object]] = []
    for event in client.watch(after=cursor):
        events.append({**event})
        if event["kind"] == "DagEnded":
            break
    return events
