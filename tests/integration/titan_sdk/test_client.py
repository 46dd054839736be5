"""What a client can do with a real server: gates, repeats, results, counters, live events."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from itertools import takewhile
from pathlib import Path

import pytest

from tests.support.programs import run_program
from tests.support.running_titan import RunningTitan
from tests.support.waiting import wait_until
from titan_sdk import AsyncTitanClient, TitanClient, TitanGate, TitanJob
from titan_sdk.errors import Conflict, IdempotencyConflict, InvalidInput, UnknownDag, UnknownJob, UnknownRun

SECONDS = 30


def a_job(job_id: str, script: str = "", *parents: str, **options: object) -> TitanJob:
    return TitanJob(job_id, "job.py", parents=parents, script_content=script, **options)  # type: ignore[arg-type]  # each test types its own


def fresh(name: str) -> str:
    return f"{name}_{os.urandom(3).hex()}"


def test_a_gate_behind_a_job_holds_its_children_until_it_is_approved(client: TitanClient) -> None:
    build = a_job("build", hitl_message="Ship it?", max_wait_seconds=600)
    release = client.submit_dag(fresh("release"), [build, a_job("ship", "", "build")])
    assert client.wait("build", timeout=SECONDS) == "COMPLETED"
    wait_until(lambda: client.get_job_status("hitl-gate-build") == "WAITING_APPROVAL", "the gate opens")

    waiting = client.get_job_status("ship")
    gate = client.approve(build, "looks good", by="ada")

    assert waiting == "PENDING"
    assert (gate["state"], gate["decided_by"], gate["comment"]) == ("approved", "ada", "looks good")
    assert (client.wait("ship", timeout=SECONDS), client.dag_status(release)) == ("COMPLETED", "COMPLETED")


def test_a_rejected_gate_cancels_the_jobs_behind_it(client: TitanClient) -> None:
    run = fresh("GATES")
    jobs = [TitanGate("allow", "May I?"), a_job("act", "", "allow")]
    client.submit_dag(f"{run}_A", jobs, agent_run_id=run)
    wait_until(lambda: bool(client.gates(run=run)), "the gate opens")

    asked = [(gate["name"], gate["message"]) for gate in client.gates(run=run)]
    client.reject("allow", "not today")

    assert asked == [("allow", "May I?")]
    assert client.wait(["allow", "act"], timeout=SECONDS) == {"allow": "FAILED", "act": "CANCELLED"}
    assert (client.gates(run=run), client.gates("all", run=run)[0]["state"]) == ([], "rejected")
    with pytest.raises(Conflict, match="rejected"):
        client.approve("allow")


def test_a_retry_reruns_failed_jobs_and_keeps_completed_ones(client: TitanClient) -> None:
    flag = fresh("flag")
    script = f"import sys\nfrom titan_sdk import TitanClient\nsys.exit(TitanClient().store_get({flag!r}) is None)"
    dag = client.submit_dag(fresh("etl"), [a_job("a"), a_job("b", script, "a"), a_job("c", "", "b")])
    first = client.wait(dag, timeout=SECONDS)

    client.store_put(flag, "1")
    retried = client.retry(dag)

    assert (first, client.wait(dag, timeout=SECONDS)) == ("PARTIAL", "COMPLETED")
    assert (sorted(retried["retried"]), retried["kept"]) == (["b", "c"], 1)
    with pytest.raises(Conflict):
        client.retry("a")


def test_a_rerun_job_and_a_redeployed_dag_are_new_ones(client: TitanClient) -> None:
    dag = client.submit_dag(fresh("nightly"), [a_job("scan", "import sys\nprint(sys.argv[1])", args=["x y"])])
    client.wait(dag, timeout=SECONDS)

    again = client.rerun("scan")
    rerun = client.wait(again, timeout=SECONDS), client.fetch_logs("scan")
    whole = client.redeploy(dag)

    assert rerun == ("COMPLETED", "x y\n")
    assert len({dag.dag_id, again.dag_id, whole.dag_id}) == 3
    assert (whole.name, client.wait(whole, timeout=SECONDS)) == (dag.name, "COMPLETED")


def test_a_job_sets_a_result_that_its_children_and_its_submitter_read(client: TitanClient) -> None:
    train = "import titan_sdk\ntitan_sdk.set_result({'accuracy': 0.93, 'files': ('model.bin', None)})"
    report = "import titan_sdk\nprint(titan_sdk.result('train')['accuracy'], titan_sdk.result('silent'))"
    jobs = [a_job("train", train), a_job("silent"), a_job("report", report, "train", "silent")]
    dag = client.submit_dag(fresh("ml"), jobs, agent_run_id=fresh("ML"))

    client.wait(dag, timeout=SECONDS)

    assert client.result("train") == {"accuracy": 0.93, "files": ["model.bin", None]}
    assert (client.result("silent"), client.fetch_logs("report")) == (None, "0.93 None\n")
    with pytest.raises(UnknownJob):
        client.result("nobody")


def test_jobs_are_listed_by_run_dag_and_status(client: TitanClient) -> None:
    run = fresh("LIST")
    dag = client.submit_dag(f"{run}_A", [a_job("good"), a_job("bad", "raise SystemExit(1)")], agent_run_id=run)
    client.wait(dag, timeout=SECONDS)

    listed = [
        [job["name"] for job in jobs]
        for jobs in (
            client.jobs(run=run),
            client.jobs(dag=dag.name),
            client.jobs(run=run, status="FAILED"),
            client.jobs(run="x"),
        )
    ]

    assert listed == [["bad", "good"], ["bad", "good"], ["bad"], []]
    with pytest.raises(UnknownDag):
        client.jobs(dag="nobody")


SUBMITTER = """
import sys
import titan_sdk
from titan_sdk import TitanClient, TitanJob

agent, run_id, *names = sys.argv[1:]
client = TitanClient()


def submit():
    for name in names:
        client.submit_dag(name, [TitanJob("a", "a.py", script_content="")], agent_run_id=run_id)


if agent == "-":
    submit()
else:
    with titan_sdk.run(agent_id=agent, run_id=run_id):
        submit()
"""


def _is_listed(client: TitanClient, run_id: str) -> bool:
    with suppress(UnknownRun):
        return client.get_run(run_id)["has_stages"]
    return False


def _agent_of_a_run(client: TitanClient, tmp_path: Path, how: str, agent: str = "-", run_id: str = "") -> str:
    """Return the agent of the run that a program made, as a job or outside."""
    run_id = run_id or os.urandom(6).hex()
    script = tmp_path / "research_agent.py"
    script.write_text(SUBMITTER)
    arguments = [agent, run_id, "RESEARCH_x_PLAN", "RESEARCH_x_SEARCH"]
    if how == "job":
        dag = client.submit_dag(fresh("submitter"), [TitanJob("s", str(script), args=arguments)])
        assert client.wait(dag, timeout=SECONDS) == "COMPLETED", client.fetch_logs(f"{dag.dag_id}.00000")
    else:
        env = {"TITAN_HOST": client.transport.host, "TITAN_PORT": str(client.transport.port)}
        assert run_program(script, *arguments, cwd=tmp_path, env=env).returncode == 0
    wait_until(lambda: _is_listed(client, run_id), "the run is listed")
    return client.get_run(run_id)["agent_id"]


@pytest.mark.parametrize("how", ["job", "process"])
def test_runs_whose_ids_name_no_agent_are_of_the_program_that_submits_them(
    client: TitanClient, tmp_path: Path, how: str
) -> None:
    assert {_agent_of_a_run(client, tmp_path, how) for _ in range(2)} == {"research_agent"}
    assert _agent_of_a_run(client, tmp_path, how, run_id=fresh("WEATHER")) == "WEATHER"


def test_two_named_agents_of_one_program_stay_two(client: TitanClient, tmp_path: Path) -> None:
    agents = [_agent_of_a_run(client, tmp_path, "process", agent) for agent in ("RESEARCH", "WEATHER")]

    assert agents == ["RESEARCH", "WEATHER"]


def test_stages_are_labelled_without_the_words_they_share_and_keep_their_names(client: TitanClient) -> None:
    run = os.urandom(6).hex()
    names = ["RESEARCH_x_PLAN", "RESEARCH_x_SEARCH"]
    for name in names:
        client.submit_dag(name, [a_job(name)], agent_run_id=run)

    wait_until(lambda: _is_listed(client, run), "the run is listed")
    stages = client.get_run(run)["stages"]

    assert [(stage["label"], stage["name"]) for stage in stages] == list(zip(["PLAN", "SEARCH"], names, strict=True))
    assert client.get_dag(stages[0]["dag_id"])["label"] == names[0]


ASYNC_CLIENT = """
import asyncio
from titan_sdk import AsyncTitanClient

async def main():
    client = AsyncTitanClient()
    await client.store_put("seen", "1")
    {close}

asyncio.run(main())
"""


@pytest.mark.parametrize("close", ["", "client.close()", "await client.__aexit__(None, None, None)"])
def test_a_program_with_an_asynchronous_client_leaves_no_line_behind(
    client: TitanClient, tmp_path: Path, close: str
) -> None:
    script = tmp_path / "asynchronous.py"
    script.write_text(ASYNC_CLIENT.format(close=close))
    env = {"TITAN_HOST": client.transport.host, "TITAN_PORT": str(client.transport.port)}

    process = run_program(script, cwd=tmp_path, env=env)
    dag = client.submit_dag(fresh("async"), [TitanJob("asynchronous", str(script))])
    ended = client.wait(dag, timeout=SECONDS)

    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")
    assert (ended, client.fetch_logs(f"{dag.dag_id}.00000")) == ("COMPLETED", "")


def test_all_jobs_of_a_dag_are_listed_unless_a_limit_is_given(client: TitanClient) -> None:
    run = fresh("MANY")
    dag = client.submit_dag(f"{run}_A", [a_job(f"j{n}") for n in range(201)], agent_run_id=run)

    assert [len(client.jobs(dag=dag)), len(client.jobs(run=run)), len(client.jobs(dag=dag, limit=7))] == [201, 201, 7]
    client.cancel(dag)


def test_counters_swaps_and_deletions_are_atomic_and_keys_are_listed(client: TitanClient) -> None:
    prefix = fresh("k")

    async def count(client: AsyncTitanClient) -> set[int]:
        return set(await asyncio.gather(*(client.store_incr(f"{prefix}:n") for _ in range(50))))

    port = client.transport.port
    assert asyncio.run(count(AsyncTitanClient("127.0.0.1", port))) == set(range(1, 51))
    assert [client.store_cas(f"{prefix}:lock", None, who) for who in ("me", "you")] == [True, False]
    assert client.store_keys(prefix) == [f"{prefix}:lock", f"{prefix}:n"]
    assert [client.store_delete(f"{prefix}:lock") for _ in range(2)] == [True, False]
    assert client.store_cas(f"{prefix}:n", 50, None)
    assert client.store_keys(prefix) == []
    client.store_put(f"{prefix}:t", "text")
    with pytest.raises(Conflict, match="whole number"):
        client.store_incr(f"{prefix}:t")


def test_a_key_with_a_ttl_expires(client: TitanClient) -> None:
    key = fresh("soon gone")

    client.store_put(key, "v", ttl=0.2)

    wait_until(lambda: client.store_get(key) is None, "the key goes")
    with pytest.raises(InvalidInput):
        client.store_put(key, "v", ttl=0)


def test_an_idempotency_key_answers_with_its_first_submission(client: TitanClient) -> None:
    key = fresh("key")

    first, second = (client.submit_dag("once", [a_job("j")], idempotency_key=key) for _ in range(2))

    assert (first.from_record, second.from_record) == (False, True)
    assert first.dag_id == second.dag_id
    with pytest.raises(IdempotencyConflict):
        client.submit_dag("once", [a_job("other")], idempotency_key=key)


def test_jobs_of_one_concurrency_key_run_one_at_a_time(client: TitanClient) -> None:
    key = fresh("db")
    script = f"""
from titan_sdk import TitanClient
client = TitanClient()
print(client.store_incr({key!r}))
client.store_incr({key!r}, -1)
"""
    jobs = [a_job(f"j{number}", script, concurrency_key=key) for number in range(4)]

    client.wait(client.submit_dag(fresh("limited"), jobs), timeout=SECONDS)

    assert [client.fetch_logs(job) for job in jobs] == ["1\n"] * 4


def test_a_jobs_lines_are_followed_to_its_end(client: TitanClient, titan: RunningTitan) -> None:
    go = fresh("go")
    script = (
        "from titan_sdk import TitanClient, wait_for_signal\n"
        f"print('one', flush=True)\nwait_for_signal(TitanClient(), {go!r})\nprint('zwei: grün\\nthree', end='')"
    )
    client.submit_job(a_job("talker", script))
    lines = client.follow_logs("talker")

    first = next(lines)
    client.store_put(go, "1")

    assert [first, *lines] == ["one", "zwei: grün", "three"]

    async def follow() -> list[str]:
        async with AsyncTitanClient("127.0.0.1", titan.sdk_port) as other:
            return [line async for line in other.follow_logs("talker")]

    assert asyncio.run(follow()) == ["one", "zwei: grün", "three"]


def test_events_are_watched_as_they_happen_and_from_a_cursor(client: TitanClient, titan: RunningTitan) -> None:
    run = fresh("WATCH")
    now = next(client.watch(after="of no journal"))["cursor"]
    client.submit_dag(f"{run}_A", [a_job("j")], agent_run_id=run)

    events = client.watch(run=run, after=now)
    begin = next(events)
    seen = [begin, *takewhile(lambda event: event["kind"] != "DagEnded", events)]
    again = client.watch(run=run, after=begin["cursor"])

    assert [event["kind"] for event in seen][:2] == ["RunStarted", "DagSubmitted"]
    assert next(again) == seen[1]

    async def first_after(cursor: str) -> object:
        async with AsyncTitanClient("127.0.0.1", titan.sdk_port) as other:
            async for event in other.watch(run=run, after=cursor):
                return event
            raise AssertionError("watching ended")

    assert asyncio.run(first_after(begin["cursor"])) == seen[1]


def test_an_unknown_cursor_is_answered_with_a_resync(client: TitanClient) -> None:
    first = next(client.watch(after="of another server"))

    assert (first["kind"], first["cursor"].isdigit()) == ("resync", True)
