"""What type checkers see: one method, two clients, each with its own kind of answer. Nothing here runs:

`make check` has mypy read it, and a wrong signature fails there.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from decimal import Decimal
from typing import assert_type

from titan_sdk import (
    AsyncTitanClient,
    DagAccepted,
    Redact,
    TitanClient,
    TitanJob,
    action,
    progress,
    run,
    turn,
    wait_for_signal,
)
from titan_sdk.recording.actions import ActiveAction
from titan_sdk.recording.runs import Run
from titan_sdk.wire import Event, Gate, Job, Retried


def plain_answers(client: TitanClient, job: TitanJob) -> None:
    """Answers come at once."""
    assert_type(client.submit_dag("nightly", [job], agent_run_id="R_1", idempotency_key="k"), DagAccepted)
    assert_type(client.store_get("key"), str | None)
    assert_type(client.store_put("key", 3, ttl=1.5), str)
    assert_type(client.store_incr("key", by=2), int)
    assert_type(client.jobs(run="R_1", limit=3), list[Job])
    assert_type(client.gates(), list[Gate])
    assert_type(client.retry(job), Retried)
    assert_type(client.wait("nightly", timeout=3), str)
    assert_type(client.wait(["a", job]), dict[str, str])
    assert_type(client.watch(run="R_1"), Iterator[Event])
    assert_type(client.follow_logs("a"), Iterator[str])
    wait_for_signal(client, "key")


async def answers_to_wait_for(client: AsyncTitanClient, job: TitanJob) -> None:
    """The same answers, awaited."""
    assert_type(await client.submit_dag("nightly", [job], agent_run_id="R_1", idempotency_key="k"), DagAccepted)
    assert_type(await client.store_get("key"), str | None)
    assert_type(await client.jobs(run="R_1", limit=3), list[Job])
    assert_type(await client.wait("nightly", timeout=3), str)
    assert_type(await client.wait(["a", job]), dict[str, str])
    assert_type(client.watch(run="R_1"), AsyncGenerator[Event, None])
    assert_type(client.follow_logs("a"), AsyncGenerator[str, None])
    await wait_for_signal(client, "key")


@action
def shout(text: str, *, times: int = 1) -> str:
    """A recorded function keeps its signature."""
    return text.upper() * times


@action("count", kind="tool", cost=lambda result: Decimal(len(result)), redact=Redact(fields=["iban"]))
async def count(text: str) -> list[str]:
    """So does a coroutine."""
    return text.split()


@action(tags=["stream"])
def letters(text: str) -> Iterator[str]:
    """And a generator."""
    yield from text


async def recording() -> None:
    """What is recorded is used as without."""
    assert_type(shout("a", times=2), str)
    assert_type(await count("a b"), list[str])
    assert_type(letters("ab"), Iterator[str])
    with run(agent_id="A", tags=["nightly"]) as current, turn("hello") as act:
        assert_type(current, Run)
        assert_type(act, ActiveAction)
    async with action("rank", impact="read", effect="local") as act:
        act.set_cost("0.10")
    progress(1, 3)
    shout(3)  # type: ignore[arg-type]  # the mistake under test
    action("rank", impact="huge")  # type: ignore[call-overload]  # the mistake under test


def mistakes(client: TitanClient) -> None:
    """What a type checker refuses: were it silent, the unused ignore would be an error."""
    client.store_get(3)  # type: ignore[arg-type]  # the mistake under test
    client.store_put("key")  # type: ignore[call-arg]  # the mistake under test
    client.submit_dag("nightly", [], agent_runid="R_1")  # type: ignore[call-arg]  # the mistake under test
