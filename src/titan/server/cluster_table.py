"""The routes with which people look after workers."""

from typing import Final

from titan.rules.access import Permission
from titan.server import wire_cluster
from titan.server.route import Route
from titan.server.routes import cluster

CLUSTER_ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="GET",
        path="/api/workers",
        handler=cluster.list_workers,
        permission=Permission.SEE_CLUSTER,
        query=wire_cluster.WorkersQuery,
        answer=wire_cluster.WorkersAnswer,
    ),
    Route(
        method="POST",
        path="/api/workers/local",
        handler=cluster.start_local,
        permission=Permission.OPERATE,
        body=wire_cluster.LocalWorkerBody,
        answer=wire_cluster.LocalWorkerAnswer,
        status_code=201,
        mutates=True,
    ),
    Route(
        method="POST",
        path="/api/workers/{worker:str}/drain",
        handler=cluster.drain_worker,
        permission=Permission.OPERATE,
        answer=wire_cluster.WorkerView,
        mutates=True,
    ),
    Route(
        method="POST",
        path="/api/workers/{worker:str}/resume",
        handler=cluster.resume_worker,
        permission=Permission.OPERATE,
        answer=wire_cluster.WorkerView,
        mutates=True,
    ),
)
