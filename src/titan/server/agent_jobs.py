"""Runs Python agents as Titan jobs, which call the tools of their world through the proxy."""

import asyncio
import hashlib
from collections.abc import Mapping
from functools import partial
from typing import Final

from titan.evaluate.dispatcher import JobEnded
from titan.model.actions import RunEnd
from titan.model.dags import NewDag
from titan.model.evaluations import AgentRun
from titan.model.jobs import JobSpec, JobStatus
from titan.model.run_control import RunOutcome
from titan.orchestrator.bus import Bus, Kind, Topic
from titan.orchestrator.cancel import cancel_dags, end_run
from titan.orchestrator.orchestrator import Orchestrator
from titan.orchestrator.submit import Submitter, submit
from titan.ports.jobs_store import Reader, Store, Transaction
from titan.ports.runtime import Blobs, Ids
from titan.rules.jobs.dag import check_dag

LOOKED_EVERY_SECONDS: Final = 60.0  # beside the bell: what another server missed
_FILE: Final = "titan_agent.py"
_RUNNER: Final = '''\
"""Asks a function of `agent.py` to do a task, and hands in what it returns."""

import importlib
import json
import os
import pathlib
import sys
import traceback
import urllib.request

SOURCE = {source!r}
SCHEME = "https" if os.environ.get("TITAN_TLS") else "http"
PROXY = f"{{SCHEME}}://{{os.environ['TITAN_HOST']}}:{{os.environ['TITAN_PORT']}}/api/world/runs/{{os.environ['WORLD_RUN']}}"
TOKEN = os.environ["WORLD_TOKEN"]


def ask(path, body=None):
    headers = {{"Authorization": f"Bearer {{TOKEN}}", "Content-Type": "application/json"}}
    request = urllib.request.Request(PROXY + path, None if body is None else json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


os.environ |= {{"TITAN_PROXY_URL": PROXY, "TITAN_RUN_TOKEN": TOKEN}}  # for what the agent starts
pathlib.Path("agent.py").write_text(SOURCE, "utf-8")
sys.path.insert(0, os.getcwd())
task = ask("/task")
try:
    agent = importlib.import_module("agent")
    answer = getattr(agent, os.environ["WORLD_AGENT_FUNCTION"])(task, proxy_url=PROXY, run_token=TOKEN)
    ask("/response", {{"answer": answer}})
except Exception:
    ask("/response", {{"raised": traceback.format_exc()}})
    raise
'''


class AgentJobs:
    """Implements `titan.evaluate.dispatcher.Jobs`."""

    def __init__(self, orchestrator: Orchestrator, store: Store, blobs: Blobs, bus: Bus, ids: Ids) -> None:
        self._orchestrator = orchestrator
        self._store = store
        self._blobs = blobs
        self._bus = bus
        self._ids = ids

    async def run(
        self, run: AgentRun, source: str, *, environment: Mapping[str, str], timeout_seconds: float
    ) -> JobEnded:
        """Return when the job has ended; a caller that is cancelled cancels it."""
        script = _RUNNER.format(source=source).encode()
        digest = hashlib.sha256(script).hexdigest()
        if not self._blobs.touch(digest):
            await asyncio.to_thread(self._blobs.put, script)
        spec = JobSpec(
            name="agent", filename=_FILE, script=digest, env=dict(environment), timeout_seconds=timeout_seconds
        )
        new = NewDag(
            name=f"{run.run_id}-agent",
            jobs=(spec,),
            agent_run_id=run.run_id,
            agent_id=run.agent_id,
            is_repeatable=False,
        )
        check_dag(new)
        dag_id = self._ids.dag_id()
        submitter = Submitter(project_id=run.project_id)
        await self._orchestrator.decide(partial(submit, new=new, submitter=submitter, dag_id=dag_id))
        return await self.wait(dag_id)

    async def wait(self, dag_id: str) -> JobEnded:
        """Return when a DAG has ended; a caller that is cancelled cancels it."""
        try:
            while not await self._is_final(dag_id):
                await self._bus.wait_until(
                    [Topic(Kind.DAG, dag_id)], partial(self._is_final, dag_id), LOOKED_EVERY_SECONDS
                )
        except asyncio.CancelledError:
            if not self._bus.is_closed:  # the server goes on: somebody cancelled the agent run
                self._orchestrator.background(self._orchestrator.decide(partial(_cancel, dag_id=dag_id)))
            raise
        return await self._store.look(partial(_ended, dag_id=dag_id))

    async def end(self, run: AgentRun, end: RunEnd, reason: str) -> None:
        """Have the run be over, where it has a job; else nothing."""

        def act(tx: Transaction) -> None:
            if tx.run_control(run.project_id, run.run_id) is not None:
                end_run(tx, run.project_id, run.run_id, RunOutcome(end.value), reason=reason)

        await self._orchestrator.keep(act)

    async def _is_final(self, dag_id: str) -> bool:
        def look(reader: Reader) -> bool:
            dag = reader.dag(dag_id)
            return dag is None or dag.is_final

        return await self._store.look(look)


def _ended(reader: Reader, *, dag_id: str) -> JobEnded:
    jobs = reader.jobs_of_dag(dag_id)
    if not jobs:
        return JobEnded(has_completed=False, reason="the agent's job is gone")
    results = (reader.result(job.id) for job in reversed(jobs))
    return JobEnded(
        has_completed=all(job.status is JobStatus.COMPLETED for job in jobs),
        reason=next((job.reason for job in jobs if job.status is not JobStatus.COMPLETED and job.reason), ""),
        result=next((result for result in results if result is not None), None),
    )


def _cancel(tx: Transaction, *, dag_id: str) -> None:
    dag = tx.dag(dag_id)
    if dag is not None:
        cancel_dags(tx, [dag], by="the evaluation")
