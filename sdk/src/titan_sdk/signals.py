"""Wait for keys of the store: a job signals "done" by setting a key, and its orchestrator goes on.

The server answers when a key is set. A wait fails when all jobs that could have set the key have ended without it.
"""

from __future__ import annotations

from titan_sdk.errors import SignalLost, StreamBroken, WaitTimeout
from titan_sdk.http import run
from titan_sdk.http.transport import LongPoll
from titan_sdk.parking import JobWait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from titan_sdk.api.queries import Queries
    from titan_sdk.client import AsyncTitanClient, TitanClient
    from titan_sdk.job import TitanJob


def wait_for_signal(
    client: TitanClient | AsyncTitanClient,
    key: str,
    timeout: float | None = None,
    job: str | TitanJob | None = None,
    *,
    on_signal: Callable[[str], object] | None = None,
    park: bool | None = None,
) -> Any:  # of an asynchronous client a coroutine, else None
    """Return once `key` is in the store.

        wait_for_signal(client, f"research:{run_id}:planner:done", job="planner")
        await wait_for_signal(async_client, f"research:{run_id}:planner:done", job="planner")

    Args:
        timeout: seconds; None waits as long as a job lives that could set the key.
        job: the job that sets it; by default every job that this client submitted in the run of its last
            submission.
        on_signal: called with the key when it is set.
        park: in a job, whether its slot is free for other jobs meanwhile, as in `TitanClient.wait`.

    Raises:
        SignalLost: `job` is final, or else all those jobs are, and the key is not set.
        WaitTimeout: not set in time.
        UnknownJob: there is no such job.
    """
    return wait_for_signals(client, [key], timeout, job, on_signal=on_signal, park=park)


def wait_for_signals(
    client: TitanClient | AsyncTitanClient,
    keys: Iterable[str],
    timeout: float | None = None,
    job: str | TitanJob | None = None,
    *,
    on_signal: Callable[[str], object] | None = None,
    park: bool | None = None,
) -> Any:  # of an asynchronous client a coroutine, else None
    """Return once all `keys` are in the store; at once when there are none.

        wait_for_signals(client, keys, on_signal=lambda key: print(f"[AGENT] {key} — done"))

    Args:
        on_signal: called with each key as it comes, in that order.
        timeout, job, park: as in `wait_for_signal`; the timeout is for all keys together.

    Raises:
        SignalLost, WaitTimeout, UnknownJob: as `wait_for_signal`.
    """
    from titan_sdk.client import TitanClient

    if isinstance(client, TitanClient):
        return run(_wait(client._core, keys, timeout, job, on_signal, park))
    return _wait(client, keys, timeout, job, on_signal, park)


async def _wait(
    client: Queries,
    keys: Iterable[str],
    timeout: float | None,  # noqa: ASYNC109  # the plain function's too
    job: str | TitanJob | None,
    on_signal: Callable[[str], object] | None,
    park: bool | None,
) -> None:
    missing = list(dict.fromkeys(keys))
    poll = LongPoll(timeout)
    jobs = [] if job is None else [(await client.get_job(job))["job_id"]]
    dags = client.submissions.dags_of_last_run() if job is None else []
    while missing:
        async with JobWait(client.transport, park) as wait:
            present = await _next_signals(client, missing, dags=dags, jobs=jobs, poll=poll.again(), wait=wait)
        for key in present:
            missing.remove(key)
            if on_signal is not None:
                on_signal(key)


async def _next_signals(
    client: Queries, keys: list[str], *, dags: list[str], jobs: list[str], poll: LongPoll, wait: JobWait
) -> list[str]:
    """Return those of `keys` that are in the store as soon as there are any, in the order of `keys`."""
    while (wait_seconds := poll.next()) is not None:
        try:
            present, has_ended = await _ask(client, keys, wait, dags=dags, jobs=jobs, wait_seconds=wait_seconds)
        except StreamBroken:
            continue  # the next poll waits for a server that restarts, as long as any request
        if has_ended and not present:
            # Once more: a key may have been set between the checks of the keys and of the jobs.
            present, _ = await _ask(client, keys, wait, dags=dags, jobs=jobs, wait_seconds=0.0)
            if not present:
                raise _lost(keys, jobs)
        if present:
            return present
        await client.transport.http.sleep(poll.rest())
    raise WaitTimeout(
        subject=_named(keys),
        expected="a job to set it in time",
        found="it is not set yet",
        next_step="The jobs go on: wait again, or cancel them.",
    )


async def _ask(
    client: Queries, keys: list[str], wait: JobWait, *, dags: list[str], jobs: list[str], wait_seconds: float
) -> tuple[list[str], bool]:
    """Return the keys that are present, and whether all the DAGs and jobs are final."""
    answer = await client.transport.request_json(
        "POST",
        "/api/store/wait",
        body={"keys": keys, "dags": dags, "jobs": jobs, "timeout_seconds": wait_seconds},
        mutation=False,
        timeout_seconds=wait_seconds + LongPoll.MARGIN_SECONDS,
        headers=wait.headers,
        is_poll=True,
    )
    return [key for key in keys if key in answer["present"]], bool(answer["ended"])


def _lost(keys: list[str], jobs: list[str]) -> SignalLost:
    return SignalLost(
        subject=_named(keys),
        expected="a job to set it",
        found=f"job {jobs[0]} has ended without" if jobs else "all jobs that this client submitted have ended",
        next_step="See why with `titan logs JOB` or client.fetch_logs(job).",
    )


def _named(keys: list[str]) -> str:
    shown = ", ".join(repr(key) for key in keys[:5])
    more = f" and {len(keys) - 5} more" if len(keys) > 5 else ""
    return f"store {'key' if len(keys) == 1 else 'keys'} {shown}{more}"
