"""The routes that agentsentinel-sdk calls: a part of the list in `table`.

Each is served with and without a slash at its end, as all routes are: one version of the client adds it, another
does not, and neither follows a redirect everywhere.
"""

from typing import Final

from titan.ingest import sentinel_shapes
from titan.rules.access import Permission
from titan.server.route import Route, SocketRoute
from titan.server.routes import sentinel, stream
from titan.wire.sentinel import (
    ApprovalAnswer,
    ApprovalCheckAnswer,
    ApprovalCheckQuery,
    ApprovalsAnswer,
    IngestAnswer,
    InterventionAnswer,
    InterventionsAnswer,
    InterventionsQuery,
    KillSwitchAnswer,
    KillSwitchQuery,
    PoliciesAnswer,
    PoliciesListAnswer,
    PoliciesQuery,
    RegisterAnswer,
    ReplayResultsAnswer,
    ReserveAnswer,
)
from titan.wire.stream import StreamQuery

SENTINEL_ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="GET",
        path="/api/v1/policies/sync",
        handler=sentinel.sync_policies,
        permission=Permission.READ_SHARED,
        query=PoliciesQuery,
        answer=PoliciesAnswer,
    ),
    Route(
        method="GET",
        path="/api/v1/kill-switch/check",
        handler=sentinel.check_kill_switch,
        permission=Permission.READ_SHARED,
        query=KillSwitchQuery,
        answer=KillSwitchAnswer,
    ),
    Route(
        method="POST",
        path="/api/v1/ingest",
        handler=sentinel.ingest,
        permission=Permission.RECORD,
        body=sentinel_shapes.BatchBody,
        answer=IngestAnswer,
        status_code=202,
        adds=True,
    ),
    Route(
        method="POST",
        path="/api/v1/interventions",
        handler=sentinel.add_intervention,
        permission=Permission.RECORD,
        body=sentinel_shapes.InterventionBody,
        answer=InterventionAnswer,
        status_code=201,
        adds=True,
    ),
    Route(
        method="GET",
        path="/api/v1/interventions",
        handler=sentinel.list_interventions,
        permission=Permission.SEE_ALL,
        query=InterventionsQuery,
        answer=InterventionsAnswer,
    ),
    Route(
        method="GET",
        path="/api/v1/policies",
        handler=sentinel.list_policies,
        permission=Permission.READ_SHARED,
        answer=PoliciesListAnswer,
    ),
    *(
        Route(
            method="GET",
            path=path,
            handler=sentinel.list_approvals,
            permission=Permission.SEE_ALL,
            answer=ApprovalsAnswer,
        )
        for path in ("/api/v1/approvals", "/api/v1/approvals/pending")
    ),
    Route(
        method="POST",
        path="/api/v1/approvals",
        handler=sentinel.ask_approval,
        permission=Permission.RECORD,
        body=sentinel_shapes.ApprovalBody,
        answer=ApprovalAnswer,
        status_code=201,
    ),
    Route(
        method="POST",
        path="/api/v1/approvals/check",
        handler=sentinel.check_approval,
        permission=Permission.RECORD,
        query=ApprovalCheckQuery,
        answer=ApprovalCheckAnswer,
    ),
    Route(
        method="GET",
        path="/api/v1/approvals/{approval:str}/poll",
        handler=sentinel.poll_approval,
        permission=Permission.READ_SHARED,
        answer=ApprovalAnswer,
    ),
    Route(
        method="POST",
        path="/api/v1/approvals/{approval:str}/cancel",
        handler=sentinel.cancel_approval,
        permission=Permission.RECORD,
        answer=ApprovalAnswer,
    ),
    Route(
        method="POST",
        path="/api/v1/approvals/{approval:str}/respond",
        handler=sentinel.respond_to_approval,
        permission=Permission.RECORD,
        body=sentinel_shapes.ResponseBody,
        answer=ApprovalAnswer,
    ),
    Route(
        method="POST",
        path="/api/v1/budgets/reserve",
        handler=sentinel.reserve_budget,
        permission=Permission.RECORD,
        body=sentinel_shapes.ReserveBody,
        answer=ReserveAnswer,
        status_code=201,
    ),
    Route(
        method="POST",
        path="/api/v1/replay/{run:str}/results",
        handler=sentinel.add_replay_results,
        permission=Permission.RECORD,
        body=sentinel_shapes.ReplayResultsBody,
        answer=ReplayResultsAnswer,
        status_code=201,
        adds=True,
    ),
    Route(
        method="POST",
        path="/api/v1/actions/register",
        handler=sentinel.register_actions,
        permission=Permission.RECORD,
        body=sentinel_shapes.RegisterBody,
        answer=RegisterAnswer,
        status_code=201,
    ),
)

#: The dashboards' names for one stream; the documentation leaves open under which of two a dashboard asks.
STREAM_SOCKETS: Final[tuple[SocketRoute, ...]] = tuple(
    SocketRoute(path=path, handler=handler, permission=Permission.SEE_ALL, query=StreamQuery)
    for path, handler in (
        ("/api/v1/ws", stream.stream_runs),
        ("/api/v1/ws/dashboard", stream.stream_dashboard),
        ("/ws/dashboard", stream.stream_dashboard),
    )
)
