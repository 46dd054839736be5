"""Agents that submit jobs and wait for them, on as few slots as there are: all of them end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.postgres import a_database
from tests.support.running_titan import RunningTitan, running_titan
from titan_sdk import TitanClient, TitanJob

#: The program of an agent that finds its slots taken by others like itself.
AGENT = """
import time
from titan_sdk import TitanClient, TitanJob

time.sleep(0.5)
client = TitanClient()
child = client.submit_dag("child", [TitanJob("work", "work.py", script_content="print('done')")])
print("the child is", client.wait(child))
"""

#: Submits three jobs and waits for them; one of them does the same, a level deeper.
DEEPER = """
import sys
from titan_sdk import TitanClient, TitanJob

left = int(sys.argv[1])
if left:
    client = TitanClient()
    jobs = [TitanJob(f"leaf{n}", "leaf.py", script_content="") for n in (1, 2)]
    deeper = TitanJob("deeper", "deeper.py", script_content=open(sys.argv[0]).read(), args=[str(left - 1)])
    end = client.wait(client.submit_dag(f"level {left}", [deeper, *jobs]))
    assert end == "COMPLETED", end
"""
ENDS_WITHIN_SECONDS = 120  # four take 1 s, and 91 take 8 s


@contextmanager
def a_titan(folder: Path, on: str, offer: str) -> Iterator[RunningTitan]:
    """Give a Titan with these slots."""
    if on == "sqlite":
        with running_titan(folder / "home", offers=(offer,)) as titan:
            yield titan
    else:
        with a_database() as url, running_titan(folder / "home", offers=(offer,), store=url) as titan:
            yield titan


def a_client(titan: RunningTitan) -> TitanClient:
    return TitanClient("127.0.0.1", titan.sdk_port, announce=len)


@pytest.mark.parametrize("on", ["sqlite", "postgres"])
def test_four_agents_that_wait_for_their_jobs_end_on_four_slots(tmp_path: Path, on: str) -> None:
    with a_titan(tmp_path, on, "GENERAL:4") as titan, a_client(titan) as client:
        agents = [TitanJob(f"agent{n}", "agent.py", script_content=AGENT) for n in range(4)]
        accepted = [client.submit_dag(agent.id, [agent]) for agent in agents]

        ends = client.wait(accepted, timeout=ENDS_WITHIN_SECONDS)

        assert ends == dict.fromkeys((agent.id for agent in agents), "COMPLETED")
        assert all("the child is COMPLETED" in client.fetch_logs(agent) for agent in agents)


@pytest.mark.parametrize("on", ["sqlite", "postgres"])
def test_91_jobs_30_deep_end_on_one_slot(tmp_path: Path, on: str) -> None:
    with a_titan(tmp_path, on, "GENERAL:1") as titan, a_client(titan) as client:
        top = client.submit_dag("top", [TitanJob("top", "deeper.py", script_content=DEEPER, args=["30"])])

        end = client.wait(top, timeout=ENDS_WITHIN_SECONDS)

        assert end == "COMPLETED"
        assert len(client.jobs(status="COMPLETED", limit=200)) == 91
