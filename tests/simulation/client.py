"""Those who submit, cancel and end things, and repeat every request until it is answered."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from random import Random

from tests.simulation.graphs import draw_dag
from tests.simulation.server import Server
from tests.simulation.wire import Wire, WireCut
from tests.support.builders import PROJECT
from titan.model.attempts import Attempt
from titan.model.dags import NewDag
from titan.model.errors import Conflict, IdempotencyConflict, InvalidDag, StoreError
from titan.model.jobs import GateOutcome
from titan.model.run_control import RunControl, RunOutcome
from titan.orchestrator.cancel import cancel_dags, cancel_jobs, cancel_run, end_run
from titan.orchestrator.gates import decide
from titan.orchestrator.orchestrator import Orchestrator
from titan.orchestrator.receipts import Once, once
from titan.orchestrator.retry import retry_dag, retry_job, retry_run
from titan.orchestrator.submit import Submitter, submit
from titan.ports.jobs_store import Transaction
from titan.rules.jobs.dag import check_dag
from titan.rules.jobs.gates import with_gates

Decide = Callable[[Transaction], object]


class Client:
    """Submits random graphs; every request carries a key, so that repeating it does no harm."""

    def __init__(self, server: Server, chance: Random) -> None:
        self._server = server
        self._wire = Wire(server, chance)
        self._chance = chance
        self._request_count = 0
        #: name → how often the server says it stored a DAG under it; names are used once.
        self.submitted: dict[str, str] = {}
        self.refused: set[str] = set()

    async def submit_one(self) -> None:
        """Submit a DAG without a run."""
        await self._submit(draw_dag(self._chance, self._new_name("dag")))

    async def run_agent(self, run_id: str) -> None:
        """Submit some stages of one run, later ones with parents in earlier ones, and perhaps end the run."""
        names: list[str] = []
        for _stage in range(self._chance.randint(1, 3)):
            stage = draw_dag(self._chance, self._new_name("stage"), run_id=run_id, foreign=tuple(names), size=5)
            stage = _renamed(stage, prefix=f"s{len(names)}")
            await self._submit(stage)
            names += [job.name for job in stage.jobs]
            await asyncio.sleep(self._chance.uniform(0, 8))
        if self._chance.random() < 0.5:
            outcome = self._chance.choice([RunOutcome.COMPLETED, RunOutcome.FAILED])
            await self._change(
                lambda tx: tx.run_control(PROJECT, run_id) and end_run(tx, PROJECT, run_id, outcome, reason="")
            )

    async def work(self, attempt: Attempt) -> None:
        """Be the script of a job: some submit a DAG of their own while they run."""
        if self._chance.random() < 0.1:
            await asyncio.sleep(self._chance.random())
            made = draw_dag(Random(attempt.job_id), f"made-by-{attempt.job_id}", size=2)  # the same in every attempt
            await self._submit(made, token=attempt.token)

    async def cancel_something(self) -> None:
        """Cancel a job, a DAG or a run."""
        await self._change(self._chance.choice([self._cancel_job, self._cancel_dag, self._cancel_run]))

    async def decide_something(self) -> None:
        """Approve or reject one of the open gates."""
        await self._change(self._decide_gate)

    async def retry_something(self) -> None:
        """Try a job, a DAG or a run again that failed."""
        await self._change(self._chance.choice([self._retry_job, self._retry_dag, self._retry_run]))

    async def cancel(self, job_id: str) -> None:
        """Cancel one job."""
        await self._change(lambda tx: cancel_jobs(tx, [job] if (job := tx.job(job_id)) else [], by="a client"))

    def _cancel_job(self, tx: Transaction) -> object:
        jobs = tx.jobs(PROJECT, limit=20)
        return cancel_jobs(tx, [jobs[self._request_count % len(jobs)]] if jobs else [], by="a client")

    def _cancel_dag(self, tx: Transaction) -> object:
        dags = tx.dags(PROJECT, limit=5)
        return cancel_dags(tx, [dags[self._request_count % len(dags)]] if dags else [], by="somebody")

    def _decide_gate(self, tx: Transaction) -> object:
        gates = tx.gates(PROJECT, is_open=True, limit=5)
        outcome = (GateOutcome.APPROVED, GateOutcome.APPROVED, GateOutcome.REJECTED)[self._request_count % 3]
        return decide(tx, gates[self._request_count % len(gates)], outcome, by="somebody") if gates else None

    def _retry_job(self, tx: Transaction) -> object:
        failed = tx.jobs(PROJECT, status="FAILED", limit=5) + tx.jobs(PROJECT, status="CANCELLED", limit=5)
        return retry_job(tx, failed[self._request_count % len(failed)]) if failed else None

    def _retry_dag(self, tx: Transaction) -> object:
        dags = tx.dags(PROJECT, limit=5)
        return retry_dag(tx, dags[self._request_count % len(dags)]) if dags else None

    def _retry_run(self, tx: Transaction) -> object:
        run = self._newest_run(tx)
        return retry_run(tx, run) if run else None

    def _cancel_run(self, tx: Transaction) -> object:
        run = self._newest_run(tx)
        return cancel_run(tx, run, by="somebody") if run else None

    @staticmethod
    def _newest_run(tx: Transaction) -> RunControl | None:
        run_id = next((dag.run_id for dag in tx.dags(PROJECT, limit=20) if dag.run_id), None)
        return None if run_id is None else tx.run_control(PROJECT, run_id)

    async def _submit(self, new: NewDag, token: str | None = None) -> None:
        new = with_gates(new)
        check_dag(new)
        submitter = Submitter(project_id=PROJECT, token=token)

        async def act(orchestrator: Orchestrator, mark: Once) -> bytes:
            decision = partial(submit, new=new, submitter=submitter, dag_id=self._server.ids.dag_id())
            return await orchestrator.decide(partial(once, mark=mark, act=decision))

        try:
            answer = await self._insist(act)
        except IdempotencyConflict:
            raise
        except InvalidDag:
            self.refused.add(new.name)
        except Conflict:
            return  # a stale token, where a later attempt has a good one; or a cancelled run, which a retry reopens
        else:
            self.submitted[new.name] = json.loads(answer)["dag_id"]

    async def _change(self, decide: Decide) -> None:
        async def act(orchestrator: Orchestrator, mark: Once) -> bytes:
            return await orchestrator.decide(partial(once, mark=mark, act=lambda tx: _said(decide(tx))))

        with suppress(Conflict):  # there was nothing to change any more
            await self._insist(act)

    async def _insist(self, act: Callable[[Orchestrator, Once], Awaitable[bytes]]) -> bytes:
        """Ask, with the same key, until there is an answer."""
        self._request_count += 1
        mark = Once(project_id=PROJECT, key=f"key-{self._request_count}", fingerprint="the same")
        while True:
            try:
                return await self._wire.ask(lambda orchestrator: act(orchestrator, mark))
            except (WireCut, StoreError):
                await asyncio.sleep(self._chance.uniform(0.1, 2))

    def _new_name(self, kind: str) -> str:
        return f"{kind}-{self._request_count}-{self._chance.getrandbits(32):08x}"


def _said(answer: object) -> str:
    """Return an answer as text: what cancels and ends answer is of no matter here."""
    return str(answer)


def _renamed(dag: NewDag, *, prefix: str) -> NewDag:
    """Return the DAG with other names for its own jobs, so that the names of a run differ."""
    own = {job.name: f"{prefix}.{job.name}" for job in dag.jobs}
    jobs = tuple(
        replace(job, name=own[job.name], parents=tuple(own.get(parent, parent) for parent in job.parents))
        for job in dag.jobs
    )
    return replace(dag, jobs=jobs)
