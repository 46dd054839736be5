"""Once more: retry, replay, redeploy, resume."""

from titan.engine.again import redeploy, replay_job, resume_run
from titan.engine.retry import retry_dag, retry_job, retry_run
from titan.engine.submit import Submitter
from titan.model.jobs import Job
from titan.ports import Reader, Transaction
from titan.rules.access import Permission
from titan.server.call import Call
from titan.server.lookup import find_dag, find_job, find_run
from titan.server.route import Routes
from titan.wire.base import ScopeQuery
from titan.wire.work import Resumed, Retried, Submitted

route = Routes()


@route("POST /api/jobs/{job}/retry", Permission.CHANGE_WORK, mutates=True, adds=True)
def retry_a_job(call: Call, tx: Transaction, query: ScopeQuery) -> Retried:
    """Try a job again that failed or was cancelled, and what was cancelled because of it."""
    return retry_job(tx, _job(tx, call, query))


@route("POST /api/dags/{dag}/retry", Permission.CHANGE_WORK, mutates=True, adds=True)
def retry_a_dag(call: Call, tx: Transaction) -> Retried:
    """Try again every job of a DAG that failed or was cancelled; what completed is kept."""
    return retry_dag(tx, find_dag(tx, call.project_id, call.path("dag")))


@route("POST /api/v1/runs/{run}/retry", Permission.CHANGE_WORK, mutates=True, adds=True)
def retry_a_run(call: Call, tx: Transaction) -> Retried:
    """Try again every job of a run that failed or was cancelled; of stages with one name, only the last."""
    return retry_run(tx, find_run(tx, call.project_id, call.path("run")))


@route("POST /api/jobs/{job}/replay", Permission.CHANGE_WORK, status=201, mutates=True, adds=True)
def replay_a_job(call: Call, tx: Transaction, query: ScopeQuery) -> Submitted:
    """Run a job once more with its inputs, as a DAG of its own."""
    return replay_job(tx, _job(tx, call, query), _submitter(call), dag_id=call.house.ids.dag_id())


@route("POST /api/dags/{dag}/redeploy", Permission.CHANGE_WORK, status=201, mutates=True, adds=True)
def redeploy_a_dag(call: Call, tx: Transaction) -> Submitted:
    """Submit a DAG once more, under the same name."""
    dag = find_dag(tx, call.project_id, call.path("dag"))
    return redeploy(tx, dag, _submitter(call), dag_id=call.house.ids.dag_id())


@route("POST /api/v1/runs/{run}/resume", Permission.CHANGE_WORK, mutates=True, adds=True)
def resume_a_run(call: Call, tx: Transaction) -> Resumed:
    """Reopen a run, and retry the job that submitted its stages, or tell which program to start again."""
    return resume_run(tx, find_run(tx, call.project_id, call.path("run")))


def _submitter(call: Call) -> Submitter:
    return Submitter(project_id=call.project_id, token=call.token())


def _job(reader: Reader, call: Call, scope: ScopeQuery) -> Job:
    return find_job(reader, call.project_id, call.path("job"), dag_id=scope.dag, run_id=scope.run, is_strict=True)
