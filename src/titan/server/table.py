"""The list of routes: everything that can be asked, and the values that go in and out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from litestar import Response

from titan.engine import protocol
from titan.engine.again import Resumed
from titan.engine.cancel import Cancelled
from titan.engine.retry import Retried
from titan.engine.submit import Submitted
from titan.server import wire, wire_store
from titan.server.call import Call
from titan.server.routes import about, again, dags, events, files, gates, jobs, memory, models, results, runs, workers

Handler = Callable[[Call], Awaitable[Response[Any]]]
BINARY: Final = bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One thing that can be asked. Its summary is the handler's docstring."""

    method: Literal["GET", "PUT", "POST", "DELETE"]
    path: str  #: with `{name:str}` where a part varies
    handler: Handler
    answer: Any  #: type of the body of a success; `bytes` for raw content
    body: Any = None  #: type of the request's body; `bytes` for raw content, None for none
    query: Any = wire.NoQuery
    status_code: int = 200
    media_type: str = "application/json"  #: of the answer
    mutates: bool = field(default=False)  #: whether it takes an Idempotency-Key


ROUTES: Final[tuple[Route, ...]] = (
    Route(method="GET", path="/api/health", handler=about.health, answer=wire.HealthAnswer),
    Route(
        method="POST",
        path="/api/dags",
        handler=dags.submit_dag,
        body=wire.SubmitBody,
        answer=Submitted,
        status_code=201,
        mutates=True,
    ),
    Route(method="GET", path="/api/dags", handler=dags.list_dags, query=wire.DagsQuery, answer=wire.DagsAnswer),
    Route(
        method="GET",
        path="/api/dags/{dag:str}",
        handler=dags.show_dag,
        query=wire.DagQuery,
        answer=wire.DagView,
    ),
    Route(
        method="POST",
        path="/api/dags/{dag:str}/cancel",
        handler=dags.cancel_dag,
        answer=Cancelled,
        mutates=True,
    ),
    Route(
        method="POST",
        path="/api/dags/{dag:str}/retry",
        handler=again.retry_a_dag,
        answer=Retried,
        mutates=True,
    ),
    Route(
        method="POST",
        path="/api/dags/{dag:str}/redeploy",
        handler=again.redeploy_a_dag,
        answer=Submitted,
        status_code=201,
        mutates=True,
    ),
    Route(method="GET", path="/api/jobs", handler=jobs.list_jobs, query=wire.JobsQuery, answer=wire.JobsAnswer),
    Route(
        method="GET",
        path="/api/jobs/{job:str}",
        handler=jobs.show_job,
        query=wire.JobQuery,
        answer=wire.JobView,
    ),
    Route(
        method="GET",
        path="/api/jobs/{job:str}/log",
        handler=jobs.read_log,
        query=wire.LogQuery,
        answer=BINARY,
        media_type="application/octet-stream",
    ),
    Route(
        method="GET",
        path="/api/jobs/{job:str}/story",
        handler=jobs.tell_story,
        query=wire.ScopeQuery,
        answer=wire.StoryAnswer,
    ),
    Route(
        method="POST",
        path="/api/jobs/{job:str}/cancel",
        handler=jobs.cancel_job,
        query=wire.ScopeQuery,
        answer=Cancelled,
        mutates=True,
    ),
    Route(
        method="POST",
        path="/api/jobs/{job:str}/retry",
        handler=again.retry_a_job,
        query=wire.ScopeQuery,
        answer=Retried,
        mutates=True,
    ),
    Route(
        method="POST",
        path="/api/jobs/{job:str}/replay",
        handler=again.replay_a_job,
        query=wire.ScopeQuery,
        answer=Submitted,
        status_code=201,
        mutates=True,
    ),
    Route(
        method="GET",
        path="/api/jobs/{job:str}/result",
        handler=results.get_result,
        query=wire.ScopeQuery,
        answer=wire.ResultAnswer,
    ),
    Route(
        method="PUT",
        path="/api/result",
        handler=results.set_result,
        body=wire.ResultBody,
        answer=wire.OkAnswer,
        mutates=True,
    ),
    Route(method="GET", path="/api/gates", handler=gates.list_gates, query=wire.GatesQuery, answer=wire.GatesAnswer),
    Route(
        method="GET",
        path="/api/gates/{gate:str}",
        handler=gates.show_gate,
        query=wire.ScopeQuery,
        answer=wire.GateView,
    ),
    Route(
        method="POST",
        path="/api/gates/{gate:str}/approve",
        handler=gates.approve_gate,
        query=wire.ScopeQuery,
        body=wire.DecideBody,
        answer=wire.GateView,
        mutates=True,
    ),
    Route(
        method="POST",
        path="/api/gates/{gate:str}/reject",
        handler=gates.reject_gate,
        query=wire.ScopeQuery,
        body=wire.DecideBody,
        answer=wire.GateView,
        mutates=True,
    ),
    Route(method="GET", path="/api/runs", handler=runs.list_runs, query=wire.RunsQuery, answer=wire.RunsAnswer),
    Route(method="GET", path="/api/runs/{run:str}", handler=runs.show_run, answer=wire.RunView),
    Route(
        method="POST",
        path="/api/runs/{run:str}/cancel",
        handler=runs.cancel_run,
        answer=Cancelled,
        mutates=True,
    ),
    Route(
        method="POST",
        path="/api/runs/{run:str}/end",
        handler=runs.end_run,
        body=wire.EndRunBody,
        answer=wire.RunView,
        mutates=True,
    ),
    Route(
        method="POST",
        path="/api/runs/{run:str}/retry",
        handler=again.retry_a_run,
        answer=Retried,
        mutates=True,
    ),
    Route(
        method="POST",
        path="/api/runs/{run:str}/resume",
        handler=again.resume_a_run,
        answer=Resumed,
        mutates=True,
    ),
    Route(
        method="GET",
        path="/api/store",
        handler=memory.get_value,
        query=wire_store.KeyQuery,
        answer=wire_store.ValueAnswer,
    ),
    Route(
        method="PUT",
        path="/api/store",
        handler=memory.put_value,
        body=wire_store.PutBody,
        answer=wire.OkAnswer,
        mutates=True,
    ),
    Route(
        method="DELETE",
        path="/api/store",
        handler=memory.delete_key,
        query=wire_store.KeyQuery,
        answer=wire_store.DeletedAnswer,
        mutates=True,
    ),
    Route(
        method="GET",
        path="/api/store/keys",
        handler=memory.list_keys,
        query=wire_store.KeysQuery,
        answer=wire_store.KeysAnswer,
    ),
    Route(
        method="POST",
        path="/api/store/incr",
        handler=memory.increment,
        body=wire_store.IncrementBody,
        answer=wire_store.IncrementedAnswer,
        mutates=True,
    ),
    Route(
        method="POST",
        path="/api/store/cas",
        handler=memory.compare_and_swap,
        body=wire_store.SwapBody,
        answer=wire_store.SwappedAnswer,
        mutates=True,
    ),
    Route(
        method="GET",
        path="/api/store/sets",
        handler=memory.list_members,
        query=wire_store.KeyQuery,
        answer=wire_store.MembersAnswer,
    ),
    Route(
        method="POST",
        path="/api/store/sets",
        handler=memory.add_member,
        body=wire_store.AddBody,
        answer=wire_store.AddedAnswer,
        mutates=True,
    ),
    Route(
        method="POST",
        path="/api/store/wait",
        handler=memory.wait_for_signals,
        body=wire_store.SignalsBody,
        answer=wire_store.SignalsAnswer,
    ),
    Route(
        method="PUT",
        path="/api/files/{name:str}",
        handler=files.upload,
        body=BINARY,
        answer=wire.FileAnswer,
        status_code=201,
        mutates=True,
    ),
    Route(
        method="GET",
        path="/api/files/{name:str}",
        handler=files.download,
        answer=BINARY,
        media_type="application/octet-stream",
    ),
    Route(
        method="GET",
        path="/api/blobs/{digest:str}",
        handler=files.download_blob,
        answer=BINARY,
        media_type="application/octet-stream",
    ),
    Route(
        method="GET",
        path="/api/events",
        handler=events.stream_events,
        query=wire.EventsQuery,
        answer=BINARY,
        media_type="text/event-stream",
    ),
    Route(method="GET", path="/api/workers", handler=workers.list_workers, answer=wire.WorkersAnswer),
    Route(
        method="PUT",
        path="/api/workers/{worker:str}",
        handler=workers.register,
        body=protocol.Registration,
        answer=protocol.Registered,
    ),
    Route(
        method="POST",
        path="/api/workers/{worker:str}/claim",
        handler=workers.claim,
        body=protocol.ClaimRequest,
        answer=protocol.ClaimAnswer,
    ),
    Route(
        method="POST",
        path="/api/workers/{worker:str}/heartbeat",
        handler=workers.heartbeat,
        body=protocol.HeartbeatRequest,
        answer=protocol.HeartbeatAnswer,
    ),
    Route(
        method="PUT",
        path="/api/workers/{worker:str}/log/{lease:str}",
        handler=workers.append_log,
        query=wire.LogPartQuery,
        body=BINARY,
        answer=protocol.LogAnswer,
    ),
    Route(
        method="POST",
        path="/api/workers/{worker:str}/complete",
        handler=workers.complete,
        body=protocol.CompleteRequest,
        answer=protocol.CompleteAnswer,
    ),
    Route(
        method="POST",
        path="/api/workers/{worker:str}/leave",
        handler=workers.leave,
        answer=protocol.LeaveAnswer,
    ),
    Route(method="POST", path="/v1/chat/completions", handler=models.chat, body=dict, answer=dict),
    Route(method="GET", path="/v1/models", handler=models.list_models, answer=dict),
)
