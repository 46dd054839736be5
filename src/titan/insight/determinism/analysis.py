"""A run's issues and its predicted score.

Inputs and outputs are read in the order of their times. A value is an issue where it appears first; where it appears
again in the inputs of a later action, it flows there. What the run itself was given, and what a model said, is none.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from decimal import Decimal
from math import floor
from typing import Final

import msgspec

from titan.insight.determinism.advice import ADVICE, title_of
from titan.insight.determinism.calls import Read, SetOrder, external_state, finish_order, is_write, sampling
from titan.insight.determinism.code import code_findings
from titan.insight.determinism.contents import Contents, Leaf, contents_of
from titan.insight.determinism.model import (
    MOST_FLOWS,
    Analysis,
    CodeFinding,
    Finding,
    Flow,
    Issue,
    IssueKind,
    Place,
    Recorded,
    Severity,
    Side,
)
from titan.insight.determinism.values import Hit, hits
from titan.model.actions import ATTEMPTS, ActionKind

#: The most that a run can score with an open issue of a severity whose value flows into a later action.
CAPS: Final[Mapping[Severity, int]] = {Severity.CRITICAL: 49, Severity.HIGH: 69}


def analyse(actions: Iterable[Recorded], scripts: Mapping[str, str]) -> Analysis:
    """Return the issues of a run: `actions` are all of them in any order, `scripts` its code, by file name."""
    calls = [_read(one) for one in sorted(actions, key=lambda one: (one.action.started_at, one.action.number))]
    attempts = [call for call in calls if call.recorded.is_call and call.recorded.action.outcome in ATTEMPTS]
    found = _Found()
    for call in attempts:
        for finding in (*sampling(call.recorded, call.inputs), *external_state(call.recorded, call.inputs)):
            found.add(call.recorded, finding)
    for call, finding in finish_order([call for call in calls if call.recorded.is_call]):
        found.add(call.recorded, finding)
    _Values(found, calls).look()
    for file, text in scripts.items():
        for code_finding in code_findings(file, text) if attempts else ():
            found.add_code(_owner(code_finding, attempts), code_finding)
    return Analysis(
        attempts=len(attempts),
        unread=sum(not (call.inputs.is_whole and call.outputs.is_whole) for call in attempts),
        issues=found.issues(),
        files=tuple(scripts),
    )


def score_of(analysis: Analysis, accepted: Set[str] = frozenset()) -> int | None:
    """Return the predicted score from 0 to 100; None of a run without attempts, or of which no content is stored.

    An action loses the weight of its gravest open issue; `accepted` are the keys of those that are not open.
    """
    if analysis.unread == analysis.attempts and not analysis.issues:
        return None
    worst: dict[str, Decimal] = {}
    most = 100
    for issue in analysis.issues:
        if issue.key in accepted:
            continue
        for action_id in issue.action_ids:
            worst[action_id] = max(issue.severity.weight, worst.get(action_id, Decimal(0)))
        most = min(most, CAPS.get(issue.severity, 100) if issue.flows else 100)
    return min(most, floor(100 * (1 - sum(worst.values(), Decimal(0)) / analysis.attempts)))


def _read(recorded: Recorded) -> Read:
    bodies = recorded.bodies
    return Read(recorded, contents_of(bodies.inputs), contents_of(bodies.outputs))


# --- issues put together ---


@dataclass(slots=True)
class _Open:
    """An issue while findings are added to it."""

    recorded: Recorded
    finding: Finding
    action_ids: dict[str, None] = field(default_factory=dict)
    flows: dict[str, Flow] = field(default_factory=dict)
    place: Place | None = None


class _Found:
    """Findings of all actions, those of equal key as one issue."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}

    def add(self, recorded: Recorded, finding: Finding) -> str:
        """Add what was found in an action's data; return the key of the issue that it belongs to."""
        key = f"{finding.kind}:{recorded.action.name}:{finding.side}:{finding.path}"
        self._add(key, recorded, finding)
        return key

    def flow(self, key: str, flow: Flow) -> None:
        """Note that the value of an issue appears in a later action's inputs."""
        self._open[key].flows.setdefault(flow.action_id, flow)

    def add_code(self, recorded: Recorded, finding: CodeFinding) -> None:
        """Add what was found in the source: as the place of an issue of the action's data, where one has none."""
        for issue in self._open.values():
            is_same = recorded.action.id in issue.action_ids and issue.finding.kind is finding.kind
            if is_same and issue.place is None:
                issue.place = finding.place
                return
        key = f"{finding.kind}:{finding.place.function}:{Side.CODE}:{finding.expression}"
        data = Finding(kind=finding.kind, side=Side.CODE, severity=finding.severity, description=finding.description)
        self._add(key, recorded, data).place = finding.place

    def _add(self, key: str, recorded: Recorded, finding: Finding) -> _Open:
        issue = self._open.setdefault(key, _Open(recorded, finding))
        issue.action_ids[recorded.action.id] = None
        issue.finding = replace(issue.finding, severity=max(issue.finding.severity, finding.severity, key=_level))
        return issue

    def issues(self) -> Sequence[Issue]:
        """Return all issues, in the order in which their first actions started."""
        ordered = sorted(self._open.items(), key=lambda item: _started(item[1].recorded))
        return tuple(_issue(key, issue) for key, issue in ordered)


def _started(recorded: Recorded) -> tuple[object, int]:
    return recorded.action.started_at, recorded.action.number


def _level(severity: Severity) -> Decimal:
    return severity.weight


def _issue(key: str, issue: _Open) -> Issue:
    finding, place, general = issue.finding, issue.place, ADVICE[issue.finding.kind]
    return Issue(
        key=key,
        kind=finding.kind,
        title=title_of(finding.kind, finding.side),
        severity=finding.severity.raised() if issue.flows else finding.severity,
        action_ids=tuple(issue.action_ids),
        action_name=issue.recorded.action.name,
        side=finding.side,
        path=finding.path,
        value=finding.value,
        description=finding.description,
        advice=general if place is None else replace(general, before=place.before, after=place.after),
        place=place,
        flows=tuple(issue.flows.values())[:MOST_FLOWS],
    )


# --- values: where they appear first, and where they flow ---


class _Values:
    """Goes through all inputs and outputs in the order of their times."""

    def __init__(self, found: _Found, calls: Sequence[Read]) -> None:
        self._found = found
        self._calls = calls
        self._seen: set[str] = set()
        self._origins: dict[str, tuple[str, str]] = {}  #: value → key of its issue, id of the action it was found in
        self._sets = SetOrder()
        self._given = _roots(calls)

    def look(self) -> None:
        """Add the issues of all values, and where these flow."""
        for recorded, side, contents in _in_time(self._calls):
            if recorded.is_call:
                for finding in self._sets.look(contents.lists, side):
                    self._found.add(recorded, finding)
            is_own = recorded.is_call and not (side is Side.INPUTS and recorded.action.id in self._given)
            is_given = recorded.action.id in self._given and side is Side.INPUTS
            is_model = recorded.action.kind is ActionKind.MODEL and side is Side.OUTPUTS
            for leaf in contents.leaves:
                if is_own and not is_model:
                    self._look_at(recorded, side, leaf)
                elif is_given or is_model:
                    self._seen.update(_values_of(leaf, hits(leaf, side, recorded)))

    def _look_at(self, recorded: Recorded, side: Side, leaf: Leaf) -> None:
        found = hits(leaf, side, recorded)
        for value in _values_of(leaf, found):
            origin = self._origins.get(value)
            if origin is not None and side is Side.INPUTS and origin[1] != recorded.action.id:
                self._found.flow(
                    origin[0], Flow(action_id=recorded.action.id, name=recorded.action.name, path=leaf.pattern)
                )
        for hit in found:
            if hit.value not in self._seen:
                finding = Finding(
                    kind=hit.kind,
                    side=side,
                    severity=_severity(hit, side, recorded),
                    description=hit.description,
                    path=leaf.pattern,
                    value=hit.value,
                )
                self._origins[hit.value] = self._found.add(recorded, finding), recorded.action.id
        self._seen.update(_values_of(leaf, found))


def _severity(hit: Hit, side: Side, recorded: Recorded) -> Severity:
    """Return the severity of a value; a generated id that is written somewhere counts more."""
    is_written = hit.kind is IssueKind.UUID and side is Side.INPUTS and is_write(recorded)
    return Severity.HIGH if is_written else hit.severity


def _values_of(leaf: Leaf, found: Iterable[Hit]) -> Iterator[str]:
    """Yield what a value is recognised by where it appears again."""
    yield leaf.text
    yield from (hit.value for hit in found if hit.value != leaf.text)


def _in_time(calls: Sequence[Read]) -> Iterator[tuple[Recorded, Side, Contents]]:
    """Yield inputs at the start and outputs at the end of each action, in the order of these times.

    Of equal times, those of the action that was reported first come first: it ended as the other one began.
    """
    moments = [
        moment
        for call in calls
        for moment in (
            (call.recorded.action.started_at, 0, call.recorded, Side.INPUTS, call.inputs),
            (
                call.recorded.action.ended_at or call.recorded.action.started_at,
                1,
                call.recorded,
                Side.OUTPUTS,
                call.outputs,
            ),
        )
    ]
    for _, _, recorded, side, contents in sorted(
        moments, key=lambda moment: (moment[0], moment[2].action.number, moment[1])
    ):
        yield recorded, side, contents


def _roots(calls: Sequence[Read]) -> frozenset[str]:
    """Return the ids of the actions whose inputs the run was given from outside.

    That are frames at the top (an agent, a turn), and a call at the top that all others were made in.
    """
    ids = {call.recorded.action.id for call in calls}
    top = [call.recorded for call in calls if call.recorded.action.parent_id not in ids]
    is_around_all = len(top) == 1 and len(calls) > 1
    return frozenset(one.action.id for one in top if is_around_all or not one.is_call)


# --- which action a statement belongs to ---


class _Site(msgspec.Struct):
    file: str = ""
    line: int = 0
    qualname: str = ""


class _Details(msgspec.Struct):
    callsite: _Site | None = None
    defined_at: _Site | None = None


def _owner(finding: CodeFinding, attempts: Sequence[Read]) -> Recorded:
    """Return the action that a statement belongs to: that whose code it is, else the next one called after it."""
    place = finding.place
    named = place.function.rpartition(".")[2]
    ranked: dict[int, list[Recorded]] = defaultdict(list)
    for recorded in (attempt.recorded for attempt in attempts):
        site = _site(recorded)
        is_here = site is not None and _file_name(site.file) == _file_name(place.file)
        if recorded.action.name == named:
            return recorded
        if site is None or not is_here:
            ranked[3].append(recorded)
        else:
            is_behind = site.line >= place.line
            ranked[(0 if is_behind else 1) if site.qualname == place.function else 2].append(recorded)
    return ranked[min(ranked)][0]


def _site(recorded: Recorded) -> _Site | None:
    try:
        details = msgspec.json.decode(recorded.bodies.details or "{}", type=_Details)
    except msgspec.DecodeError:
        return None
    return details.callsite or details.defined_at


def _file_name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]
