"""The platform that agentsentinel-sdk expects: calls and interventions are recorded, nothing is limited yet."""

import hashlib
import logging
from collections.abc import Sequence

from litestar import Response

from titan.ingest.sentinel import read_batch
from titan.ingest.sentinel_fields import Sender, read_as
from titan.ingest.sentinel_interventions import intervention_entries, read_intervention, read_replay_results
from titan.ingest.sentinel_shapes import ApprovalBody, RegisterBody, ReserveBody, ResponseBody
from titan.insight.interventions import intervention_of
from titan.model.actions import Entry
from titan.ports_calls import CallFilter, CallReader
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.recorded_views import intervention_view
from titan.server.routes.recording import MAX_RECORD_BYTES, record
from titan.server.routes.registry import look
from titan.server.routes.telemetry import aware, told_of
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
    RefusedView,
    RegisterAnswer,
    ReplayResultsAnswer,
    ReserveAnswer,
)

logger = logging.getLogger(__name__)


async def sync_policies(call: Call) -> Response[bytes]:
    """Tell agentsentinel-sdk its policies: one that limits nothing."""
    call.query(PoliciesQuery)
    return json_answer(PoliciesAnswer())


async def check_kill_switch(call: Call) -> Response[bytes]:
    """Tell agentsentinel-sdk whether an agent, run or mission is to stop: never."""
    call.query(KillSwitchQuery)
    return json_answer(KillSwitchAnswer())


async def ingest(call: Call) -> Response[bytes]:
    """Record a batch of agentsentinel-sdk's ledger; 202, since it takes any other status for a failure."""
    body, sender, now = await call.raw_body(MAX_RECORD_BYTES), _sender(call), call.house.clock.now()
    refused: list[RefusedView] = []

    def read() -> Sequence[Entry]:
        batch = read_batch(body, sender, now=now)
        refused.extend(RefusedView(index=one.index, id=one.id, reason=one.reason) for one in batch.refused)
        return batch.entries

    recorded = await record(call, read)
    if refused:  # nobody else hears of it: the client reads nothing of an answer but its status
        first = refused[0]
        logger.warning(
            "agentsentinel-sdk: entries left out: %d; number %d: %s", len(refused), first.index, first.reason
        )
    answer = IngestAnswer(stored=recorded.stored, repeated=recorded.repeated, refused=refused)
    return json_answer(answer, 202)


async def add_intervention(call: Call) -> Response[bytes]:
    """Record that a guard of agentsentinel-sdk stopped, held or changed a call."""
    told = read_intervention(await call.raw_body(), _sender(call))
    await record(call, lambda: intervention_entries(told))
    return json_answer(InterventionAnswer(id=told.id), 201)


async def list_interventions(call: Call) -> Response[bytes]:
    """List what guards of agentsentinel-sdk did about calls, the latest first."""
    query, project_id = call.query(InterventionsQuery), call.project_id
    wanted = CallFilter(
        name=query.intervention_type or None,
        agent_id=query.agent_id or None,
        run_id=query.run_id or None,
        since=aware(query.start_date),
        until=aware(query.end_date),
    )

    def find(reader: CallReader) -> InterventionsAnswer:
        skip = (query.page - 1) * query.page_size
        found = reader.interventions(project_id, wanted, skip=skip, limit=query.page_size)
        by_type = reader.count_interventions(project_id, wanted)
        return InterventionsAnswer(
            data=[intervention_view(intervention_of(action, told_of(reader, action))) for action in found],
            page=query.page,
            page_size=query.page_size,
            total=sum(by_type.values()),
            by_type=by_type,
        )

    return json_answer(await look(call, find))


async def list_policies(_call: Call) -> Response[bytes]:
    """List the policies: one that limits nothing."""
    return json_answer(PoliciesListAnswer())


async def list_approvals(_call: Call) -> Response[bytes]:
    """List the approvals that were asked for: none, for each is cancelled as it is asked for."""
    return json_answer(ApprovalsAnswer())


async def ask_approval(call: Call) -> Response[bytes]:
    """Take a request for an approval, and cancel it: nobody can decide it here yet."""
    body = await call.raw_body()
    read_as(body, ApprovalBody, what="the approval's request")
    approval_id = hashlib.blake2b(body, digest_size=16).hexdigest()
    return json_answer(ApprovalAnswer(id=approval_id), 201)


async def poll_approval(call: Call) -> Response[bytes]:
    """Tell that an approval was cancelled, and why."""
    return json_answer(ApprovalAnswer(id=call.path("approval")))


async def cancel_approval(call: Call) -> Response[bytes]:
    """Cancel an approval; it was cancelled when it was asked for."""
    return json_answer(ApprovalAnswer(id=call.path("approval")))


async def respond_to_approval(call: Call) -> Response[bytes]:
    """Take an answer to a question about an approval; nobody has asked one, for it was cancelled."""
    read_as(await call.raw_body(), ResponseBody, what="the response")
    return json_answer(ApprovalAnswer(id=call.path("approval")))


async def check_approval(call: Call) -> Response[bytes]:
    """Tell whether an action needs an approval of this server: none does."""
    call.query(ApprovalCheckQuery)
    return json_answer(ApprovalCheckAnswer())


async def reserve_budget(call: Call) -> Response[bytes]:
    """Let an action spend: no budget of this server limits it."""
    told = read_as(await call.raw_body(), ReserveBody, what="the reservation")
    answer = ReserveAnswer(action_name=told.action_name, estimated_cost_usd=float(told.estimated_cost_usd))
    return json_answer(answer, 201)


async def add_replay_results(call: Call) -> Response[bytes]:
    """Record how a replay by agentsentinel-sdk ended, in the run that holds the replayed calls."""
    told = read_replay_results(await call.raw_body(), call.path("run"), now=call.house.clock.now())
    await record(call, lambda: [told])
    return json_answer(ReplayResultsAnswer(run_id=told.run_id), 201)


async def register_actions(call: Call) -> Response[bytes]:
    """Take the list of an agent's tools; nothing is kept of it."""
    told = read_as(await call.raw_body(), RegisterBody, what="the tools")
    return json_answer(RegisterAnswer(total=len(told.actions)), 201)


def _sender(call: Call) -> Sender:
    return Sender(
        run_id=_short(call.header("x-sentinel-run-id")),
        agent_id=_short(call.header("x-sentinel-agent-id")),
        harness=_short(call.header("x-sentinel-harness")),
        principal=_short(call.header("x-sentinel-principal")),
    )


def _short(value: str | None) -> str | None:
    """Return a header's value as far as an id may be long, None for an empty one."""
    return value[:200] if value else None
