"""A client notices nothing of a server that is killed and started again, but the time it takes."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.support.running_titan import running_titan
from titan_sdk import TitanClient, TitanJob

MEMBERS = [f"member {number}" for number in range(300)]
KILLS = 3


def test_every_change_happens_once_although_the_server_is_killed(tmp_path: Path) -> None:
    added: list[int] = []
    progress = threading.Semaphore(0)

    def add_all(client: TitanClient) -> None:
        for member in MEMBERS:
            added.append(client.store_sadd("set", member))
            progress.release()

    with running_titan(tmp_path / "home", offers=("GENERAL:1",)) as titan:
        client = TitanClient("127.0.0.1", titan.sdk_port)
        adding = threading.Thread(target=add_all, args=(client,))
        adding.start()
        for _ in range(KILLS):
            for _ in range(len(MEMBERS) // (KILLS + 1)):
                progress.acquire(timeout=60)
            titan.kill()
            titan.start_again()
        adding.join()
        members = client.store_smembers("set")

    assert added == [1] * len(MEMBERS)
    assert members == MEMBERS


def test_a_dag_that_is_submitted_while_the_server_is_away_is_submitted_once(tmp_path: Path) -> None:
    with running_titan(tmp_path / "home", offers=("GENERAL:2",)) as titan:
        client = TitanClient("127.0.0.1", titan.sdk_port, announce=lambda _: None)
        titan.kill()
        back = threading.Timer(0.3, titan.start_again)
        back.start()

        accepted = client.submit_dag("late", [TitanJob("job", "job.py", script_content="print('ran')")])
        status = client.wait(accepted, timeout=60)

        back.join()
        dags = client.transport.request_json("GET", "/api/dags", query={"name": "late"})["dags"]
        log = client.fetch_logs("job")

    assert (status, log, len(dags)) == ("COMPLETED", "ran\n", 1)
