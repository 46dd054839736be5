"""Recording in processes that `multiprocessing` starts: whose run their calls are, and that these end as they did."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.titan_sdk.test_recording import HEAD, Programs, names, run_ends
from tests.support.fake_titan import FakeTitan, fake_titan

START_METHODS = ["fork", "spawn", "forkserver"]
WORK = (
    HEAD
    + """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from threading import Thread

@action
def work(number): return number

@action
def linger(ready):
    ready.set()
    signal.pause()

def nested(number):
    with titan_sdk.run('B', f'B_{number}'):
        work(number)
    work(number)

def on_thread(work):
    thread = Thread(target=work)
    thread.start()
    thread.join()
"""
)


@pytest.fixture
def fake() -> Iterator[FakeTitan]:
    with fake_titan() as running:
        yield running


@pytest.fixture
def programs(tmp_path: Path, fake: FakeTitan) -> Programs:
    return Programs(tmp_path, fake.port)


def program(method: str, *lines: str) -> str:
    """Return a program that does so, with `context` to start processes by."""
    body = "".join(f"    {line}\n" for line in (f"context = multiprocessing.get_context('{method}')", *lines))
    return f"{WORK}\nif __name__ == '__main__':\n{body}"


def runs_of(fake: FakeTitan, name: str) -> Counter[str]:
    """Return in which runs the calls of that name are, and how many."""
    return Counter(each["run_id"] for each in fake.facts.entries if each.get("name") == name and "ended_at_ns" in each)


@pytest.mark.parametrize("method", START_METHODS)
@pytest.mark.parametrize(
    "starting",
    [
        "with context.Pool(2) as pool: pool.map(work, range(4))",
        "with ProcessPoolExecutor(2, mp_context=context) as pool: list(pool.map(work, range(4)))",
        "for _ in range(4): one = context.Process(target=work, args=(1,)); one.start(); one.join()",
        "for _ in range(4): one = context.Process(target=work, args=(1,)); on_thread(one.start); one.join()",
    ],
    ids=["pool", "executor", "process", "thread"],
)
def test_calls_of_processes_that_are_started_in_a_block_belong_to_its_run(
    fake: FakeTitan, programs: Programs, method: str, starting: str
) -> None:
    done = programs.run(
        program(
            method,
            "with context.Pool(1) as pool: pool.map(abs, [1])",  # a fork server runs already
            "with titan_sdk.run('A', 'A_1'):",
            f"    {starting}",
        )
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert runs_of(fake, "work") == {"A_1": 4}
    assert run_ends(fake) == [("completed", None)]


@pytest.mark.parametrize("method", START_METHODS)
def test_a_process_in_anothers_run_has_runs_of_its_own_in_the_same_session(
    fake: FakeTitan, programs: Programs, method: str
) -> None:
    programs.run(
        program(
            method,
            "with titan_sdk.run('A', 'A_1', session_id='s'):",
            "    one = context.Process(target=nested, args=(7,)); one.start(); one.join()",
        )
    )

    assert runs_of(fake, "work") == {"B_7": 1, "A_1": 1}
    assert {each["session_id"] for each in fake.facts.entries if "session_id" in each} == {"s"}
    assert {each["run_id"] for each in fake.facts.entries if "session_id" in each} == {"A_1", "B_7"}


@pytest.mark.parametrize("method", START_METHODS)
def test_a_pool_that_worked_leaves_no_failed_run(fake: FakeTitan, programs: Programs, method: str) -> None:
    done = programs.run(program(method, "with context.Pool(2) as pool: pool.map(work, range(4))"))

    assert (done.returncode, done.stderr) == (0, "")
    assert len(names(fake)) == 4
    assert {end for end, _ in run_ends(fake)} == {"completed"}


@pytest.mark.parametrize("method", START_METHODS)
def test_a_process_that_is_terminated_at_its_work_has_failed(fake: FakeTitan, programs: Programs, method: str) -> None:
    done = programs.run(
        program(
            method,
            "ready = context.Event()",
            "one = context.Process(target=linger, args=(ready,))",
            "one.start(); ready.wait(); one.terminate(); one.join()",
            "print(one.exitcode)",
        )
    )

    assert done.stdout == f"{-signal.SIGTERM}\n"
    assert run_ends(fake) == [("failed", "SIGTERM")]
