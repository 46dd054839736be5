"""Execute agent runs, from the stored row to the verdict. A restarted server continues from the rows."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Final, Protocol
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from titan.evaluate.agent_runs import (
    Setting,
    cancelled,
    completed,
    dispatch,
    failed,
    internal_error,
    is_submitted,
    new_run_id,
    request_of,
    setting_of,
    tries_before,
    without_secrets,
)
from titan.evaluate.contract import (
    DETAIL_CHARACTERS,
    LOST,
    MOST_RESPONSE_BYTES,
    REDISPATCH_SECONDS,
    Answered,
    Broken,
    Exchange,
    Failed,
    is_worth_another_try,
    read_answer,
    read_exchange,
)
from titan.evaluate.definitions import HttpAgent, PythonAgent, SubmittedAgent, definition_of
from titan.evaluate.external import AgentClient
from titan.evaluate.worlds import LiveRun, Records, Worlds
from titan.judge.scorers import Ended, score
from titan.model.actions import CLAIM, ActionEntry, ActionKind, Outcome, RunEnd, RunEntry, Source
from titan.model.errors import StoreError
from titan.model.evaluations import ENDED, AgentRun, AgentRunStatus, ErrorClass, Trigger
from titan.model.run_control import Origin
from titan.orchestrator.bus import BusClosed
from titan.ports.runs_store import CallStore, CallTransaction
from titan.ports.runtime import Clock, Ids
from titan.world.simulation import Environment, State

logger = logging.getLogger(__name__)

RESTARTED: Final = "The server stopped while the agent ran, after it had called tools."


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnded:
    """The end of the job that ran an agent."""

    has_completed: bool
    was_lost: bool = False  #: with its worker or the process that watches it
    reason: str = ""
    result: str | None = None  #: the last one that its jobs set, a JSON text


class Jobs(Protocol):
    """Port that runs Python agents as jobs."""

    async def run(
        self, run: AgentRun, source: str, *, environment: Mapping[str, str], timeout_seconds: float
    ) -> JobEnded:
        """Run a job to its end; cancelling the caller cancels the job."""

    async def wait(self, dag_id: str) -> JobEnded:
        """Wait for the end of a DAG; cancelling the caller cancels the DAG."""

    async def end(self, run: AgentRun, end: RunEnd, reason: str) -> None:
        """End the run's job, if it has one."""

    async def stop(self, run: AgentRun) -> None:
        """Cancel the run's DAGs that have not ended: a restart interrupted it."""


class Dispatcher:
    """Executes the agent runs of this process."""

    def __init__(
        self,
        calls: CallStore,
        records: Records,
        worlds: Worlds,
        jobs: Jobs,
        *,
        clock: Clock,
        ids: Ids,
        url: str,
    ) -> None:
        """`url` is where agents reach this server."""
        self.url: Final = url
        self._calls = calls
        self._records = records
        self._worlds = worlds
        self._jobs = jobs
        self._clock = clock
        self._ids = ids
        self._client = AgentClient()
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._places: dict[tuple[str, str, str], Places] = {}
        self._live: dict[tuple[str, str], LiveRun] = {}
        self._is_ending = False

    async def start(self) -> None:
        """Continue after a restart: waiting runs wait again, interrupted runs are repeated or fail.

        Of several servers on one database the one in charge does.
        """
        for run in await asyncio.to_thread(self._calls.read, lambda reader: reader.unfinished_agent_runs()):
            if run.status is AgentRunStatus.PENDING:
                self.begin(run)
            else:
                await self._end_interrupted(run)

    def begin(self, run: AgentRun, *, after_seconds: float = 0.0) -> None:
        """Start an agent run, whose row is stored, when its field's concurrency allows."""
        self._begin(run, partial(self._see_through, run, after_seconds))

    def open(self, setting: Setting) -> tuple[LiveRun, str]:
        """Open the world of a run; return it and its token."""
        world, seed, run = setting.world, setting.seed, setting.run
        digest = f"{run.world_digest}{run.seed_digest}"  # answers of a model are of one world, too
        environment = Environment(
            world, seed.failure_rules, seed_digest=digest, instructions=seed.behavior_instructions
        )
        live, token = self._worlds.open(run.project_id, run.run_id, environment, State(ledger=setting.initial))
        self._live[run.project_id, run.run_id] = live
        return live, token

    async def drop(self, live: LiveRun) -> None:
        """Close the world of a run that has ended, or whose program could not be submitted."""
        self._live.pop((live.project_id, live.run_id), None)
        await self._worlds.close(live)

    def attend(self, setting: Setting, live: LiveRun) -> None:
        """Grade a program that was submitted into its world when it has ended; its row is stored."""
        self._begin(setting.run, partial(self._see_submitted, setting, live))

    async def cancel(self, run: AgentRun) -> AgentRun:
        """Cancel an agent run that has not ended; return its row."""
        task = self._tasks.get((run.project_id, run.run_id))
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        now = self._clock.now()
        after = await self._change(run, lambda run: cancelled(run, now))
        if after.status is AgentRunStatus.CANCELLED and after.started_at is not None:
            await self._report(after, end=RunEnd.CANCELLED)
        return after

    async def wait(self, run: AgentRun, *, seconds: float) -> None:
        """Wait for the end of an agent run, at most so many seconds."""
        task = self._tasks.get((run.project_id, run.run_id))
        if task is not None:
            await asyncio.wait([task], timeout=seconds)

    def live(self, project_id: str, run_id: str) -> LiveRun | None:
        """Return the world of a run that this process executes."""
        return self._live.get((project_id, run_id))

    async def settle(self, *, within_seconds: float) -> None:
        """Begin no more runs, and wait for the end of those that were begun, at most so many seconds."""
        self._is_ending = True
        tasks = [task for key, task in self._tasks.items() if key in self._live]
        if tasks and within_seconds:
            await asyncio.wait(tasks, timeout=within_seconds)

    async def close(self) -> None:
        """Stop; the next server continues the runs."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.close()

    # --- one agent run ---

    def _begin(self, run: AgentRun, execute: Callable[[], Awaitable[None]]) -> None:
        """Start the execution of a run; an error in it fails the run."""

        async def guarded() -> None:
            try:
                await execute()
            except BusClosed:
                return  # the next server continues the run
            except StoreError:
                logger.exception("agent run %s of project %s is not stored", run.run_id, run.project_id)
            except Exception as error:
                logger.exception("agent run %s of project %s failed", run.run_id, run.project_id)
                await self._fail(run, internal_error(f"{type(error).__name__}: {error}"))

        key = (run.project_id, run.run_id)
        self._tasks[key] = task = asyncio.get_running_loop().create_task(guarded())
        task.add_done_callback(lambda _: self._tasks.pop(key, None))

    async def _see_through(self, run: AgentRun, after_seconds: float) -> None:
        await asyncio.sleep(after_seconds)
        place = (run.project_id, run.workflow_id, run.field)
        async with self._places.setdefault(place, Places()) as places:
            if self._is_ending:
                return  # it is still pending: the next server begins it
            setting = await asyncio.to_thread(self._calls.read, partial(setting_of, run=run))
            if setting is None:
                await self._fail(
                    run, internal_error("its world, seed, scorers or agent of when it was dispatched are not stored")
                )
            else:
                places.set_most(setting.field.concurrency_cap)
                await self._perform(setting)

    async def _perform(self, setting: Setting) -> None:
        run = await self._change(
            setting.run, lambda run: replace(run, status=AgentRunStatus.RUNNING, started_at=self._clock.now())
        )
        if run.status is not AgentRunStatus.RUNNING:
            return  # it was cancelled before
        await self._report(run, name=setting.task.name or setting.task.id, tags=(setting.run.workflow_id,))
        live, token = self.open(setting)
        await self._graded(setting, live, self._asked(setting, live, token))

    async def _see_submitted(self, setting: Setting, live: LiveRun) -> None:
        assert isinstance(setting.agent, SubmittedAgent)
        await self._report(setting.run, name=setting.task.name or setting.task.id, tags=(setting.run.workflow_id,))
        await self._graded(setting, live, self._awaited(setting.agent, live))

    async def _awaited(self, agent: SubmittedAgent, live: LiveRun) -> Answered | Failed:
        """Return the answer of a submitted program: the result of its last job."""
        ended = await self._jobs.wait(agent.dag_id)
        if not ended.has_completed:
            return Failed(error_class=ErrorClass.AGENT_5XX, message=ended.reason or "its DAG did not complete")
        result = "It has ended." if ended.result is None else msgspec.json.decode(ended.result)
        live.raw_answer = (ended.result or "").encode()
        said = isinstance(result, str) and result.strip()
        is_answer = isinstance(result, dict) and isinstance(result.get("final_response"), str)
        return read_answer(result if said or is_answer else {"final_response": ended.result})

    async def _graded(self, setting: Setting, live: LiveRun, asking: Awaitable[Answered | Failed]) -> None:
        """Await an agent's answer, and grade it."""
        try:
            found = await asking
        finally:
            await self.drop(live)
        if isinstance(found, Failed):
            await self._fail(setting.run, found, live)
            return
        ended = Ended(
            ledger=live.state.ledger,
            initial=live.initial,
            environment=live.environment,
            calls=live.made,
            final_response=found.final_response,
        )
        results = [score(scorer, ended) for scorer in setting.scorers]
        now, clean = self._clock.now(), self._records.without_secrets
        fields = await asyncio.to_thread(without_secrets, completed(setting.run, found, live, results, now), clean)
        run = await self._change(setting.run, lambda run: replace(completed(run, found, live, results, now), **fields))
        await self._report_cost(run, live)
        await self._report(run, end=RunEnd.COMPLETED)

    async def _report_cost(self, run: AgentRun, live: LiveRun) -> None:
        """Record what the agent says that its run cost: it counts where the recorded calls cost less."""
        if run.status is not AgentRunStatus.COMPLETED or Decimal(run.agent_cost or 0) <= (
            live.model_cost or Decimal(0)
        ):
            return
        now = self._clock.now()
        entry = ActionEntry(
            id=CLAIM,
            run_id=run.run_id,
            source=Source.WORLD,
            kind=ActionKind.EVENT,
            name="reported cost",
            started_at=now,
            ended_at=now,
            outcome=Outcome.SUCCESS,
            cost=Decimal(run.agent_cost or 0),
        )
        await self._records.record(run.project_id, lambda: [entry], is_fixed=True)

    async def _asked(self, setting: Setting, live: LiveRun, token: str) -> Answered | Failed:
        asked = request_of(setting, live, self.url)
        live.task_input = asked
        headers = {
            "X-Titan-Run-Token": token,
            "X-Titan-Proxy-Url": asked["proxy_url"],
            "X-Titan-Run-Id": live.run_id,
            "X-Titan-Task-Id": setting.task.id,
            "X-Titan-Run-Token-Jti": live.token_id,
        }
        agent = setting.agent
        if isinstance(agent, HttpAgent):
            if not _is_address(self.url):
                reason = f"TITAN_PUBLIC_URL: expected http:// or https:// and a host; found {self.url!r}"
                return read_exchange(Exchange(broken=Broken.PROXY, reason=reason))
            exchange = await self._client.ask(
                agent.url,
                asked,
                headers={**headers, **agent.headers},
                within_seconds=setting.field.run_timeout_s,
                allow_loopback=agent.allow_loopback,
            )
            live.raw_answer = exchange.body
            return read_exchange(exchange)
        assert isinstance(agent, PythonAgent)
        return await self._asked_of_job(setting, agent, live, token)

    async def _asked_of_job(self, setting: Setting, agent: PythonAgent, live: LiveRun, token: str) -> Answered | Failed:
        environment = {"WORLD_RUN": live.run_id, "WORLD_TOKEN": token, "WORLD_AGENT_FUNCTION": agent.function}
        ended = await self._jobs.run(
            setting.run,
            agent.source,
            environment=environment,
            timeout_seconds=setting.field.run_timeout_s,
        )
        answer = live.job_answer
        if ended.was_lost or live.has_second_attempt:
            return internal_error(LOST)
        if isinstance(answer, dict) and isinstance(answer.get("size"), int):
            reason = f"the answer has {answer['size']:,} bytes of JSON; expected at most {MOST_RESPONSE_BYTES:,}"
            return read_exchange(Exchange(broken=Broken.TOO_LARGE, reason=reason))
        if isinstance(answer, dict) and answer.keys() == {"raised"}:
            detail = self._records.without_secrets(str(answer["raised"])[-4 * DETAIL_CHARACTERS :])
            message = f"the agent raised {detail.strip().splitlines()[-1] if detail.strip() else 'an exception'}"
            return Failed(error_class=ErrorClass.AGENT_5XX, message=message, detail=detail[-DETAIL_CHARACTERS:])
        if isinstance(answer, dict) and "answer" in answer:
            live.raw_answer = msgspec.json.encode(answer["answer"])
            return read_answer(answer["answer"])
        if "timeout" in ended.reason.lower() or "time limit" in ended.reason.lower():
            return read_exchange(Exchange(broken=Broken.TIMEOUT, reason=ended.reason))
        message = ended.reason or "the agent's job ended without an answer"
        return Failed(error_class=ErrorClass.AGENT_5XX, message=message)

    async def _fail(self, run: AgentRun, why: Failed, live: LiveRun | None = None) -> None:
        calls = 0 if live is None else live.calls

        def wait_seconds(tx: CallTransaction, failed_run: AgentRun) -> float | None:
            tries = tries_before(tx, run=failed_run)
            is_wanted = _redispatches(tx, failed_run)
            if is_wanted and is_worth_another_try(why.error_class, why.message, calls=calls, tries=tries):
                return REDISPATCH_SECONDS[tries]
            return None

        await self._fail_and_repeat(run, why, live, wait_seconds)

    async def _end_interrupted(self, run: AgentRun) -> None:
        """Fail a run that a restart interrupted; redispatch its task if the agent had made no calls."""
        await self._jobs.stop(run)  # else its agent would go on, or begin again, and nobody grades it
        actions = await asyncio.to_thread(
            self._calls.read, lambda reader: reader.actions_of_run(run.project_id, run.run_id)
        )
        has_called = any(one.kind is ActionKind.TOOL and Source.WORLD.value in one.sources for one in actions)
        why = internal_error(RESTARTED if has_called else "The server stopped before the agent had called a tool.")
        is_over = has_called or is_submitted(run)
        await self._fail_and_repeat(run, why, None, lambda _tx, _run: None if is_over else 0.0)

    async def _fail_and_repeat(
        self,
        run: AgentRun,
        why: Failed,
        live: LiveRun | None,
        wait_seconds: Callable[[CallTransaction, AgentRun], float | None],
    ) -> None:
        """Fail a run, and redispatch its task in the same transaction if `wait_seconds` returns a delay."""
        now, new_id, clean = self._clock.now(), new_run_id(self._ids), self._records.without_secrets
        fields = await asyncio.to_thread(without_secrets, failed(run, why, live, now), clean)

        def act(tx: CallTransaction) -> tuple[AgentRun, AgentRun | None, float]:
            found = tx.agent_run(run.project_id, run.run_id)
            if found is None or found.status in ENDED:
                return run, None, 0.0
            after = replace(failed(found, why, live, now), **fields)
            tx.save_agent_run(after)
            seconds = wait_seconds(tx, after)
            return after, None if seconds is None else _repeated(tx, after, new_id), seconds or 0.0

        after, repeated, seconds = await asyncio.wrap_future(self._calls.transact(act))
        if after.status is AgentRunStatus.FAILED and after.started_at is not None:
            await self._report(after, end=RunEnd.FAILED, reason=clean(f"{why.error_class}: {why.message}"))
        if repeated is not None:
            self.begin(repeated, after_seconds=seconds)

    # --- rows and reports ---

    async def _change(self, run: AgentRun, change: Callable[[AgentRun], AgentRun]) -> AgentRun:
        """Change an agent run's row and return it; a run that has ended or was deleted is not changed."""

        def act(tx: CallTransaction) -> AgentRun:
            found = tx.agent_run(run.project_id, run.run_id)
            if found is None or found.status in ENDED:
                return found or run
            after = change(found)
            tx.save_agent_run(after)
            return after

        return await asyncio.wrap_future(self._calls.transact(act))

    async def _report(
        self,
        run: AgentRun,
        *,
        name: str | None = None,
        tags: tuple[str, ...] = (),
        end: RunEnd | None = None,
        reason: str | None = None,
    ) -> None:
        entry = RunEntry(
            run_id=run.run_id,
            source=Source.WORLD,
            origin=Origin.EVALUATION,
            at=self._clock.now(),
            agent_id=run.agent_id,
            name=name,
            tags=tags,
            end=end,
            reason=reason,
        )
        await self._records.record(run.project_id, lambda: [entry], is_fixed=True)
        if end is not None:
            await self._jobs.end(run, end, reason or "")


class Places:
    """A semaphore of an agent field's runs, whose size follows the field's concurrency cap."""

    def __init__(self) -> None:
        self._most = 1  # until the first run knows better
        self._busy = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> "Places":
        while self._busy >= self._most:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._wake()  # the turn was perhaps its own already
                raise
        self._busy += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self._busy -= 1
        self._wake()

    def set_most(self, most: int) -> None:
        """Change the number of places; runs that have one keep it."""
        self._most = most
        self._wake()

    def _wake(self) -> None:
        free = self._most - self._busy
        while free > 0 and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1


def _redispatches(tx: CallTransaction, run: AgentRun) -> bool:
    workflow = tx.workflow(run.project_id, run.workflow_id)
    return workflow is not None and definition_of(workflow).auto_redispatch


def _repeated(tx: CallTransaction, run: AgentRun, new_id: str) -> AgentRun | None:
    """Dispatch the task of a run again; None where the task, the field or the agent was deleted."""
    workflow = tx.workflow(run.project_id, run.workflow_id)
    task = tx.task(run.project_id, run.workflow_id, run.task_id)
    if workflow is None or task is None:
        return None
    simulator = msgspec.json.decode(run.config).get("simulator")
    return dispatch(
        *(tx, workflow, task, run.field, new_id),
        trigger=Trigger.AUTO_REDISPATCH,
        source_run_id=run.run_id,
        simulator=simulator,
    )


def _is_address(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname)
