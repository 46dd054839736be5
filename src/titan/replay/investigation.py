"""Measure the agreement of a program's executions, and find the cause and statement of differences."""

import linecache
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from titan.insight.export_lines import ActionLine
from titan.insight.replay.comparison import Comparison, verdict
from titan.insight.replay.recorded_action import Body, RecordedAction, body_of, call_site_of
from titan.model.actions import CALLS, INCURRED
from titan.model.shaped import shaped
from titan.replay.differences import (
    Agreement,
    Calls,
    Position,
    Statement,
    agree_at,
    agreement,
    calls_of,
    first_difference,
    first_unlike,
)
from titan.replay.execution import CallEntry, Changes, Execution, Program, ReportedCall, execute
from titan.wire.replays import (
    CauseView,
    ComparedRowView,
    ComparisonView,
    DivergenceView,
    ReExecutionView,
    ReplayMetrics,
    ReplayReport,
    StatementView,
)
from titan_sdk.replaying.sources import PINS

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING: Final = Decimal(0)


def recorded_actions(lines: Sequence[ActionLine], *, is_whole: bool = False) -> list[RecordedAction]:
    """Return the actions of an export that a replay repeats, in the order of their start.

    Where a whole run is replayed, these are calls of the model endpoint, too.
    """
    sources = {"sdk", "endpoint"} if is_whole else {"sdk"}
    own = [line for line in lines if not line.sources or not sources.isdisjoint(line.sources)]
    actions = {line.id: _recorded(line) for line in own}
    for line in own:
        if line.sources == ("endpoint",) and (around := actions.get(line.parent_id or "")) is not None:
            actions[line.id] = replace(actions[line.id], task=around.task)  # the endpoint does not know it
    return sorted(actions.values(), key=_start)


def replayed_actions(calls: Sequence[ReportedCall], recorded: Mapping[str, RecordedAction]) -> list[RecordedAction]:
    """Return the actions of a replay in the order of their start; `recorded` are the recording's by id."""
    return sorted((_replayed(call, recorded) for call in calls), key=_start)


def _start(action: RecordedAction) -> datetime:
    return action.started_at


def _recorded(line: ActionLine) -> RecordedAction:
    details = _details(line.details)
    return RecordedAction(
        id=line.id,
        name=line.action or line.name or "",
        is_call=line.kind in CALLS if line.is_counted is None else line.is_counted,
        started_at=line.started_at,
        ended_at=line.ended_at,
        parent_id=line.parent_id,
        task=details.get("task") or "",
        call_site=call_site_of(details),
        inputs=_body(line.inputs),
        outputs=_body(line.outputs),
        failure=None if line.error is None else _failure(line.error.type, line.error.message),
        outcome=line.outcome,
        effect=line.effect,
        cost=line.cost_usd or _NOTHING if line.outcome in INCURRED else _NOTHING,
    )


def _replayed(call: ReportedCall, recorded: Mapping[str, RecordedAction]) -> RecordedAction:
    if call.entry is None:  # it was answered, for the same inputs
        original = recorded[call.recorded_id or ""]
        started_at = _time(call.started_at_ns)
        return replace(
            original,
            id=call.id or "",
            parent_id=call.parent_id,
            started_at=started_at,
            ended_at=started_at,
            cost=_NOTHING,
        )
    return _made(call.entry, has_run=call.how == "ran")


def _made(entry: CallEntry, *, has_run: bool) -> RecordedAction:
    details = _details(entry.details)
    return RecordedAction(
        id=entry.id,
        name=entry.name,
        is_call=entry.kind in CALLS,
        started_at=_time(entry.started_at_ns),
        ended_at=_time(entry.started_at_ns + entry.duration_ns),
        parent_id=entry.parent_id,
        task=details.get("task") or "",
        call_site=call_site_of(details),
        inputs=_body(entry.inputs),
        outputs=_body(entry.outputs),
        failure=None if entry.failure is None else _failure(entry.failure.type, entry.failure.message),
        outcome=entry.outcome,
        effect=entry.effect,
        cost=(entry.cost_usd or _NOTHING) if has_run else _NOTHING,
    )


def _time(ns: int) -> datetime:
    return _EPOCH + timedelta(microseconds=ns // 1000)


def _body(raw: msgspec.Raw | msgspec.UnsetType) -> Body | None:
    return None if raw is msgspec.UNSET else body_of(bytes(raw).decode())


def _details(raw: msgspec.Raw | msgspec.UnsetType) -> dict[str, Any]:
    found = None if raw is msgspec.UNSET else msgspec.json.decode(raw)
    return found if isinstance(found, dict) else {}


def _failure(kind: str, message: str) -> str:
    return f"{kind}: {message}".removesuffix(": ")


TRIES: Final = 5  # executions that must agree where a source is pinned; of two, sets of two agree by chance
FIRST_SEED: Final = 100  # of those that look for a cause: other ones than were measured
EXTERNAL: Final = "external_state"  #: no source of the program's own
SEVERAL: Final = "several"  #: no source alone
#: Executions agree with each other but not with the recording, because of changed code or packages, or either.
CODE: Final = "code"
DEPENDENCY: Final = "dependency_version"
CHANGED: Final = "code_or_dependencies"
MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """The cause of differences between executions."""

    source: str  #: one of `titan_sdk.replaying.sources.PINS`, SEVERAL, EXTERNAL, CODE, DEPENDENCY or CHANGED
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Investigation:
    """The result of an investigation."""

    executions: Sequence[Execution]
    agreement: Agreement  #: among the executions
    root: Position | None  #: where executions first differ from one another, or from the recording
    cause: Cause | None
    statement: Statement | None


class Investigator:
    """Executes a program against a recording, several times if needed.

    `on_execution` is called before each execution with what it is for. `is_quiet` leaves out what the program writes.
    """

    def __init__(
        self,
        program: Program,
        recording: Sequence[RecordedAction],
        *,
        on_execution: Callable[[str], None] = lambda _: None,
        is_quiet: bool = False,
    ) -> None:
        self._is_quiet = is_quiet
        self._program = program
        self._recording = recording
        self._by_id: Mapping[str, RecordedAction] = {action.id: action for action in recording}
        self._on_execution = on_execution

    def investigate(self, *, runs: int = 3, finds_cause: bool = True) -> Investigation:
        """Execute the program `runs` times, and more often to find the cause of differences.

        Raises:
            ReplayFailed: as `execute`.
        """
        executions = [self._execution(number, f"execution {number + 1} of {runs}") for number in range(runs)]
        found = agreement([self._calls(execution) for execution in executions])
        changed = None if found.root else first_unlike(self._calls(executions[0]), calls_of(self._recording))
        while finds_cause and changed is not None and found.root is None and len(executions) < runs + TRIES:
            executions.append(self._execution(len(executions), "one more execution: they agree by now"))
            found = agreement([self._calls(execution) for execution in executions])
        cause: Cause | None = None
        statement: Statement | None = None
        root = found.root or changed
        if found.root is not None and finds_cause:
            cause = self._cause(found, found.root)
            self._on_execution("tracing statements")
            statement = self._statement(cause)
        elif root is not None:
            cause = _change(executions)
        return Investigation(executions=executions, agreement=found, root=root, cause=cause, statement=statement)

    def _execution(self, number: int, what_for: str) -> Execution:
        self._on_execution(what_for)
        # The first one as it was recorded, the others in another order.
        pins = frozenset({"task_order"}) if number == 0 else frozenset[str]()
        return execute(self._program, seed=number, pins=pins, is_quiet=self._is_quiet or number > 0)

    def replayed(self, execution: Execution) -> list[RecordedAction]:
        """Return the actions of an execution."""
        return replayed_actions(execution.calls, self._by_id)

    def _calls(self, execution: Execution) -> Calls:
        return calls_of(self.replayed(execution))

    def _cause(self, found: Agreement, root: Position) -> Cause:
        before = f"{found.differing} of {found.executions} executions differ"
        for pin in PINS:
            self._on_execution(f"with {pin} pinned")
            if self._agree(root, frozenset({pin})):
                return Cause(source=pin, evidence=f"{before}; with {pin} pinned, 0 of {TRIES}")
        self._on_execution("with everything pinned")
        if self._agree(root, frozenset(PINS)):
            return Cause(
                source=SEVERAL, evidence=f"{before}; with one source pinned, too; with all pinned, 0 of {TRIES}"
            )
        return Cause(source=EXTERNAL, evidence=f"{before}, also with every source of the program's own pinned")

    def _agree(self, place: Position, pins: frozenset[str]) -> bool:
        seen: list[Calls] = []
        for number in range(TRIES):
            seen.append(self._calls(execute(self._program, seed=FIRST_SEED + number, pins=pins)))
            if not agree_at(seen, place):
                return False
        return True

    def _statement(self, cause: Cause) -> Statement | None:
        """Return the first statement in which two traced executions differ that vary only the cause."""
        program = self._program
        pins = frozenset(PINS) - {cause.source} if cause.source in PINS else frozenset[str]()
        first = execute(program, seed=FIRST_SEED, pins=pins, traces=True)
        for number in range(1, TRIES):
            other = execute(program, seed=FIRST_SEED + number, pins=pins, traces=True)
            statement = first_difference(first.trace, other.trace)
            if statement is not None:
                line = linecache.getline(str(Path(program.folder, statement.file)), statement.line).strip()
                return replace(statement, source=line or None)
        return None


def changed_words(changes: Changes) -> list[str]:
    """Return the differences from the recorded program in words; none where it is equal or unknown."""
    said: list[str] = []
    if changes.files:
        said.append(f"the code differs from the recording's in {_some(changes.files)}")
    if changes.packages:
        named = [f"{name} {was or 'none'} → {now or 'none'}" for name, (was, now) in changes.packages.items()]
        said.append(f"packages differ from the recording's: {_some(named)}")
    return said


def _some(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _change(executions: Sequence[Execution]) -> Cause:
    """Return the cause where executions agree with each other but not with the recording."""
    changes = executions[0].changes
    agree = f"all {len(executions)} executions agree, and differ from the recording"
    evidence = "; ".join([agree, *changed_words(changes)])
    if changes.files or changes.packages:
        return Cause(source=CODE if changes.files else DEPENDENCY, evidence=evidence)
    if changes.files is None:
        return Cause(source=CHANGED, evidence=agree)
    return Cause(source=EXTERNAL, evidence=f"{agree}, whose code and packages are the same")


def metrics_of(found: Comparison) -> ReplayMetrics:
    """Return the numbers of a comparison."""
    return ReplayMetrics(
        original_cost_usd=found.original_cost,
        replay_cost_usd=found.replay_cost,
        savings_usd=found.savings,
        calls=found.compared,
        divergences=found.divergence_count,
        match_rate=found.match_rate,
        uncompared=found.uncompared,
    )


def comparison_view(found: Comparison, sentence: str) -> ComparisonView:
    """Return the wire shape of a comparison."""
    return ComparisonView(
        verdict=sentence,
        divergences=tuple(shaped(DivergenceView, one) for one in found.divergences),
        rows=tuple(shaped(ComparedRowView, row) for row in found.rows),
        has_more_rows=found.has_more_rows,
    )


def re_execution_view(found: Investigation, *, command: str) -> ReExecutionView:
    """Return the wire shape of an investigation."""
    cause, statement = found.cause, found.statement
    return ReExecutionView(
        command=command,
        score=found.agreement.score,
        executions=found.agreement.executions,
        differing=found.agreement.differing,
        changes=changed_words(found.executions[0].changes),
        cause=None if cause is None else CauseView(source=cause.source, evidence=cause.evidence),
        statement=None
        if statement is None
        else StatementView(
            file=statement.file,
            line=statement.line,
            function=statement.function,
            variable=statement.variable,
            values=list(statement.values),
            source=statement.source,
        ),
    )


def report_of(comparison: Comparison, found: Investigation, *, failed: bool, command: str) -> ReplayReport:
    """Return the report of a replay; `failed` is whether the recorded run failed."""
    sentence = verdict(comparison, failed=failed, fails_now=found.executions[0].exit_code != 0)
    return ReplayReport(
        metrics=metrics_of(comparison),
        comparison=comparison_view(comparison, sentence),
        re_execution=re_execution_view(found, command=command),
    )
