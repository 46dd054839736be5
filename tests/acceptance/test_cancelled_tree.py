"""A cancel takes the jobs that jobs have submitted, by whatever client; a killed server does not revive them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.running_titan import running_titan
from tests.support.waiting import wait_until
from titan_sdk import TitanClient, TitanJob

LEAF = "import time; time.sleep(600)"
ROOT = f"""
import asyncio, time
from titan_sdk import AsyncTitanClient, TitanClient, TitanJob

LEAF = {LEAF!r}
MIDDLE = "from titan_sdk import TitanClient, TitanJob; import time; " \\
    "TitanClient().submit_dag('deep', [TitanJob('deep', 'leaf.py', script_content=" + repr(LEAF) + ")]); " \\
    "time.sleep(600)"

TitanClient().submit_dag("sync", [TitanJob("sync", "middle.py", script_content=MIDDLE)])


async def submit():
    async with AsyncTitanClient() as client:
        await client.submit_dag("async", [TitanJob("async", "leaf.py", script_content=LEAF)])


asyncio.run(submit())
time.sleep(600)
"""
TREE = ("root", "sync", "deep", "async")


@pytest.mark.parametrize("how", ["job", "dag"])
def test_a_cancelled_tree_ends_and_stays_ended_when_the_server_is_killed(how: str, tmp_path: Path) -> None:
    with running_titan(tmp_path / "home", offers=("GENERAL:8",)) as titan:
        client = TitanClient("127.0.0.1", titan.sdk_port, announce=lambda _: None)
        client.submit_dag("tree", [TitanJob("root", "root.py", script_content=ROOT)])
        client.submit_dag("stranger", [TitanJob("stranger", "leaf.py", script_content=LEAF)])

        def statuses() -> dict[str, str]:
            return {name: client.get_job_status(name) for name in (*TREE, "stranger")}

        wait_until(lambda: set(statuses().values()) == {"RUNNING"}, f"all run: {json.dumps(statuses())}")
        if how == "job":
            client.transport.request_json("POST", "/api/jobs/root/cancel")
        else:
            client.transport.request_json("POST", "/api/dags/tree/cancel")
        titan.kill()
        titan.start_again()
        wait_until(lambda: all(statuses()[name] == "CANCELLED" for name in TREE), "the tree is cancelled")

        assert statuses()["stranger"] == "RUNNING"
        client.transport.request_json("POST", "/api/jobs/stranger/cancel")
