"""What a run did: its skeleton, the bodies of its actions, search in it, and the ledger over all runs."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from litestar import Response

from titan.insight.bodies import Bodies, bodies_of
from titan.model.actions import ActionKind, Outcome
from titan.model.errors import InvalidInput, UnknownAction, UnknownArtifact
from titan.model.runs import Action, Run
from titan.ports_calls import CallFilter, CallReader
from titan.rules.names import shown
from titan.rules.totals import tally_of
from titan.server.answers import JSON, json_answer
from titan.server.call import Call
from titan.server.lists import given
from titan.server.lookup import open_blob
from titan.server.recorded_views import action_view, bodies_view, note_view, run_views, tally_view
from titan.server.routes.registry import COUNTED, asked_cost, find_recorded, look
from titan.server.routes.runs import with_stages
from titan.server.skeletons import skeleton
from titan.wire.actions import (
    MOST_BODIES,
    ActionDetailView,
    BodiesAnswer,
    BodiesQuery,
    CallsQuery,
    FindAnswer,
    FindQuery,
    LedgerAnswer,
    LedgerQuery,
    SkeletonAnswer,
    SkeletonQuery,
)

_OUTCOMES = (*Outcome, "running")
_KINDS = (ActionKind.MODEL, ActionKind.TOOL, ActionKind.CALL)
MOST_ENTRIES = 1000  # of one action: sources are few, and each has two words


async def show_skeleton(call: Call) -> Response[bytes]:
    """Show all actions of a run without bodies, as columns; with `after` only what was heard since."""
    query = call.query(SkeletonQuery)

    def find(reader: CallReader) -> SkeletonAnswer:
        run = find_recorded(reader, call)
        actions = reader.actions_of_run(run.project_id, run.id, after_version=query.after or 0)
        if query.after:
            actions = _with_children(reader, run, actions)
            parents = sorted({action.parent_id for action in actions if action.parent_id is not None})
            numbers = reader.numbers_in_run(run.project_id, run.id, parents)
        else:
            numbers = {action.id: action.number for action in actions}
        version = reader.version_of_run(run.project_id, run.id)
        return skeleton(run_views(reader, [run])[0], actions, numbers, version=version)

    answer = await look(call, find)
    await with_stages(call, [answer.run])
    return json_answer(answer)


def _with_children(reader: CallReader, run: Run, actions: list[Action]) -> list[Action]:
    """Return actions with those that came before one of them, which is their parent: its number was not known then."""
    numbers = {action.id: action.number for action in actions}
    heard = set(numbers.values())
    children = reader.children_in_run(run.project_id, run.id, sorted(numbers)) if numbers else []
    early = [child for child in children if child.number < numbers[child.parent_id or ""]]
    found = [*actions, *(child for child in early if child.number not in heard)]
    return sorted(found, key=lambda action: (action.started_at, action.number))


async def show_bodies(call: Call) -> Response[bytes]:
    """Show the beginnings of inputs and outputs of some actions."""
    query = call.query(BodiesQuery)
    ids = given(query.ids)
    if len(ids) > MOST_BODIES:
        raise InvalidInput(
            "query: ids",
            expected=f"at most {MOST_BODIES}",
            found=str(len(ids)),
            next_step="Ask for those that are on the screen.",
        )

    def find(reader: CallReader) -> BodiesAnswer:
        run = find_recorded(reader, call)
        found = [reader.action(run.project_id, run.id, action_id) for action_id in ids]
        return BodiesAnswer(
            data=[
                bodies_view(action, told_of(reader, action), query.limit_bytes)
                for action in found
                if action is not None
            ]
        )

    return json_answer(await look(call, find))


async def show_action(call: Call) -> Response[bytes]:
    """Show everything that is known of one action."""

    def find(reader: CallReader) -> ActionDetailView:
        action = find_action(reader, call)
        bodies = told_of(reader, action)
        notes = reader.notes_of_run(action.project_id, action.run_id)
        return ActionDetailView(
            action=action_view(action),
            bodies=bodies_view(action, bodies),
            details=None if bodies.details is None else msgspec.Raw(bodies.details.encode()),
            redacted=[one.path for one in bodies.redacted],
            cache_read_tokens=action.cache_read_tokens,
            cache_write_tokens=action.cache_write_tokens,
            sources=list(action.sources),
            notes=[note_view(note) for note in notes if note.action_id == action.id],
        )

    return json_answer(await look(call, find))


async def download_inputs(call: Call) -> Response[bytes]:
    """Download what an action was given, whole: JSON in the typed encoding."""
    return await _download(call, "inputs")


async def download_outputs(call: Call) -> Response[bytes]:
    """Download what an action gave, whole: JSON in the typed encoding."""
    return await _download(call, "outputs")


async def _download(call: Call, which: str) -> Response[bytes]:
    def find(reader: CallReader) -> bytes:
        bodies = told_of(reader, find_action(reader, call))
        payload = bodies.inputs if which == "inputs" else bodies.outputs
        if payload is None:
            raise UnknownArtifact(
                f"{which} of action {shown(call.path('action'))}",
                expected="recorded ones",
                found="none",
                next_step="It has none, or its project keeps no bodies.",
            )
        if payload.blob is None:
            return payload.whole.encode()
        with open_blob(call.house.blobs, payload.blob) as content:
            return content.read()

    headers = {"Content-Disposition": f'attachment; filename="{which}.json"'}
    return Response(await look(call, find), media_type=JSON, headers=headers)


async def find_in_run(call: Call) -> Response[bytes]:
    """Name the actions of a run in whose names or content all words of a text stand."""
    query = call.query(FindQuery)

    def find(reader: CallReader) -> FindAnswer:
        run = find_recorded(reader, call)
        ids = reader.find_in_run(run.project_id, run.id, query.q, limit=query.limit + 1)
        return FindAnswer(ids=ids[: query.limit], more=len(ids) > query.limit)

    return json_answer(await look(call, find))


async def show_ledger(call: Call) -> Response[bytes]:
    """List the calls of all runs under filters, sorted."""
    query = call.query(LedgerQuery)
    wanted = call_filter(query)

    def find(reader: CallReader) -> LedgerAnswer:
        found = reader.ledger(
            call.project_id,
            wanted,
            sort=query.sort_by,
            is_ascending=query.sort_order == "asc",
            skip=(query.page - 1) * query.page_size,
            limit=query.page_size,
            up_to=COUNTED + 1,
        )
        return LedgerAnswer(
            data=[action_view(action) for action in found.calls],
            page=query.page,
            page_size=query.page_size,
            total=min(found.total, COUNTED),
            is_total_capped=found.total > COUNTED or found.is_search_capped,
            is_search_capped=found.is_search_capped,
        )

    return json_answer(await look(call, find))


async def show_ledger_stats(call: Call) -> Response[bytes]:
    """Show counts and sums over the calls of all runs under filters."""
    wanted = call_filter(call.query(CallsQuery))
    sums = await look(call, lambda reader: reader.sums_of_calls(call.project_id, wanted))
    return json_answer(tally_view(tally_of(sums)))


def call_filter(query: CallsQuery) -> CallFilter:
    """Return which calls a query asks for; a time without a zone is taken as UTC.

    Raises:
        InvalidInput: an outcome is none, or a kind, or a cost.
    """
    return CallFilter(
        outcomes=_words(query.outcome, "outcome", _OUTCOMES),
        name=query.action_name or None,
        kinds=_words(query.kind, "kind", _KINDS),
        agent_id=query.agent_id or None,
        run_id=query.run_id or None,
        min_cost=asked_cost(query.min_cost, name="min_cost"),
        max_cost=asked_cost(query.max_cost, name="max_cost"),
        since=aware(query.start_date),
        until=aware(query.end_date),
        text=query.search or None,
    )


def _words(text: str | None, name: str, allowed: Sequence[str]) -> frozenset[str]:
    found = frozenset(given(text)) if text else frozenset[str]()
    if found <= frozenset(allowed):
        return found
    raise InvalidInput(
        f"query of GET /api/v1/ledger: {name}",
        expected=", ".join(allowed),
        found=str(text)[:100],
        next_step="Give one of these, or several with commas between.",
    )


def aware(moment: datetime | None) -> datetime | None:
    """Return a time; one without a zone is taken as UTC."""
    return moment if moment is None or moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def find_action(reader: CallReader, call: Call) -> Action:
    """Return the action that the path names.

    Raises:
        UnknownRun: nothing is known of the run.
        UnknownAction: nothing is known of the action.
    """
    run = find_recorded(reader, call)
    action_id = call.house.recorder.known_as(call.path("action"))
    action = reader.action(run.project_id, run.id, action_id)
    if action is not None:
        return action
    raise UnknownAction(
        f"action {shown(action_id)}",
        expected=f"an action of run {shown(run.id)}",
        found="none such",
        next_step="List them with GET /api/v1/runs/{run}/skeleton.",
    )


def told_of(reader: CallReader, action: Action) -> Bodies:
    """Return what the tape holds of an action."""
    found = reader.tape(action.project_id, action.run_id, action_number=action.number, limit=MOST_ENTRIES)
    return bodies_of(stored.entry for stored in found)
