"""Forks of runs: a worker executes a run's stored code with one action edited, and it is recorded as a run."""

import time
from functools import partial

import msgspec

from titan.model.errors import InvalidInput
from titan.model.runs import ReplayLevel, Run
from titan.ports.runs_store import CallReader, CallTransaction
from titan.replay.orders import ForkOrder, Order
from titan.rules.access import Permission
from titan.rules.names import shown
from titan.server.http.call import Call
from titan.server.http.route import Routes
from titan.server.routes.recording import record, reported_in
from titan.server.routes.registry import find_recorded
from titan.server.routes.replays import check_ended, check_sandbox, new_replay, path_of
from titan.wire.recording import RecordBody
from titan.wire.replays import ForkView, NewForkBody

route = Routes()


@route("POST /api/v1/runs/{run}/forks", Permission.REPLAY, status=202, adds=True)
async def start_fork(call: Call, body: NewForkBody) -> ForkView:
    """Fork a run: a worker executes its stored code with one action edited. The fork is a run, compared at its end."""
    _check(body)
    check_sandbox(call, body.no_sandbox)
    run, at = await call.read_runs(partial(_found, call=call, at=body.at))
    check_ended(run)
    replay_id = call.app.ids.secret()
    fork_id = f"{run.agent_id or 'fork'}_{call.app.ids.secret()[:6]}"
    fork = ForkOrder(
        run_id=fork_id,
        at=at,
        outputs=None if isinstance(body.output, msgspec.UnsetType) else bytes(body.output).decode(),
        inputs=None if isinstance(body.input, msgspec.UnsetType) else bytes(body.input).decode(),
        live=body.live,
        max_usd=str(body.max_usd or 0),
        max_calls=body.max_calls or 0,
    )
    order = Order(path=path_of(run, replay_id), run_id=run.id, no_sandbox=body.no_sandbox, fork=fork)
    dag_id = await call.app.executions.begin(run, order, name=f"fork-{replay_id[:8]}")
    entry = {"type": "run", "run_id": fork_id, "at_ns": time.time_ns(), "agent_id": run.agent_id, "name": run.name}
    recorded = {"entries": [entry | {"parent_run_id": run.id, "forked_at_action_id": at}]}
    await record(call, lambda: reported_in(msgspec.convert(recorded, RecordBody), None))

    def act(tx: CallTransaction) -> None:
        tx.save_replay(new_replay(call, tx, run, replay_id, ReplayLevel.COMPARE, with_run=fork_id, dag_id=dag_id))

    await call.change_runs(act)
    return ForkView(run_id=fork_id, parent_run_id=run.id, forked_at_action_id=at, replay_id=replay_id)


def _check(body: NewForkBody) -> None:
    has_output = not isinstance(body.output, msgspec.UnsetType)
    has_input = not isinstance(body.input, msgspec.UnsetType)
    if has_output is has_input:
        raise InvalidInput(
            "fork",
            expected="output or input, which the edited action gets",
            found="both" if has_output else "neither",
            next_step='For example {"at": "decide", "output": "DEEPEN"}.',
        )
    if (body.live or has_input) and (body.max_usd is None or body.max_calls is None):
        raise InvalidInput(
            "fork",
            expected="max_usd and max_calls, since calls run live",
            found="not both",
            next_step="Say how much live calls may cost together, and how many may run.",
        )
    if body.max_usd is not None and (not body.max_usd.is_finite() or body.max_usd < 0):
        raise InvalidInput("fork: max_usd", expected="US dollars", found=str(body.max_usd), next_step="Correct it.")


def _found(reader: CallReader, *, call: Call, at: str) -> tuple[Run, str]:
    """Return the run that the path names and the id of the action to edit."""
    run = find_recorded(reader, call)
    own = [action for action in reader.actions_of_run(run.project_id, run.id) if "sdk" in action.sources]
    found = [one.id for one in own if one.id == at] or [one.id for one in own if one.name == at]
    if not found:
        raise InvalidInput(
            f"action {shown(at)} of run {shown(run.id)}",
            expected="the id or the name of an action that its program recorded with titan_sdk",
            found="none such",
            next_step="GET /api/v1/runs/{run}/skeleton lists them.",
        )
    return run, found[0]
