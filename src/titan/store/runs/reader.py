"""Queries of the run store: the `CallReader` port on any database that is a `Session`."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter

from titan.model.actions import is_answer
from titan.model.retention import RunKey
from titan.model.run_control import Origin, RunStatus
from titan.model.runs import (
    AcceptedIssue,
    Action,
    AgentDay,
    AgentRow,
    AgentVersion,
    ErrorKind,
    Note,
    Replay,
    Run,
    Stops,
)
from titan.ports.runs_store import ChangedRun, FlatRun, ReportedEntry, StoredEntry, TapeCheck
from titan.store.columns import methods_read_rows, to_json, to_us, within
from titan.store.runs.lists import NO_RUN, SqlCallLists
from titan.store.runs.packing import Packed
from titan.store.runs.rows import (
    ACTIONS,
    AGENT_DAYS,
    AGENT_VERSIONS,
    AGENTS,
    ERROR_KINDS,
    ISSUES,
    NOTES,
    REPLAYS,
    RUNS,
    flat_run,
    hour_of,
    reported_from_row,
)
from titan.store.runs.tapes import entries_of_rows, entries_within
from titan.store.runs.verifying import check_tapes
from titan.store.runs.words import part_pattern
from titan.store.session import Row, Value


@methods_read_rows
class SqlCallReader(SqlCallLists):
    """Implements `titan.ports.runs_store.CallReader`; its docstrings are there."""

    def run(self, project_id: str, run_id: str) -> Run | None:
        return self._first(RUNS, "run", project_id=project_id, run_id=run_id)

    def projects(self) -> list[str]:
        return sorted(str(row[0]) for row in self._all("projects"))

    def running_with_stages(self) -> list[RunKey]:
        return [(row[0], row[1]) for row in self._all("running_with_stages")]

    def actions_of_run(self, project_id: str, run_id: str, *, after_version: int = 0) -> list[Action]:
        if after_version:
            return self._actions("actions_changed", project_id, run_id, after_version=after_version)
        return self._actions("actions_of_run", project_id, run_id)

    def _actions(self, query: str, project_id: str, run_id: str, **asked: Value) -> list[Action]:
        rows = self._all(query, run_no=self._run_no(project_id, run_id), **asked)
        return [ACTIONS.of(row, run_id) for row in rows]

    def numbers_in_run(self, project_id: str, run_id: str, ids: Sequence[str]) -> dict[str, int]:
        return dict(self._all("numbers_in_run", run_no=self._run_no(project_id, run_id), ids=to_json(ids)))

    def children_in_run(self, project_id: str, run_id: str, ids: Sequence[str]) -> list[Action]:
        return self._actions("children_in_run", project_id, run_id, ids=to_json(ids))

    def version_of_run(self, project_id: str, run_id: str) -> int:
        row = self._one("version_of_run", run_no=self._run_no(project_id, run_id))
        return 0 if row is None else int(row[0])

    def newest_version(self) -> int:
        return int(self._all("newest_version")[0][0])

    def newest_deletion(self) -> int:
        return int(self._all("newest_deletion")[0][0])

    def runs_changed(self, project_id: str, *, after: int, limit: int) -> list[ChangedRun]:
        rows = self._all("runs_changed", project_id=project_id, after=after, limit=limit)
        return [ChangedRun(run_id=row[0], agent_id=row[1], version=row[2], status_version=row[3]) for row in rows]

    def reported_after(self, project_id: str, *, after: int, limit: int) -> list[ReportedEntry]:
        # Numbers of actions ascend with the entries they were first reported by, so a new one is above all before. Only
        # where the newest action was not reported in the last 1000 entries may an older one pass for new.
        newest = self._all("newest_action_before", after=after)[0][0] or 0
        reported: list[ReportedEntry] = []
        for row in self._all("reported_after", project_id=project_id, after=after, limit=limit):
            reported.append(reported_from_row(row, newest_action=newest))
            newest = max(newest, 0 if reported[-1].action is None else reported[-1].action.number)
        return reported

    def action(self, project_id: str, run_id: str, action_id: str) -> Action | None:
        return next(iter(self._actions("action", project_id, run_id, action_id=action_id)), None)

    def calls_answered(self, project_id: str, answers: Iterable[str]) -> list[Action]:
        wanted = sorted(answers)
        rows = self._all("actions_answered", project_id=project_id, answers=to_json(wanted)) if wanted else ()
        return [ACTIONS.of(row, row[-1]) for row in rows]

    def tape(
        self, project_id: str, run_id: str, *, action_number: int | None = None, after: int = 0, limit: int
    ) -> list[StoredEntry]:
        if action_number is None:
            return self._entries("entries_of_run", project_id, run_id, after=after, limit=limit)
        return self._entries(
            "entries_of_action", project_id, run_id, action_number=action_number, after=after, limit=limit
        )

    def entries_about_run(self, project_id: str, run_id: str, *, after: int = 0, limit: int) -> list[StoredEntry]:
        return self._entries("entries_about_run", project_id, run_id, after=after, limit=limit)

    def _entries(self, query: str, project_id: str, run_id: str, *, limit: int, **asked: int) -> list[StoredEntry]:
        """Return up to `limit` entries of all tapes of a run, in the order they came."""
        found: list[StoredEntry] = []
        tapes = self._tapes(project_id, run_id)
        for tape_no in tapes:
            rows = self._all(query, run_no=tape_no, limit=limit, **asked)
            found += entries_of_rows(self._session, tape_no, rows)
        return found if len(tapes) < 2 else sorted(found, key=attrgetter("number"))[:limit]

    def places_in_tape(self, project_id: str, run_id: str) -> list[tuple[int, int]]:
        rows = [row for no in self._tapes(project_id, run_id) for row in self._all("places_in_tape", run_no=no)]
        return [(row[1], row[2]) for row in sorted(rows)]

    def entries_at(
        self, project_id: str, run_id: str, numbers: Sequence[int], *, limit_bytes: int
    ) -> list[StoredEntry]:
        tapes = self._tapes(project_id, run_id)
        if len(tapes) < 2:
            return entries_within(self._session, tapes[0], numbers, limit_bytes) if tapes else []
        found = [entry for no in tapes for entry in entries_within(self._session, no, numbers, limit_bytes)]
        places = {number: place for place, number in enumerate(numbers)}
        return sorted(found, key=lambda entry: places[entry.number])

    def check_tape(self, project_id: str, run_id: str) -> TapeCheck | None:
        tapes = self._tapes(project_id, run_id)
        return check_tapes(self._session, tapes) if tapes else None

    def find_in_run(self, project_id: str, run_id: str, text: str, *, limit: int) -> list[str]:
        words = self._session.matching(text)
        found: list[Row] = []
        for tape_no in self._tapes(project_id, run_id) if words is not None else ():
            first, last = self._all("bounds_of_tape", run_no=tape_no)[0]
            if first is not None:
                found += self._all("find_in_run", run_no=tape_no, words=words, first=first, last=last, limit=limit)
        return list(dict.fromkeys(str(row[2]) for row in sorted(found)))[:limit]

    def nameless_runs(self, project_id: str, ids: Iterable[str]) -> dict[str, bool]:
        wanted = sorted(ids)
        return {
            id: not (has_stages or is_named or (is_traced and is_answer(id)))
            for id, has_stages, is_traced, is_named in (
                self._all("nameless_runs", project_id=project_id, ids=to_json(wanted)) if wanted else ()
            )
        }

    def flat_run(self, project_id: str, run_id: str) -> FlatRun | None:
        run_no = self._run_no(project_id, run_id)
        if run_no == NO_RUN:
            return None
        [[version]] = self._all("actions_version", run_no=run_no)  # first: what is newer is computed again
        return flat_run(self._all("flat_actions", run_no=run_no), version=version)

    def answered_elsewhere(self, project_id: str, run_id: str, answers: Iterable[str]) -> frozenset[str]:
        wanted = sorted(answers)
        if not wanted:
            return frozenset()
        run_no = self._run_no(project_id, run_id)
        rows = self._all("answered_elsewhere", project_id=project_id, run_no=run_no, answers=to_json(wanted))
        return frozenset(str(row[0]) for row in rows)

    def runs_to_total(self, *, limit: int) -> list[tuple[str, str]]:
        return [(row[0], row[1]) for row in self._all("runs_to_total", limit=limit)]

    def notes_of_run(self, project_id: str, run_id: str) -> list[Note]:
        rows = self._all("notes_of_run", run_no=self._run_no(project_id, run_id))
        return [NOTES.of(row, run_id) for row in rows]

    def replays_of_run(self, project_id: str, run_id: str, *, limit: int) -> list[Replay]:
        rows = self._all("replays_of_run", run_no=self._run_no(project_id, run_id), limit=limit)
        return [REPLAYS.of(row, *row[-2:]) for row in rows]

    def replay(self, project_id: str, replay_id: str) -> Replay | None:
        row = self._one("replay", project_id=project_id, id=replay_id)
        return None if row is None else REPLAYS.of(row, *row[-2:])

    def runs_to_score(self, *, limit: int) -> list[tuple[str, str, int]]:
        return [(row[0], row[1], row[2]) for row in self._all("runs_to_score", limit=limit)]

    def accepted_issues(self, project_id: str, agent_id: str) -> list[AcceptedIssue]:
        return self._find(ISSUES, "accepted_issues", project_id=project_id, agent_id=agent_id)

    def note_by_id(self, project_id: str, note_id: str) -> Note | None:
        row = self._one("note_by_id", project_id=project_id, id=note_id)
        return None if row is None else NOTES.of(row, row[-1])

    def runs_in_need(
        self,
        project_id: str,
        *,
        since: datetime,
        origin: Origin | None = None,
        agent_id: str | None = None,
        has_acknowledged: bool = False,
        skip: int = 0,
        limit: int,
    ) -> list[tuple[Run, bool]]:
        asked: dict[str, str | int | None] = {"project_id": project_id, "since_us": to_us(since), "agent_id": agent_id}
        asked |= {"limit": limit, "skip": skip, "origin": origin}
        rows = (
            self._all("runs_in_need_or_acknowledged", **asked)
            if has_acknowledged
            else self._all("runs_in_need", **asked)
        )
        return [(run := RUNS.of(row), self._is_unrecovered(run, row[-1])) for row in rows]

    def _is_unrecovered(self, run: Run, run_no: int) -> bool:
        """Return whether an error was not recovered in a run that did not fail; most that were stopped have none."""
        may_have_one = run.status is not RunStatus.FAILED and run.tally.error > 0
        return may_have_one and self._one("has_unrecovered_error", run_no=run_no) is not None

    def agents(
        self,
        project_id: str,
        *,
        part: str | None = None,
        agent_id: str | None = None,
        origin: Origin | None = None,
        after: str = "",
        limit: int,
    ) -> list[AgentRow]:
        like = None if part is None else part_pattern(part)
        asked: dict[str, Value] = {"part": like, "agent_id": agent_id, "origin": origin}
        return self._find(AGENTS, "agents", project_id=project_id, **asked, after=after, limit=limit)

    def stops_of_agent(self, project_id: str, agent_id: str, *, since: datetime, until: datetime) -> Stops:
        hours = {"first": hour_of(since), "last": hour_of(until)}
        row = self._all("stops_of_agent", project_id=project_id, agent_id=agent_id, **hours)[0]
        return Stops(stopped=row[0], attempts=row[1])

    def days_of_agent(
        self, project_id: str, agent_id: str, *, since: datetime, origin: Origin | None = None
    ) -> list[AgentDay]:
        asked: dict[str, Value] = {"agent_id": agent_id, "since_us": to_us(since), "origin": origin}
        return self._find(AGENT_DAYS, "days_of_agent", project_id=project_id, **asked)

    def versions_of_agent(
        self, project_id: str, agent_id: str, *, limit: int, origin: Origin | None = None
    ) -> list[AgentVersion]:
        asked: dict[str, Value] = {"agent_id": agent_id, "limit": limit, "origin": origin}
        return self._find(AGENT_VERSIONS, "versions_of_agent", project_id=project_id, **asked)

    def errors_of_agent(
        self, project_id: str, agent_id: str, *, limit: int, origin: Origin | None = None
    ) -> list[ErrorKind]:
        asked: dict[str, Value] = {"agent_id": agent_id, "limit": limit, "origin": origin}
        rows = self._all("errors_of_agent", project_id=project_id, **asked)
        return [ERROR_KINDS.of(row, *self._all("place_of_action", number=row[4])[0]) for row in rows]

    def silent_runs(self, *, before: datetime, within_call_before: datetime, limit: int) -> list[Run]:
        until = {"before_us": to_us(before), "within_call_before_us": to_us(within_call_before)}
        return self._find(RUNS, "silent_runs", **until, limit=limit)

    def runs_left_open(self, *, before: datetime, limit: int) -> list[Run]:
        return self._find(RUNS, "runs_left_open", before_us=to_us(before), limit=limit)

    def open_actions(self, project_id: str, run_id: str) -> list[Action]:
        return self._actions("open_actions", project_id, run_id)

    def old_runs(self, *, before: datetime, has_archived: bool, limit: int) -> list[Run]:
        return self._find(RUNS, "old_runs", before_us=to_us(before), archived=int(has_archived), limit=limit)

    def pinned_runs(self) -> frozenset[RunKey]:
        return frozenset((row[0], row[1]) for row in self._all("pinned_runs"))

    def named_blobs(self, digests: Sequence[str]) -> set[str]:
        return {str(row[0]) for row in self._all("named_blobs", digests=to_json(digests))}

    def is_blob_within(self, digest: str, reach: str) -> bool:
        return self._one("blob_is_within", digest=digest, **within(reach)) is not None

    def note(self, name: str) -> str | None:
        row = self._one("note", name=name)
        return None if row is None else str(row[0])

    def packed(self, *, before: datetime, limit: int) -> list[Packed]:
        """Return ended runs of which nothing was reported since `before`, as they are packed."""
        rows = self._all("runs_to_pack", before_us=to_us(before), limit=limit)
        return [Packed(self._session, run_no, project_id, version) for run_no, project_id, version in rows]

    def _tapes(self, project_id: str, run_id: str) -> list[int]:
        """Return the numbers under which a run's entries are kept: its own, behind those of names it had before."""
        run_no = self._run_no(project_id, run_id)
        return [] if run_no == NO_RUN else [*(row[0] for row in self._all("tapes_of_run", run_no=run_no)), run_no]
