"""Measures how far a program's executions agree, and finds the source and the statement by which they differ."""

import linecache
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from titan.insight.export_lines import ActionLine
from titan.replay.causes import Calls, Made, Measured, Position, agree_at, calls_of, measured
from titan.replay.execution import CallLine, Execution, Program, execute
from titan.replay.statement import Statement, first_difference
import msgspec

from titan_sdk.replaying.sources import PINS

TRIES: Final = 5  # executions that must agree where a source is pinned; of two, sets of two agree by chance
FIRST_SEED: Final = 100  # of those that look for a cause: other ones than were measured
EXTERNAL: Final = "external_state"  #: no source of the program's own
CHANGED: Final = "code_or_dependencies"  #: executions agree with one another, and not with the recording


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why executions differ."""

    source: str  #: one of `titan_sdk.replaying.sources.PINS`, EXTERNAL or CHANGED
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Investigation:
    """What was found out about a program."""

    executions: Sequence[Execution]
    measured: Measured  #: among the executions
    root: Position | None  #: where executions first differ from one another, or from the recording
    cause: Cause | None
    statement: Statement | None


def recorded_calls(actions: Sequence[ActionLine]) -> list[Made]:
    """Return the actions of a recording as calls that were made."""
    parents = {action.parent_id for action in actions}
    return [_made(action, has_run=runs_again(action, parents)) for action in actions]


def investigate(
    program: Program,
    recording: Sequence[ActionLine],
    *,
    runs: int = 3,
    finds_cause: bool = True,
    on_execution: Callable[[str], None] = lambda _: None,
) -> Investigation:
    """Execute a program `runs` times, and more often to find the cause where the executions differ.

    `on_execution` is called before each with what it is for.

    Raises:
        ReplayFailed: as `execute`.
    """
    executions = []
    for number in range(runs):
        on_execution(f"execution {number + 1} of {runs}")
        executions.append(execute(program, seed=number, is_quiet=number > 0))
    calls = [_calls(execution) for execution in executions]
    order = _order(executions[0])
    found = measured(calls, order)
    if found.root is None:
        recorded = calls_of(recorded_calls(recording), with_outputs=True)
        root = next((place for place in order if calls[0][place] != recorded.get(place)), None)
        root = root or next((place for place in recorded if place not in calls[0]), None)
        cause = None
        if root is not None:
            cause = Cause(source=CHANGED, evidence=f"all {runs} executions agree, and differ from the recording")
        return Investigation(executions=executions, measured=found, root=root, cause=cause, statement=None)
    investigation = Investigation(executions=executions, measured=found, root=found.root, cause=None, statement=None)
    if not finds_cause:
        return investigation
    cause = _cause(program, found, on_execution)
    on_execution("tracing statements")
    return replace(investigation, cause=cause, statement=_statement(program, cause))


def _cause(program: Program, found: Measured, on_execution: Callable[[str], None]) -> Cause:
    assert found.root is not None
    before = f"{found.differing} of {found.executions} executions differ"
    for pin in PINS:
        on_execution(f"with {pin} pinned")
        if _agree(program, found.root, frozenset({pin})):
            return Cause(source=pin, evidence=f"{before}; with {pin} pinned, 0 of {TRIES}")
    on_execution("with everything pinned")
    if _agree(program, found.root, frozenset(PINS)):
        return Cause(source="several", evidence=f"{before}; with everything pinned, 0 of {TRIES}; with one source, more")
    return Cause(source=EXTERNAL, evidence=f"{before}, also with every source of the program's own pinned")


def _agree(program: Program, place: Position, pins: frozenset[str]) -> bool:
    seen: list[Calls] = []
    for number in range(TRIES):
        seen.append(_calls(execute(program, seed=FIRST_SEED + number, pins=pins)))
        if not agree_at(seen, place):
            return False
    return True


def _statement(program: Program, cause: Cause) -> Statement | None:
    """Return where two traced executions first differ, in which nothing is varied but the cause."""
    pins = frozenset(PINS) - {cause.source} if cause.source in PINS else frozenset[str]()
    first = execute(program, seed=FIRST_SEED, pins=pins, traces=True)
    for number in range(1, TRIES):
        other = execute(program, seed=FIRST_SEED + number, pins=pins, traces=True)
        statement = first_difference(first.trace, other.trace)
        if statement is not None:
            line = linecache.getline(str(Path(program.folder, statement.file)), statement.line).strip()
            return replace(statement, source=line or None)
    return None


def _calls(execution: Execution) -> Calls:
    return calls_of((_made(call, has_run=call.how == "ran") for call in execution.calls), with_outputs=True)


def _order(execution: Execution) -> list[Position]:
    """Return the places of an execution's calls, in the order of their start."""
    counts: dict[str, int] = {}
    order: list[Position] = []
    for call in sorted(execution.calls, key=lambda call: call.started_at):
        task = _task(call)
        order.append(Position(task, counts.setdefault(task, 0)))
        counts[task] += 1
    return order


def _made(action: ActionLine, *, has_run: bool) -> Made:
    outputs = bytes(action.outputs).decode() if has_run and action.outputs else None
    return Made(
        task=_task(action),
        name=action.action or action.name or "",
        started_at=action.started_at,
        inputs=bytes(action.inputs).decode() if action.inputs else None,
        outputs=outputs,
        recorded_id=action.recorded_id if isinstance(action, CallLine) else action.id,
    )


def _task(action: ActionLine) -> str:
    details = msgspec.json.decode(action.details) if action.details else None
    task = details.get("task") if isinstance(details, dict) else None
    return task if isinstance(task, str) else ""
