"""Routes of a run's actions: skeleton, inputs and outputs, search, hash chain; and of the ledger over all runs."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import msgspec
from litestar import Response
from litestar.response import Stream

from titan.insight.bodies import Bodies, bodies_of
from titan.insight.export import csv_table
from titan.model.actions import ActionKind, Outcome
from titan.model.errors import InvalidInput, UnknownAction, UnknownArtifact
from titan.model.runs import Action, Run
from titan.ports.runs_store import CallFilter, CallReader, TapeCheck
from titan.rules.access import Permission
from titan.rules.names import shown
from titan.rules.runs.totals import tally_of
from titan.server.http.call import Call
from titan.server.http.responses import JSON
from titan.server.http.route import Routes
from titan.server.lookup import open_blob, origin_of, parse_ids, unknown
from titan.server.routes.export_import import download
from titan.server.routes.registry import COUNTED, checked_cost, find_recorded_run
from titan.server.routes.runs import with_stages
from titan.server.views.runs import action_view, bodies_view, broken_blob, note_view, run_views, tally_view
from titan.wire import actions as wire
from titan.wire.runs import BrokenEntry, ChainAnswer, RunView, TallyView

route = Routes()

_OUTCOMES = (*Outcome, "running")
_KINDS = (ActionKind.MODEL, ActionKind.TOOL, ActionKind.CALL)
MOST_ENTRIES = 1000  # of one action: a beginning and an end from each source
_MICROSECOND = timedelta(microseconds=1)
NONE = -1  #: no text, no duration, or an unknown parent
NO_PARENT = 0
CALLS_AT_ONCE: Final = 2000
COLUMNS: Final = tuple(name for name in wire.ActionView.__struct_fields__ if name != "number")


@route("GET /api/v1/runs/{run}/skeleton", Permission.SEE_ALL)
async def show_skeleton(call: Call, query: wire.SkeletonQuery) -> wire.SkeletonAnswer:
    """Return all actions of a run as columns, without inputs and outputs; `after` returns only changes."""

    def find(reader: CallReader) -> wire.SkeletonAnswer:
        run = find_recorded_run(reader, call)
        actions = reader.actions_of_run(run.project_id, run.id, after_version=query.after or 0)
        if query.after:
            actions = _with_children(reader, run, actions)
            parents = sorted({action.parent_id for action in actions if action.parent_id is not None})
            numbers = reader.numbers_in_run(run.project_id, run.id, parents)
        else:
            numbers = {action.id: action.number for action in actions}
        version = reader.version_of_run(run.project_id, run.id)
        return skeleton(run_views(reader, [run])[0], actions, numbers, version=version)

    answer = await call.read_runs(find)
    await with_stages(call, [answer.run])
    return answer


def _with_children(reader: CallReader, run: Run, actions: list[Action]) -> list[Action]:
    """Return actions with their earlier children, whose parent's number was not known before."""
    numbers = {action.id: action.number for action in actions}
    known = set(numbers.values())
    children = reader.children_in_run(run.project_id, run.id, sorted(numbers)) if numbers else []
    early = [child for child in children if child.number < numbers[child.parent_id or ""]]
    found = [*actions, *(child for child in early if child.number not in known)]
    return sorted(found, key=lambda action: (action.started_at, action.number))


@route("GET /api/v1/runs/{run}/bodies", Permission.SEE_ALL)
def show_bodies(call: Call, reader: CallReader, query: wire.BodiesQuery) -> wire.BodiesAnswer:
    """Show the beginnings of inputs and outputs of some actions."""
    ids = parse_ids(query.ids)
    if len(ids) > wire.MOST_BODIES:
        raise InvalidInput(
            "query: ids",
            expected=f"at most {wire.MOST_BODIES}",
            found=str(len(ids)),
            next_step="Ask for those that are on the screen.",
        )
    run = find_recorded_run(reader, call)
    found = [reader.action(run.project_id, run.id, action_id) for action_id in ids]
    return wire.BodiesAnswer(
        data=[
            bodies_view(action, content_of(reader, action), query.limit_bytes) for action in found if action is not None
        ]
    )


@route("GET /api/v1/runs/{run}/actions/{action}", Permission.SEE_ALL)
def show_action(call: Call, reader: CallReader) -> wire.ActionDetailView:
    """Show everything that is known of one action."""
    action = find_action(reader, call)
    bodies = content_of(reader, action)
    notes = reader.notes_of_run(action.project_id, action.run_id)
    return wire.ActionDetailView(
        action=action_view(action),
        bodies=bodies_view(action, bodies),
        details=None if bodies.details is None else msgspec.Raw(bodies.details.encode()),
        redacted=[one.path for one in bodies.redacted],
        redaction_version=action.redaction_version,
        cache_read_tokens=action.cache_read_tokens,
        cache_write_tokens=action.cache_write_tokens,
        sources=list(action.sources),
        notes=[note_view(note) for note in notes if note.action_id == action.id],
    )


@route("GET /api/v1/runs/{run}/actions/{action}/inputs", Permission.SEE_ALL)
async def download_inputs(call: Call) -> Response[bytes]:
    """Download the complete inputs of an action: JSON in the typed encoding."""
    return await _download(call, "inputs")


@route("GET /api/v1/runs/{run}/actions/{action}/outputs", Permission.SEE_ALL)
async def download_outputs(call: Call) -> Response[bytes]:
    """Download the complete outputs of an action: JSON in the typed encoding."""
    return await _download(call, "outputs")


async def _download(call: Call, which: str) -> Response[bytes]:
    def find(reader: CallReader) -> bytes:
        bodies = content_of(reader, find_action(reader, call))
        payload = bodies.inputs if which == "inputs" else bodies.outputs
        if payload is None:
            raise UnknownArtifact(
                f"{which} of action {shown(call.path('action'))}",
                expected="recorded ones",
                found="none",
                next_step="It has none, or its project stores no content.",
            )
        if payload.blob is None:
            return payload.whole.encode()
        with open_blob(call.app.blobs, payload.blob) as content:
            return content.read()

    headers = {"Content-Disposition": f'attachment; filename="{which}.json"'}
    return Response(await call.read_runs(find), media_type=JSON, headers=headers)


@route("GET /api/v1/runs/{run}/find", Permission.SEE_ALL)
def find_in_run(call: Call, reader: CallReader, query: wire.FindQuery) -> wire.FindAnswer:
    """List the actions of a run whose names or content contain all words of a text."""
    run = find_recorded_run(reader, call)
    ids = reader.find_in_run(run.project_id, run.id, query.q, limit=query.limit + 1)
    return wire.FindAnswer(ids=ids[: query.limit], more=len(ids) > query.limit)


@route("GET /api/v1/ledger", Permission.SEE_ALL)
def show_ledger(call: Call, reader: CallReader, query: wire.LedgerQuery) -> wire.LedgerAnswer:
    """List the calls of all runs under filters, sorted."""
    wanted = call_filter(query)
    found = reader.ledger(
        call.project_id,
        wanted,
        sort=query.sort_by,
        is_ascending=query.sort_order == "asc",
        skip=(query.page - 1) * query.page_size,
        limit=query.page_size,
        up_to=COUNTED + 1,
    )
    return wire.LedgerAnswer(
        data=[action_view(action) for action in found.calls],
        page=query.page,
        page_size=query.page_size,
        total=min(found.total, COUNTED),
        is_total_capped=found.total > COUNTED or found.is_search_capped,
        is_search_capped=found.is_search_capped,
    )


@route("GET /api/v1/ledger/stats", Permission.SEE_ALL)
def show_ledger_stats(call: Call, reader: CallReader, query: wire.CallsQuery) -> TallyView:
    """Show counts and sums over the calls of all runs under filters."""
    return tally_view(tally_of(reader.sums_of_calls(call.project_id, call_filter(query))))


def call_filter(query: wire.CallsQuery) -> CallFilter:
    """Return the filter that a query describes; a time without a zone is taken as UTC.

    Raises:
        InvalidInput: an outcome, kind or cost is invalid.
    """
    return CallFilter(
        outcomes=_words(query.outcome, "outcome", _OUTCOMES),
        name=query.action_name or None,
        kinds=_words(query.kind, "kind", _KINDS),
        agent_id=query.agent_id or None,
        origin=origin_of(query.origin, is_named=isinstance(query, wire.LedgerExportQuery) or bool(query.run_id)),
        run_id=query.run_id or None,
        min_cost=checked_cost(query.min_cost, name="min_cost"),
        max_cost=checked_cost(query.max_cost, name="max_cost"),
        since=with_zone(query.start_date),
        until=with_zone(query.end_date),
        text=query.search or None,
    )


def _words(text: str | None, name: str, allowed: Sequence[str]) -> frozenset[str]:
    found = frozenset(parse_ids(text)) if text else frozenset[str]()
    if found <= frozenset(allowed):
        return found
    raise InvalidInput(
        f"query of GET /api/v1/ledger: {name}",
        expected=", ".join(allowed),
        found=str(text)[:100],
        next_step="Give one of these, or several with commas between.",
    )


def with_zone(moment: datetime | None) -> datetime | None:
    """Return a time with its zone, by default UTC."""
    return moment if moment is None or moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def find_action(reader: CallReader, call: Call) -> Action:
    """Return the action that the path names.

    Raises:
        UnknownRun: there is no such run.
        UnknownAction: the run has no such action.
    """
    run = find_recorded_run(reader, call)
    action_id = call.app.recorder.known_as(call.path("action"))
    action = reader.action(run.project_id, run.id, action_id)
    if action is not None:
        return action
    raise unknown(UnknownAction, "action", action_id, "List them with GET /api/v1/runs/{run}/skeleton.")


def content_of(reader: CallReader, action: Action) -> Bodies:
    """Return the recorded inputs, outputs and details of an action."""
    found = reader.tape(action.project_id, action.run_id, action_number=action.number, limit=MOST_ENTRIES)
    return bodies_of(stored.entry for stored in found)


@route("GET /api/v1/runs/{run}/chain", Permission.SEE_ALL)
async def verify_tape(call: Call) -> ChainAnswer:
    """Verify a run's recording with its blobs; reads all of them."""
    return await verified(call)


async def verified(call: Call) -> ChainAnswer:
    """Verify the recording of the run in the path."""

    def find(reader: CallReader) -> tuple[str, TapeCheck]:
        run = find_recorded_run(reader, call)
        check = reader.check_tape(run.project_id, run.id)
        assert check is not None  # the run is in the same snapshot
        return run.id, check

    run_id, check = await call.read_runs(find)
    broken = await asyncio.to_thread(broken_blob, call.app.blobs, check)
    if broken is not None:
        await call.read_runs(lambda reader: find_recorded_run(reader, call))  # raises if it was deleted meanwhile
    broken = broken or _broken_entry(check)
    return ChainAnswer(run_id=run_id, verified=broken is None, entries=check.entries, link=check.link, broken=broken)


def _broken_entry(check: TapeCheck) -> BrokenEntry | None:
    if check.broken is None:
        return None
    return BrokenEntry(entry=check.broken.place, action_id=check.broken.action_id, found=check.broken.found)


def _place(places: dict[str, int], text: str | None) -> int:
    """Return the index of a text in its column's distinct texts, adding it if it is new."""
    return NONE if text is None else places.setdefault(text, len(places))


def skeleton(run: RunView, actions: Sequence[Action], numbers: dict[str, int], *, version: int) -> wire.SkeletonAnswer:
    """Return the actions as columns; `numbers` maps the ids of the run's actions to their numbers."""
    reported = {
        one.count.duplicate_of: one.number for one in actions if one.count.duplicate_of and not one.count.is_call
    }
    names, models, actors, errors = dict[str, int](), dict[str, int](), dict[str, int](), dict[str, int]()
    started_at = run.started_at
    return wire.SkeletonAnswer(
        version=version,
        run=run,
        number=[action.number for action in actions],
        id=[action.id for action in actions],
        parent=[_parent(action, numbers, reported) for action in actions],
        kind=[action.shown_kind for action in actions],
        name=[_place(names, action.name) for action in actions],
        model=[_place(models, action.model) for action in actions],
        actor=[_place(actors, action.actor) for action in actions],
        error_type=[_place(errors, action.error_type) for action in actions],
        start_us=[_since(started_at, action.started_at) for action in actions],
        duration_ns=[NONE if action.duration_ns is None else action.duration_ns for action in actions],
        outcome=[action.outcome for action in actions],
        cost_usd=[action.cost for action in actions],
        possible_duplicates=[action.number for action in actions if action.is_possible_duplicate],
        estimated=[action.number for action in actions if action.is_cost_estimated],
        tokens=[_tokens(action) for action in actions],
        names=list(names),
        models=list(models),
        actors=list(actors),
        error_types=list(errors),
    )


def _parent(action: Action, numbers: dict[str, int], reported: dict[int, int]) -> int:
    """Return the number of an action's parent; of a call without one, the number of its duplicate report."""
    if action.parent_id is None:
        return reported.get(action.number, NO_PARENT)
    parent = numbers.get(action.parent_id, NONE)
    return NO_PARENT if parent == action.number else parent


def _since(started_at: datetime, moment: datetime) -> int:
    return (moment - started_at) // _MICROSECOND


def _tokens(action: Action) -> int:
    if action.input_tokens is None and action.output_tokens is None:
        return NONE
    return (action.input_tokens or 0) + (action.output_tokens or 0)


@route("GET /api/v1/ledger/export", Permission.SEE_ALL)
async def export_ledger(call: Call, query: wire.LedgerExportQuery) -> Stream:
    """Export the calls of all runs, filtered like the ledger, without inputs and outputs: JSON Lines, JSON or CSV."""
    calls = _calls(call, call_filter(query))
    return download(call, _pieces(query.format, calls, call), "ledger", query.format)


def _calls(call: Call, wanted: CallFilter) -> Iterator[wire.ActionView]:
    """Yield calls, read page by page, each in its own snapshot."""
    page: list[Action] = []
    while True:
        after = (page[-1].started_at, page[-1].number) if page else None
        page = call.app.calls.read(partial(_page, project_id=call.project_id, wanted=wanted, after=after))
        yield from map(action_view, page)
        if len(page) < CALLS_AT_ONCE:
            return


def _page(
    reader: CallReader, *, project_id: str, wanted: CallFilter, after: tuple[datetime, int] | None
) -> list[Action]:
    return reader.calls_after(project_id, wanted, after=after, limit=CALLS_AT_ONCE)


def _pieces(form: str, calls: Iterator[wire.ActionView], call: Call) -> Iterator[bytes]:
    match form:
        case "csv":
            return csv_table(COLUMNS, ([_cell(getattr(one, name)) for name in COLUMNS] for one in calls))
        case "json":
            return _document(calls, call)
        case _:
            return (msgspec.json.encode(one) + b"\n" for one in calls)


def _cell(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _document(calls: Iterator[wire.ActionView], call: Call) -> Iterator[bytes]:
    head = {"exported_at": call.app.clock.now(), "filters": call.query_fields()}
    yield msgspec.json.encode(head)[:-1] + b',"calls":['
    separator = b"\n"
    for one in calls:
        yield separator + msgspec.json.encode(one)
        separator = b",\n"
    yield b"\n]}\n"
