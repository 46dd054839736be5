"""Routes that agentsentinel-sdk calls: Titan records calls and interventions, and limits nothing yet."""

import hashlib
import logging
from collections.abc import Sequence

from titan.ingest import agentsentinel
from titan.ingest.agentsentinel import Sender, read_as, read_batch, read_intervention, read_replay_results
from titan.insight.bodies import intervention_of
from titan.model.actions import Entry
from titan.ports.runs_store import CallFilter, CallReader
from titan.rules.access import Permission
from titan.server.http.call import Call
from titan.server.http.route import Routes
from titan.server.lookup import origin_of
from titan.server.routes.recording import MAX_RECORD_BYTES, record
from titan.server.routes.telemetry import content_of, with_zone
from titan.server.views.runs import intervention_view
from titan.wire import sentinel as wire

route = Routes()

logger = logging.getLogger(__name__)


@route("GET /api/v1/policies/sync", Permission.READ_SHARED)
async def sync_policies(call: Call, query: wire.PoliciesQuery) -> wire.PoliciesAnswer:
    """Return the policies for agentsentinel-sdk: one that limits nothing."""
    return wire.PoliciesAnswer()


@route("GET /api/v1/kill-switch/check", Permission.READ_SHARED)
async def check_kill_switch(call: Call, query: wire.KillSwitchQuery) -> wire.KillSwitchAnswer:
    """Return whether agentsentinel-sdk must stop an agent, run or mission: never."""
    return wire.KillSwitchAnswer()


@route("POST /api/v1/ingest", Permission.RECORD, body=agentsentinel.BatchBody, status=202, adds=True)
async def ingest(call: Call) -> wire.IngestAnswer:
    """Record a batch of agentsentinel-sdk's ledger; answers 202, which the client expects."""
    body, sender, now = await call.raw_body(MAX_RECORD_BYTES), _sender(call), call.app.clock.now()
    refused: list[wire.RefusedView] = []

    def read() -> Sequence[Entry]:
        entries, left_out = read_batch(body, sender, now=now)
        refused.extend(left_out)
        return entries

    recorded = await record(call, read)
    if refused:  # the client ignores the body of the answer
        first = refused[0]
        logger.warning(
            "agentsentinel-sdk: entries left out: %d; number %d: %s", len(refused), first.index, first.reason
        )
    return wire.IngestAnswer(stored=recorded.stored, repeated=recorded.repeated, refused=refused)


@route("POST /api/v1/interventions", Permission.RECORD, body=agentsentinel.InterventionBody, status=201, adds=True)
async def add_intervention(call: Call) -> wire.InterventionAnswer:
    """Record that a guard of agentsentinel-sdk stopped, held or changed a call."""
    run, event = read_intervention(await call.raw_body(), _sender(call))
    await record(call, lambda: [run, event])
    return wire.InterventionAnswer(id=event.id)


@route("GET /api/v1/interventions", Permission.SEE_ALL)
def list_interventions(call: Call, reader: CallReader, query: wire.InterventionsQuery) -> wire.InterventionsAnswer:
    """List what guards of agentsentinel-sdk did about calls, the latest first."""
    project_id = call.project_id
    wanted = CallFilter(
        name=query.intervention_type or None,
        agent_id=query.agent_id or None,
        origin=origin_of(query.origin, is_named=bool(query.run_id)),
        run_id=query.run_id or None,
        since=with_zone(query.start_date),
        until=with_zone(query.end_date),
    )
    skip = (query.page - 1) * query.page_size
    found = reader.interventions(project_id, wanted, skip=skip, limit=query.page_size)
    by_type = reader.count_interventions(project_id, wanted)
    return wire.InterventionsAnswer(
        data=[intervention_view(intervention_of(action, content_of(reader, action))) for action in found],
        page=query.page,
        page_size=query.page_size,
        total=sum(by_type.values()),
        by_type=by_type,
    )


@route("GET /api/v1/policies", Permission.READ_SHARED)
async def list_policies(_call: Call) -> wire.PoliciesListAnswer:
    """List the policies: one that limits nothing."""
    return wire.PoliciesListAnswer()


@route("GET /api/v1/approvals", Permission.SEE_ALL)
@route("GET /api/v1/approvals/pending", Permission.SEE_ALL)
async def list_approvals(_call: Call) -> wire.ApprovalsAnswer:
    """List requested approvals: none, because each is cancelled at once."""
    return wire.ApprovalsAnswer()


@route("POST /api/v1/approvals", Permission.RECORD, body=agentsentinel.ApprovalBody, status=201)
async def ask_approval(call: Call) -> wire.ApprovalAnswer:
    """Accept a request for an approval and cancel it, because nobody can decide it here yet."""
    body = await call.raw_body()
    read_as(body, agentsentinel.ApprovalBody, what="the approval's request")
    approval_id = hashlib.blake2b(body, digest_size=16).hexdigest()
    return wire.ApprovalAnswer(id=approval_id)


@route("GET /api/v1/approvals/{approval}/poll", Permission.READ_SHARED)
async def poll_approval(call: Call) -> wire.ApprovalAnswer:
    """Return that an approval was cancelled, and why."""
    return wire.ApprovalAnswer(id=call.path("approval"))


@route("POST /api/v1/approvals/{approval}/cancel", Permission.RECORD)
async def cancel_approval(call: Call) -> wire.ApprovalAnswer:
    """Cancel an approval; it was already cancelled when it was requested."""
    return wire.ApprovalAnswer(id=call.path("approval"))


@route("POST /api/v1/approvals/{approval}/respond", Permission.RECORD, body=agentsentinel.ResponseBody)
async def respond_to_approval(call: Call) -> wire.ApprovalAnswer:
    """Accept an answer to a question about an approval, and ignore it."""
    read_as(await call.raw_body(), agentsentinel.ResponseBody, what="the response")
    return wire.ApprovalAnswer(id=call.path("approval"))


@route("POST /api/v1/approvals/check", Permission.RECORD)
async def check_approval(call: Call, query: wire.ApprovalCheckQuery) -> wire.ApprovalCheckAnswer:
    """Return whether an action needs an approval: no."""
    return wire.ApprovalCheckAnswer()


@route("POST /api/v1/budgets/reserve", Permission.RECORD, body=agentsentinel.ReserveBody, status=201)
async def reserve_budget(call: Call) -> wire.ReserveAnswer:
    """Reserve budget for an action: always granted, because this server has no budgets yet."""
    body = read_as(await call.raw_body(), agentsentinel.ReserveBody, what="the reservation")
    return wire.ReserveAnswer(action_name=body.action_name, estimated_cost_usd=float(body.estimated_cost_usd))


@route(
    "POST /api/v1/replay/{run}/results", Permission.RECORD, body=agentsentinel.ReplayResultsBody, status=201, adds=True
)
async def add_replay_results(call: Call) -> wire.ReplayResultsAnswer:
    """Record the result of a replay by agentsentinel-sdk, in the run of the replayed calls."""
    entry = read_replay_results(await call.raw_body(), call.path("run"), now=call.app.clock.now())
    await record(call, lambda: [entry])
    return wire.ReplayResultsAnswer(run_id=entry.run_id)


@route("POST /api/v1/actions/register", Permission.RECORD, body=agentsentinel.RegisterBody, status=201)
async def register_actions(call: Call) -> wire.RegisterAnswer:
    """Accept the list of an agent's tools; nothing is stored."""
    body = read_as(await call.raw_body(), agentsentinel.RegisterBody, what="the tools")
    return wire.RegisterAnswer(total=len(body.actions))


def _sender(call: Call) -> Sender:
    return Sender(
        run_id=_short(call.header("x-sentinel-run-id")),
        agent_id=_short(call.header("x-sentinel-agent-id")),
        harness=_short(call.header("x-sentinel-harness")),
        principal=_short(call.header("x-sentinel-principal")),
    )


def _short(value: str | None) -> str | None:
    """Return a header's value cut to the length of an id; None if it is empty."""
    return value[:200] if value else None
