"""Once more: retry, replay, redeploy, resume."""

from collections.abc import Callable

from litestar import Response

from titan.engine.again import redeploy, replay_job, resume_run
from titan.engine.retry import retry_dag, retry_job, retry_run
from titan.engine.submit import Submitter
from titan.model.jobs import Job
from titan.ports import Reader, Transaction
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.lookup import find_dag, find_job, find_run
from titan.wire.base import ScopeQuery


async def retry_a_job(call: Call) -> Response[bytes]:
    """Try a job again that failed or was cancelled, and what was cancelled because of it."""
    return await _perform(call, lambda tx: retry_job(tx, _job(tx, call)))


async def retry_a_dag(call: Call) -> Response[bytes]:
    """Try again every job of a DAG that failed or was cancelled; what completed is kept."""
    return await _perform(call, lambda tx: retry_dag(tx, find_dag(tx, call.project_id, call.path("dag"))))


async def retry_a_run(call: Call) -> Response[bytes]:
    """Try again every job of a run that failed or was cancelled; of stages with one name, only the last."""
    return await _perform(call, lambda tx: retry_run(tx, find_run(tx, call.project_id, call.path("run"))))


async def replay_a_job(call: Call) -> Response[bytes]:
    """Run a job once more with its inputs, as a DAG of its own."""
    dag_id = call.house.ids.dag_id()
    return await _perform(call, lambda tx: replay_job(tx, _job(tx, call), _submitter(call), dag_id=dag_id), 201)


async def redeploy_a_dag(call: Call) -> Response[bytes]:
    """Submit a DAG once more, under the same name."""
    dag_id = call.house.ids.dag_id()

    def act(tx: Transaction) -> object:
        dag = find_dag(tx, call.project_id, call.path("dag"))
        return redeploy(tx, dag, _submitter(call), dag_id=dag_id)

    return await _perform(call, act, 201)


async def resume_a_run(call: Call) -> Response[bytes]:
    """Reopen a run, and retry the job that submitted its stages, or tell which program to start again."""
    return await _perform(call, lambda tx: resume_run(tx, find_run(tx, call.project_id, call.path("run"))))


async def _perform(call: Call, act: Callable[[Transaction], object], status_code: int = 200) -> Response[bytes]:
    raw = await call.raw_body()
    answer = await call.house.orchestrator.decide(call.once(raw, act))
    return json_answer(answer, status_code)


def _submitter(call: Call) -> Submitter:
    return Submitter(project_id=call.project_id, token=call.token())


def _job(reader: Reader, call: Call) -> Job:
    scope = call.query(ScopeQuery)
    return find_job(reader, call.project_id, call.path("job"), dag_id=scope.dag, run_id=scope.run, is_strict=True)
