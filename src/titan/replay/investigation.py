"""Measures how far a program's executions agree, and finds the source and the statement by which they differ."""

import linecache
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from titan.insight.replay.recorded_action import RecordedAction
from titan.replay.calls import replayed_actions
from titan.replay.causes import Agreement, Calls, Position, agree_at, agreement, calls_of, first_unlike
from titan.replay.execution import Changes, Execution, Program, execute
from titan.replay.statement import Statement, first_difference
from titan_sdk.replaying.sources import PINS

TRIES: Final = 5  # executions that must agree where a source is pinned; of two, sets of two agree by chance
FIRST_SEED: Final = 100  # of those that look for a cause: other ones than were measured
EXTERNAL: Final = "external_state"  #: no source of the program's own
SEVERAL: Final = "several"  #: no source alone
#: Executions agree with one another, and not with the recording: of these two, or nobody knows of which.
CODE: Final = "code"
DEPENDENCY: Final = "dependency_version"
CHANGED: Final = "code_or_dependencies"
MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why executions differ."""

    source: str  #: one of `titan_sdk.replaying.sources.PINS`, SEVERAL, EXTERNAL, CODE, DEPENDENCY or CHANGED
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Investigation:
    """What was found out about a program."""

    executions: Sequence[Execution]
    agreement: Agreement  #: among the executions
    root: Position | None  #: where executions first differ from one another, or from the recording
    cause: Cause | None
    statement: Statement | None


class Investigator:
    """Executes a program against a recording, as often as is needed.

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
        """Execute `runs` times, and more often to find the cause where the executions differ.

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
        """Return what an execution did."""
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
        """Return where two traced executions first differ, in which nothing is varied but the cause."""
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
    """Return how a program differs from the recorded one, in words; empty where it is the same or nothing is known."""
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
    """Return why executions that agree differ from the recording."""
    changes = executions[0].changes
    agree = f"all {len(executions)} executions agree, and differ from the recording"
    evidence = "; ".join([agree, *changed_words(changes)])
    if changes.files or changes.packages:
        return Cause(source=CODE if changes.files else DEPENDENCY, evidence=evidence)
    if changes.files is None:
        return Cause(source=CHANGED, evidence=agree)
    return Cause(source=EXTERNAL, evidence=f"{agree}, whose code and packages are the same")
