"""The list of routes: everything that can be asked, and the values that go in and out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from litestar import Response, WebSocket

from titan.engine import protocol
from titan.engine.cancel import Cancelled
from titan.engine.submit import Submitted
from titan.rules.access import Permission
from titan.server import wire
from titan.server.call import Call
from titan.server.routes import about, dags, events, files, jobs, memory, models, runs, tokens, workers

Handler = Callable[[Call], Awaitable[Response[Any]]]
SocketHandler = Callable[[Call, WebSocket[Any, Any, Any]], Awaitable[None]]
BINARY: Final = bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One thing that can be asked. Its summary is the handler's docstring."""

    method: Literal["GET", "PUT", "POST"]
    path: str  #: with `{name:str}` where a part varies
    handler: Handler
    permission: Permission  #: who may ask; `titan.rules.access` says which roles have it
    answer: Any  #: type of the body of a success; `bytes` for raw content
    body: Any = None  #: type of the request's body; `bytes` for raw content, None for none
    query: Any = wire.NoQuery
    status_code: int = 200
    media_type: str = "application/json"  #: of the answer
    mutates: bool = field(default=False)  #: whether it takes an Idempotency-Key


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketRoute:
    """One WebSocket. Its handler is given the handshake as a call, and accepts the socket."""

    path: str
    handler: SocketHandler
    permission: Permission
    query: Any = wire.NoQuery


ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="GET",
        path="/api/health",
        handler=about.health,
        permission=Permission.KNOW_SERVER,
        answer=wire.HealthAnswer,
    ),
    Route(
        method="POST",
        path="/api/dags",
        handler=dags.submit_dag,
        permission=Permission.SUBMIT,
        body=wire.SubmitBody,
        answer=Submitted,
        status_code=201,
        mutates=True,
    ),
    Route(
        method="GET",
        path="/api/dags",
        handler=dags.list_dags,
        permission=Permission.SEE_WORK,
        query=wire.DagsQuery,
        answer=wire.DagsAnswer,
    ),
    Route(
        method="GET",
        path="/api/dags/{dag:str}",
        handler=dags.show_dag,
        permission=Permission.SEE_WORK,
        query=wire.DagQuery,
        answer=wire.DagView,
    ),
    Route(
        method="POST",
        path="/api/dags/{dag:str}/cancel",
        handler=dags.cancel_dag,
        permission=Permission.CHANGE_WORK,
        answer=Cancelled,
        mutates=True,
    ),
    Route(
        method="GET",
        path="/api/jobs",
        handler=jobs.list_jobs,
        permission=Permission.SEE_WORK,
        query=wire.JobsQuery,
        answer=wire.JobsAnswer,
    ),
    Route(
        method="GET",
        path="/api/jobs/{job:str}",
        handler=jobs.show_job,
        permission=Permission.SEE_WORK,
        query=wire.JobQuery,
        answer=wire.JobView,
    ),
    Route(
        method="GET",
        path="/api/jobs/{job:str}/log",
        handler=jobs.read_log,
        permission=Permission.SEE_WORK,
        query=wire.LogQuery,
        answer=BINARY,
        media_type="application/octet-stream",
    ),
    Route(
        method="GET",
        path="/api/jobs/{job:str}/story",
        handler=jobs.tell_story,
        permission=Permission.SEE_WORK,
        query=wire.ScopeQuery,
        answer=wire.StoryAnswer,
    ),
    Route(
        method="POST",
        path="/api/jobs/{job:str}/cancel",
        handler=jobs.cancel_job,
        permission=Permission.CHANGE_WORK,
        query=wire.ScopeQuery,
        answer=Cancelled,
        mutates=True,
    ),
    Route(
        method="GET",
        path="/api/runs",
        handler=runs.list_runs,
        permission=Permission.SEE_ALL,
        query=wire.RunsQuery,
        answer=wire.RunsAnswer,
    ),
    Route(
        method="GET",
        path="/api/runs/{run:str}",
        handler=runs.show_run,
        permission=Permission.SEE_WORK,
        answer=wire.RunView,
    ),
    Route(
        method="POST",
        path="/api/runs/{run:str}/cancel",
        handler=runs.cancel_run,
        permission=Permission.CHANGE_WORK,
        answer=Cancelled,
        mutates=True,
    ),
    Route(
        method="POST",
        path="/api/runs/{run:str}/end",
        handler=runs.end_run,
        permission=Permission.CHANGE_WORK,
        body=wire.EndRunBody,
        answer=wire.RunView,
        mutates=True,
    ),
    Route(
        method="GET",
        path="/api/store",
        handler=memory.get_value,
        permission=Permission.READ_SHARED,
        query=wire.KeyQuery,
        answer=wire.ValueAnswer,
    ),
    Route(
        method="PUT",
        path="/api/store",
        handler=memory.put_value,
        permission=Permission.WRITE_SHARED,
        body=wire.PutBody,
        answer=wire.OkAnswer,
        mutates=True,
    ),
    Route(
        method="GET",
        path="/api/store/sets",
        handler=memory.list_members,
        permission=Permission.READ_SHARED,
        query=wire.KeyQuery,
        answer=wire.MembersAnswer,
    ),
    Route(
        method="POST",
        path="/api/store/sets",
        handler=memory.add_member,
        permission=Permission.WRITE_SHARED,
        body=wire.AddBody,
        answer=wire.AddedAnswer,
        mutates=True,
    ),
    Route(
        method="POST",
        path="/api/store/wait",
        handler=memory.wait_for_signals,
        permission=Permission.WRITE_SHARED,
        body=wire.SignalsBody,
        answer=wire.SignalsAnswer,
    ),
    Route(
        method="PUT",
        path="/api/files/{name:str}",
        handler=files.upload,
        permission=Permission.WRITE_SHARED,
        body=BINARY,
        answer=wire.FileAnswer,
        status_code=201,
        mutates=True,
    ),
    Route(
        method="GET",
        path="/api/files/{name:str}",
        handler=files.download,
        permission=Permission.READ_SHARED,
        answer=BINARY,
        media_type="application/octet-stream",
    ),
    Route(
        method="GET",
        path="/api/blobs/{digest:str}",
        handler=files.download_blob,
        permission=Permission.FETCH,
        answer=BINARY,
        media_type="application/octet-stream",
    ),
    Route(
        method="GET",
        path="/api/events",
        handler=events.stream_events,
        permission=Permission.SEE_WORK,
        query=wire.EventsQuery,
        answer=BINARY,
        media_type="text/event-stream",
    ),
    Route(
        method="GET",
        path="/api/workers",
        handler=workers.list_workers,
        permission=Permission.SEE_CLUSTER,
        answer=wire.WorkersAnswer,
    ),
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
        query=wire.LogPartQuery,
        body=BINARY,
        answer=protocol.LogAnswer,
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
        path="/api/workers/{worker:str}/leave",
        handler=workers.leave,
        permission=Permission.WORK,
        answer=protocol.LeaveAnswer,
    ),
    Route(
        method="POST",
        path="/api/tokens",
        handler=tokens.create_token,
        permission=Permission.ADMINISTER,
        body=wire.NewTokenBody,
        answer=wire.NewTokenAnswer,
        status_code=201,
    ),
    Route(
        method="GET",
        path="/api/tokens",
        handler=tokens.list_tokens,
        permission=Permission.ADMINISTER,
        answer=wire.TokensAnswer,
    ),
    Route(
        method="POST",
        path="/api/tokens/{token:str}/revoke",
        handler=tokens.revoke_token,
        permission=Permission.ADMINISTER,
        answer=wire.TokenView,
        mutates=True,
    ),
    Route(
        method="POST",
        path="/v1/chat/completions",
        handler=models.chat,
        permission=Permission.WRITE_SHARED,
        body=dict,
        answer=dict,
    ),
    Route(
        method="GET",
        path="/v1/models",
        handler=models.list_models,
        permission=Permission.READ_SHARED,
        answer=dict,
    ),
)

SOCKETS: Final[tuple[SocketRoute, ...]] = (
    SocketRoute(
        path="/api/events/ws",
        handler=events.send_events,
        permission=Permission.SEE_WORK,
        query=wire.SocketEventsQuery,
    ),
)
