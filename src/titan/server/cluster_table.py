"""The routes with which people look after workers."""

from typing import Final

from titan.rules.access import Permission
from titan.server.route import Route
from titan.server.routes import cluster
from titan.wire.workers import LocalWorkerAnswer, LocalWorkerBody, WorkersAnswer, WorkersQuery, WorkerView

CLUSTER_ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="GET",
        path="/api/workers",
        handler=cluster.list_workers,
        permission=Permission.SEE_CLUSTER,
        query=WorkersQuery,
        answer=WorkersAnswer,
    ),
    Route(
        method="POST",
        path="/api/workers/local",
        handler=cluster.start_local,
        permission=Permission.OPERATE,
        body=LocalWorkerBody,
        answer=LocalWorkerAnswer,
        status_code=201,
        mutates=True,
    ),
    Route(
        method="POST",
        path="/api/workers/{worker:str}/drain",
        handler=cluster.drain_worker,
        permission=Permission.OPERATE,
        answer=WorkerView,
        mutates=True,
    ),
    Route(
        method="POST",
        path="/api/workers/{worker:str}/resume",
        handler=cluster.resume_worker,
        permission=Permission.OPERATE,
        answer=WorkerView,
        mutates=True,
    ),
)
