"""The routes that workers use, and nobody else needs."""

from typing import Final

from titan.rules.access import Permission
from titan.server.route import Route
from titan.server.routes import left_files, workers
from titan.wire import protocol
from titan.wire.protocol import LogPartQuery

WORKER_ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="PUT",
        path="/api/workers/{worker:str}",
        handler=workers.register,
        permission=Permission.WORK,
        body=protocol.Registration,
        answer=protocol.Registered,
    ),
    Route(
        method="POST",
        path="/api/workers/{worker:str}/claim",
        handler=workers.claim,
        permission=Permission.WORK,
        body=protocol.ClaimRequest,
        answer=protocol.ClaimAnswer,
    ),
    Route(
        method="POST",
        path="/api/workers/{worker:str}/heartbeat",
        handler=workers.heartbeat,
        permission=Permission.WORK,
        body=protocol.HeartbeatRequest,
        answer=protocol.HeartbeatAnswer,
    ),
    Route(
        method="PUT",
        path="/api/workers/{worker:str}/log/{lease:str}",
        handler=workers.append_log,
        permission=Permission.WORK,
        query=LogPartQuery,
        body=bytes,
        answer=protocol.LogAnswer,
    ),
    Route(
        method="PUT",
        path="/api/workers/{worker:str}/files/{lease:str}",
        handler=left_files.note,
        permission=Permission.WORK,
        body=protocol.NoteFilesRequest,
        answer=protocol.NoteFilesAnswer,
    ),
    Route(
        method="PUT",
        path="/api/workers/{worker:str}/files/{lease:str}/{digest:str}",
        handler=left_files.take_content,
        permission=Permission.WORK,
        body=bytes,
        answer=protocol.ContentAnswer,
    ),
    Route(
        method="POST",
        path="/api/workers/{worker:str}/complete",
        handler=workers.complete,
        permission=Permission.WORK,
        body=protocol.CompleteRequest,
        answer=protocol.CompleteAnswer,
    ),
    Route(
        method="POST",
        path="/api/workers/{worker:str}/workspaces",
        handler=workers.sort_out_workspaces,
        permission=Permission.WORK,
        body=protocol.WorkspacesRequest,
        answer=protocol.WorkspacesAnswer,
    ),
    Route(
        method="POST",
        path="/api/workers/{worker:str}/leave",
        handler=workers.leave,
        permission=Permission.WORK,
        answer=protocol.LeaveAnswer,
    ),
)
