"""Agents that submit jobs and wait for them, on as few slots as there are: all of them end."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.command_line import PROGRAM
from tests.support.postgres import a_database
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.waiting import wait_until
from titan_sdk import TitanClient, TitanGate, TitanJob
from titan_sdk.wire import Job

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


# --- which waits park ---

#: Waits for a key in one of several ways, and says in which of them it was parked.
WAITER = """
import asyncio, subprocess, sys, threading
from titan_sdk import AsyncTitanClient, TitanClient, wait_for_signal, wait_for_signals

def plain(**how):
    wait_for_signal(TitanClient(announce=len), "go", timeout=60, **how)

def beside(wait):
    stop = threading.Event()
    threading.Thread(target=stop.wait).start()
    wait()
    stop.set()

def in_a_thread(wait):
    thread = threading.Thread(target=wait)
    thread.start()
    thread.join()

async def asynchronous(**how):
    async with AsyncTitanClient(announce=len) as client:
        await wait_for_signals(client, ["go"], 60, **how)

if sys.argv[1] == "recording":
    import titan_sdk
    with titan_sdk.run("RECORDED"), titan_sdk.action("step"):
        titan_sdk.flush()
        plain()
elif sys.argv[1] == "child":
    subprocess.run([sys.executable, sys.argv[0], "plain"], check=True)
else:
    {
        "plain": plain,
        "asked not to": lambda: plain(park=False),
        "beside a thread": lambda: beside(plain),
        "in a thread": lambda: in_a_thread(plain),
        "asyncio": lambda: asyncio.run(asynchronous()),
        "asyncio that asks": lambda: asyncio.run(asynchronous(park=True)),
        "gate": lambda: TitanClient(announce=len).wait("ship"),
    }[sys.argv[1]]()
"""
PARKS = ["plain", "recording", "asyncio that asks", "gate"]
KEEPS = ["asked not to", "beside a thread", "in a thread", "asyncio", "child"]


def test_a_plain_wait_of_the_only_thread_parks_and_an_asynchronous_one_that_asks(tmp_path: Path) -> None:
    with a_titan(tmp_path, "sqlite", "GENERAL:9") as titan, a_client(titan) as client:
        client.submit_dag("approval", [TitanGate("ship", "Go?", max_wait_seconds=60)])
        jobs = [TitanJob(f"{n}", "w.py", script_content=WAITER, args=[how]) for n, how in enumerate([*PARKS, *KEEPS])]
        accepted = client.submit_dag("waiters", jobs)

        def known() -> dict[str, Job]:
            return {job["args"][0]: job for job in client.jobs(dag=accepted) if "wait" in (job["reason"] or "")}

        wait_until(lambda: len(known()) == len(jobs), "all wait", seconds=60)
        reasons = {how: job["reason"] for how, job in known().items()}
        parked = {how for how, job in known().items() if job["parked_at"]}
        [worker] = client.transport.request_json("GET", "/api/workers")["workers"]
        client.approve("ship")
        client.store_put("go", "now")
        ends = client.wait(accepted, timeout=ENDS_WITHIN_SECONDS)

        assert parked == set(PARKS)
        assert (worker["busy"], worker["parked"]) == ({"GENERAL": len(KEEPS)}, {"GENERAL": len(PARKS)})
        assert reasons["gate"] == "waits for gate 'ship'; its slot is free meanwhile"
        assert reasons["child"] == (
            "waits for key 'go'; it keeps its slot: a process that the job started waits, not the job's own"
        )
        assert ends == "COMPLETED"
        assert client.get_job("0")["attempts"][0]["parked_ns"] > 0


# --- what becomes of waits that end otherwise ---

TIMES_OUT = """
import time
from titan_sdk import TitanClient, TitanJob
from titan_sdk.errors import WaitTimeout

client = TitanClient(announce=len)
child = client.submit_dag("long", [TitanJob("long", "long.py", script_content="import time; time.sleep(3)")])
try:
    client.wait(child, timeout=0.5)
except WaitTimeout:
    print("in time:", client.get_job("agent")["parked_at"], client.get_job("agent")["reason"])
"""
FOR_ITSELF = """
from titan_sdk import TitanClient
from titan_sdk.errors import Deadlock

try:
    TitanClient(announce=len).wait("agent")
except Deadlock as refused:
    print(refused)
"""


def test_a_wait_that_times_out_has_its_slot_again_before_the_program_goes_on(tmp_path: Path) -> None:
    with a_titan(tmp_path, "sqlite", "GENERAL:1") as titan, a_client(titan) as client:
        accepted = client.submit_dag("agent", [TitanJob("agent", "agent.py", script_content=TIMES_OUT)])

        assert client.wait(accepted, timeout=ENDS_WITHIN_SECONDS) == "COMPLETED"
        assert client.fetch_logs("agent") == "in time: None None\n"


def test_a_job_that_waits_for_itself_is_told_so(tmp_path: Path) -> None:
    with a_titan(tmp_path, "sqlite", "GENERAL:1") as titan, a_client(titan) as client:
        accepted = client.submit_dag("agent", [TitanJob("agent", "agent.py", script_content=FOR_ITSELF)])

        assert client.wait(accepted, timeout=ENDS_WITHIN_SECONDS) == "COMPLETED"
        assert client.fetch_logs("agent").startswith("job 'agent': expected a wait for job 'agent' that can end")


# --- where it is seen, and other servers ---

FOR_A_KEY = """
import os
from titan_sdk import TitanClient, wait_for_signal

wait_for_signal(TitanClient(port=int(os.environ.get("ELSEWHERE") or 0) or None, announce=len), "go", timeout=100)
"""


def test_the_command_line_shows_what_a_job_waits_for_and_the_parked_beside_the_busy(tmp_path: Path) -> None:
    def said(titan: RunningTitan, *words: str) -> str:
        environment = {**os.environ, **titan.environment, "TITAN_HOME": str(titan.home), "COLUMNS": "200"}
        return subprocess.run(
            [*PROGRAM, *words], env=environment, capture_output=True, text=True, check=True, timeout=100
        ).stdout

    with a_titan(tmp_path, "sqlite", "GENERAL:1") as titan, a_client(titan) as client:
        agent = client.submit_dag("agent", [TitanJob("agent", "agent.py", script_content=FOR_A_KEY)])
        wait_until(lambda: bool(client.get_job("agent")["parked_at"]), "it is parked", seconds=60)
        while_it_waits = said(titan, "jobs", "show", "agent"), said(titan, "workers")
        client.store_put("go", "now")
        client.wait(agent, timeout=ENDS_WITHIN_SECONDS)
        after, story = said(titan, "jobs", "show", "agent"), said(titan, "jobs", "show", "agent", "--history")

    assert "waits for key 'go'; its slot is free meanwhile" in while_it_waits[0]
    assert "GENERAL 0/1 + 1 parked" in while_it_waits[1]
    assert "PARKED" in after
    assert "gave its slot back: its program waits for key 'go'" in story
    assert "goes on: what it waited for is there" in story


def test_a_wait_at_another_server_of_the_database_frees_the_slot_too(tmp_path: Path) -> None:
    with a_database() as url, ExitStack() as stack:
        shared = tmp_path / "shared"
        first = stack.enter_context(running_titan(tmp_path / "a", offers=("GENERAL:1",), store=url, shared=shared))
        second = stack.enter_context(running_titan(tmp_path / "b", offers=(), store=url, shared=shared))
        client = stack.enter_context(a_client(first))
        env = {"ELSEWHERE": str(second.sdk_port)}
        agent = client.submit_dag("agent", [TitanJob("agent", "agent.py", script_content=FOR_A_KEY, env=env)])
        wait_until(lambda: client.get_job_status("agent") == "RUNNING", "it runs", seconds=60)

        other = client.submit_dag("other", [TitanJob("other", "other.py", script_content="print(1)")])
        assert client.wait(other, timeout=ENDS_WITHIN_SECONDS) == "COMPLETED", "its slot was free"
        client.store_put("go", "now")

        assert client.wait(agent, timeout=ENDS_WITHIN_SECONDS) == "COMPLETED"
