"""SIGTERM while something runs: the server and its workers end, and the next server completes the work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.support.agent_server import agent_server
from tests.support.evaluations import a_workflow, dispatched, http_agent, python_agent
from tests.support.event_stream import events
from tests.support.fake_endpoint import FakeEndpoint, a_completion, a_stream, fake_endpoint
from tests.support.raw_http import ask_json, given, request, said
from tests.support.recorded_calls import RecordedCalls
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.waiting import processes_with, wait_until
from titan_sdk import TitanClient, TitanJob

ENDS_WITHIN_SECONDS = 5.0
ROOM_SECONDS = 5.0  # for a machine on which others wait for the same two cores
ONCE = "import pathlib, time\nonce = pathlib.Path({file!r})\nif not once.exists():\n    once.touch()\n    {wait}\n"
SLEEP = "time.sleep(600)"
IGNORES = "import signal\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    time.sleep(600)"
WAITS = "from titan_sdk import TitanClient, wait_for_signal\n    wait_for_signal(TitanClient(), 'never')"
ANSWERED = 'return call("get_order", order_id="O1")["status"]'
RECORDED = """
import time
import titan_sdk

@titan_sdk.action(kind="tool")
def ask(question):
    return "yes"

with titan_sdk.run("SLOW", "slow-1"):
    ask("now?")
    time.sleep(3)
"""

Finish: TypeAlias = Callable[[RunningTitan], None]
Case: TypeAlias = Callable[[RunningTitan, Path, FakeEndpoint], AbstractContextManager[Finish]]


def client_of(titan: RunningTitan) -> TitanClient:
    return TitanClient("127.0.0.1", titan.sdk_port, announce=lambda _line: None)


def submitted(titan: RunningTitan, folder: Path, *, wait: str = SLEEP, name: str = "slow", **fields: Any) -> Finish:
    """Submit a job that waits the first time it runs; return once it does."""
    once = folder / f"{name}.once"
    script = ONCE.format(file=str(once), wait=wait)
    client_of(titan).submit_job(TitanJob(name, f"{name}.py", script_content=script, **fields))
    wait_until(once.exists, f"{name} runs")

    def finish(titan: RunningTitan) -> None:
        assert client_of(titan).wait(name, timeout=60) == "COMPLETED"
        job = given(titan.sdk_port, f"/api/jobs/{name}")
        assert [attempt["outcome"] for attempt in job["attempts"]] == ["returned", "succeeded"]

    return finish


def a_job(wait: str) -> Case:
    @contextmanager
    def case(titan: RunningTitan, folder: Path, _: FakeEndpoint) -> Iterator[Finish]:
        yield submitted(titan, folder, wait=wait, retries=0, max_lost=0)

    return case


CHARGES = """
import pathlib, time
import titan_sdk

@titan_sdk.action("charge", effect="external")
def charge(once):
    if not once.exists():
        once.touch()
        time.sleep(600)

charge(pathlib.Path({file!r}))
"""


@contextmanager
def an_external_action(titan: RunningTitan, folder: Path, _: FakeEndpoint) -> Iterator[Finish]:
    once = folder / "charged.once"
    job = TitanJob("charges", "charges.py", script_content=CHARGES.format(file=str(once)))
    run_id = client_of(titan).submit_job(job).dag_id
    wait_until(once.exists, "it charges")

    def finish(titan: RunningTitan) -> None:
        assert client_of(titan).wait("charges", timeout=60) == "COMPLETED"
        ends = {
            (call["action"]["outcome"], call["action"]["reason"]): call["action"]["error_message"]
            for call in RecordedCalls(titan).actions(run_id, count=2)
        }
        why = "interrupted, so whether it took effect is not known: the program ended by SIGTERM"
        assert ends == {(None, "interrupted"): why, ("success", None): None}

    yield finish


@contextmanager
def two_more_workers(titan: RunningTitan, folder: Path, _: FakeEndpoint) -> Iterator[Finish]:
    finishes = []
    for label in ("GPU", "TPU"):
        body = {"offers": {label: 1}, "name": label.lower()}
        assert ask_json(titan.sdk_port, "POST", "/api/workers/local", body).status == 201
        finishes.append(submitted(titan, folder, name=f"on-{label.lower()}", requirement=label))

    def finish(titan: RunningTitan) -> None:
        for name, label in (("gpu", "GPU"), ("tpu", "TPU")):
            body = {"offers": {label: 1}, "name": name}
            assert ask_json(titan.sdk_port, "POST", "/api/workers/local", body).status == 201
        for each in finishes:
            each(titan)

    yield finish


def evaluated(titan: RunningTitan, path: str) -> None:
    """Return when every task of a workflow has an agent run that completed."""

    def is_over() -> bool:
        rows = given(titan.sdk_port, f"{path}/agent-runs")["agent_runs"]
        return {row["task_id"] for row in rows if row["status"] == "completed"} == {"t0", "t1"}

    wait_until(is_over, "every task is tried to its end")


def states(titan: RunningTitan, path: str) -> dict[str, str]:
    """Return the status of each agent run of a workflow."""
    return {row["run_id"]: row["status"] for row in given(titan.sdk_port, f"{path}/agent-runs")["agent_runs"]}


@contextmanager
def an_evaluated_python_agent(titan: RunningTitan, folder: Path, _: FakeEndpoint) -> Iterator[Finish]:
    once = folder / "agent.once"
    waits = ONCE.format(file=str(once), wait=SLEEP).replace("\n", "\n    ")
    path = a_workflow(titan.sdk_port, "sleeps", python_agent(waits + ANSWERED), tasks=2)
    dispatched(titan.sdk_port, path)
    wait_until(once.exists, "the agent runs")
    # One that is cut after its first call would not be tried again.
    wait_until(lambda: "completed" in states(titan, path).values(), "the other agent is done")
    yield lambda titan: evaluated(titan, path)


@contextmanager
def an_evaluated_agent_that_never_answers(titan: RunningTitan, _: Path, __: FakeEndpoint) -> Iterator[Finish]:
    is_asked, may_answer = threading.Event(), threading.Event()

    def behave(_asked: object) -> object:
        is_asked.set()
        may_answer.wait(60)
        return {"final_response": "done"}

    with agent_server(behave) as url:
        path = a_workflow(titan.sdk_port, "silent", http_agent(url), tasks=2)
        dispatched(titan.sdk_port, path)
        assert is_asked.wait(60)

        def finish(titan: RunningTitan) -> None:
            may_answer.set()
            evaluated(titan, path)

        try:
            yield finish
        finally:
            may_answer.set()


def recorded(titan: RunningTitan, folder: Path) -> str:
    """Record a run of a stored program; return its path."""
    (folder / "agent.py").write_text(RECORDED)
    environment = {**os.environ, **titan.environment, "TITAN_HOME": str(titan.home)}
    subprocess.run([sys.executable, "agent.py"], cwd=folder, env=environment, check=True, timeout=120)
    return "/api/v1/runs/slow-1"


def when_its_job_runs(titan: RunningTitan, replay: str) -> Finish:
    """Return what completes a replay, once its job runs."""
    dag_id = given(titan.sdk_port, replay)["dag_id"]

    def status() -> str:
        found: str = given(titan.sdk_port, f"/api/dags/{dag_id}")["jobs"][0]["status"]
        return found

    wait_until(lambda: status() == "RUNNING", "the job of the replay runs")

    def finish(titan: RunningTitan) -> None:
        wait_until(lambda: given(titan.sdk_port, f"{replay}?wait_seconds=10")["state"] != "running", "its end")
        found = given(titan.sdk_port, replay)
        assert found["state"] == "completed", found["error"]

    return finish


@contextmanager
def a_replay(titan: RunningTitan, folder: Path, _: FakeEndpoint) -> Iterator[Finish]:
    path = f"{recorded(titan, folder)}/replays"
    replay = ask_json(titan.sdk_port, "POST", path, {"level": "re_execute", "runs": 1}).value["id"]
    yield when_its_job_runs(titan, f"{path}/{replay}")


@contextmanager
def a_fork(titan: RunningTitan, folder: Path, _: FakeEndpoint) -> Iterator[Finish]:
    path = recorded(titan, folder)
    fork = ask_json(titan.sdk_port, "POST", f"{path}/forks", {"at": "ask", "output": "no"})
    assert fork.status == 202, fork.body
    yield when_its_job_runs(titan, f"{path}/replays/{fork.value['replay_id']}")


@contextmanager
def a_streamed_answer_of_a_model(titan: RunningTitan, _: Path, endpoint: FakeEndpoint) -> Iterator[Finish]:
    endpoint.replies.append(a_stream({"content": "It"}, {"content": " is"}, finish_reason=None, is_held=True))
    body = {"model": "default", "stream": True, "messages": [{"role": "user", "content": "Which colour?"}]}
    asked = request("POST", "/v1/chat/completions", json.dumps(body).encode(), {"X-Titan-Run-Id": "cut"})
    with said(titan.sdk_port, asked) as stream:
        text = b""
        while b" is" not in text:
            text += stream.recv(65_536)

        def finish(titan: RunningTitan) -> None:
            (call,) = RecordedCalls(titan).actions("cut")
            assert (call["action"]["outcome"], call["action"]["error_type"]) == ("error", "ServerStopped")
            endpoint.replies.append(a_completion("blue"))
            assert b"blue" in ask_json(titan.sdk_port, "POST", "/v1/chat/completions", {**body, "stream": False}).body

        yield finish


@contextmanager
def readers_of_streams(titan: RunningTitan, _: Path, __: FakeEndpoint) -> Iterator[Finish]:
    with events(titan.sdk_port, "?after=unknown") as stream:
        stream.take(1)
        yield lambda _titan: None
        assert "resync" not in [event.kind for event in stream]


@contextmanager
def long_polls(titan: RunningTitan, folder: Path, _: FakeEndpoint) -> Iterator[Finish]:
    finish = submitted(titan, folder)
    job = given(titan.sdk_port, "/api/jobs/slow")["job_id"]
    body = json.dumps({"keys": ["never"], "timeout_seconds": 25}).encode()
    with ExitStack() as open_requests:
        for waits in (
            request("GET", f"/api/jobs/{job}?wait_seconds=25"),
            request("POST", "/api/store/wait", body, {"Content-Type": "application/json"}),
            request("GET", f"/api/jobs/{job}/log?follow=true"),
        ):
            polls = [open_requests.enter_context(said(titan.sdk_port, waits))]
        given(titan.sdk_port, "/api/health")
        yield finish
        assert [poll.recv(12) for poll in polls] == [b"HTTP/1.1 200"] * len(polls)


@contextmanager
def a_stalled_upload(titan: RunningTitan, _: Path, __: FakeEndpoint) -> Iterator[Finish]:
    with said(titan.sdk_port, request("PUT", "/api/files/half.bin", b"half", {"Content-Length": "1000"})):
        given(titan.sdk_port, "/api/health")
        yield lambda _titan: None


@contextmanager
def nothing(_titan: RunningTitan, _: Path, __: FakeEndpoint) -> Iterator[Finish]:
    yield lambda _titan: None


CASES: dict[str, Case] = {
    "nothing": nothing,
    "a job": a_job(SLEEP),
    "a job that ignores SIGTERM": a_job(IGNORES),
    "a job that waits for a key": a_job(WAITS),
    "an external action": an_external_action,
    "two more workers": two_more_workers,
    "an evaluated Python agent": an_evaluated_python_agent,
    "an evaluated agent that never answers": an_evaluated_agent_that_never_answers,
    "a replay": a_replay,
    "a fork": a_fork,
    "a streamed answer of a model": a_streamed_answer_of_a_model,
    "readers of streams": readers_of_streams,
    "long polls": long_polls,
    "an upload": a_stalled_upload,
}


@pytest.mark.parametrize("name", CASES)
def test_sigterm_ends_server_and_workers_during_any_work_and_the_next_server_completes_it(
    name: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with (
        fake_endpoint() as endpoint,
        running_titan(tmp_path / "home", model=f"{endpoint.url}#painter-1") as titan,
        CASES[name](titan, tmp_path, endpoint) as finish,
    ):
        told_at = time.monotonic()
        exit_code = titan.terminate()
        seconds = time.monotonic() - told_at
        left = processes_with(str(titan.home))
        record_property("seconds_to_end", round(seconds, 2))
        print(f"{name}: ended {seconds:.2f} s after SIGTERM")  # noqa: T201 (the figure, for whoever measures)
        assert (exit_code, left) == (0, [])
        assert seconds < ENDS_WITHIN_SECONDS + ROOM_SECONDS
        titan.start_again()
        finish(titan)


def test_a_second_signal_ends_everything_at_once(tmp_path: Path) -> None:
    with running_titan(tmp_path / "home", environment={"TITAN_DRAIN_SECONDS": "600"}) as titan:
        finish = submitted(titan, tmp_path)
        os.kill(titan.pid, signal.SIGTERM)
        wait_until(lambda: "may go on for 600 s" in titan.log, "it lets jobs end first")

        exit_code = titan.terminate()

        assert (exit_code, processes_with(str(titan.home))) == (0, [])
        titan.start_again()
        finish(titan)


def test_running_jobs_end_first_within_the_time_to_drain_and_none_begins(tmp_path: Path) -> None:
    go = tmp_path / "go"
    waits = f"while not pathlib.Path({str(go)!r}).exists():\n        time.sleep(0.01)"
    environment = {"TITAN_DRAIN_SECONDS": "120"}
    with running_titan(tmp_path / "home", offers=("GENERAL:1",), environment=environment) as titan:
        submitted(titan, tmp_path, wait=waits)
        client_of(titan).submit_job(TitanJob("next", "next.py", script_content="pass"))
        os.kill(titan.pid, signal.SIGTERM)
        wait_until(lambda: "may go on for 120 s" in titan.log, "it drains")
        assert given(titan.sdk_port, "/api/jobs/slow")["status"] == "RUNNING"  # it goes on answering

        go.touch()
        wait_until(lambda: not titan.is_alive, "it has ended")

        assert processes_with(str(titan.home)) == []
        titan.start_again()
        assert client_of(titan).wait("next", timeout=60) == "COMPLETED"
        outcomes = [
            [one["outcome"] for one in given(titan.sdk_port, f"/api/jobs/{name}")["attempts"]]
            for name in ("slow", "next")
        ]
        assert outcomes == [["succeeded"], ["succeeded"]]


def test_jobs_that_take_longer_than_the_time_to_drain_are_given_back(tmp_path: Path) -> None:
    with running_titan(tmp_path / "home", environment={"TITAN_DRAIN_SECONDS": "1"}) as titan:
        finish = submitted(titan, tmp_path)

        assert titan.terminate() == 0

        titan.start_again()
        finish(titan)
