"""Questions about recorded calls: the `CallReader` port on SQLite."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from typing import Final

from titan.model.actions import is_answer
from titan.model.replays import Replay
from titan.model.retention import RunKey
from titan.model.run_control import RunStatus
from titan.model.runs import (
    AcceptedIssue,
    Action,
    AgentDay,
    AgentRow,
    AgentVersion,
    ErrorKind,
    Note,
    OutcomeSums,
    Run,
    Stops,
)
from titan.ports.actions import CallFilter, CallPage, FlatRun
from titan.ports.runs import ChangedRun, ReportedEntry, RunFilter
from titan.ports.tapes import StoredEntry, TapeCheck
from titan.store.rows.columns import methods_read_rows, to_json, to_us
from titan.store.runs import lists
from titan.store.runs.annotations import (
    NOTES,
    REPLAYS,
    accepted_from_row,
    agent_from_row,
    day_from_row,
    error_kind_from_row,
    version_from_row,
)
from titan.store.runs.evaluations import SqlEvaluationReader
from titan.store.runs.fts_query import part_pattern
from titan.store.runs.rows import ACTIONS, RUNS, flat_run, hour_of, reported_from_row
from titan.store.runs.tapes import entries_of_rows, entries_within
from titan.store.runs.verifying import check_tapes
from titan.store.session import CallSession, Row

NO_RUN: Final = 0  # the number of none


@methods_read_rows
class SqlCallReader(SqlEvaluationReader):
    """Implements `titan.ports.runs_store.CallReader`; its docstrings stand there."""

    def __init__(self, session: CallSession) -> None:
        self._session = session
        self._all = session.all
        self._one = session.one

    def run(self, project_id: str, run_id: str) -> Run | None:
        row = self._one("run", project_id=project_id, run_id=run_id)
        return None if row is None else RUNS.of(row)

    def registry(
        self, project_id: str, wanted: RunFilter, *, sort: str, is_ascending: bool, after: str | None, limit: int
    ) -> tuple[list[Run], str | None]:
        wanted = self._by_every_name(project_id, wanted)
        return lists.registry(
            self._session, project_id, wanted, sort=sort, is_ascending=is_ascending, after=after, limit=limit
        )

    def projects(self) -> list[str]:
        return sorted(str(row[0]) for row in self._all("projects"))

    def running_with_stages(self) -> list[RunKey]:
        return [(row[0], row[1]) for row in self._all("running_with_stages")]

    def count_runs(self, project_id: str, wanted: RunFilter, *, up_to: int) -> int:
        return lists.count_runs(self._session, project_id, self._by_every_name(project_id, wanted), up_to=up_to)

    def is_search_capped(self, wanted: RunFilter) -> bool:
        return lists.is_search_capped(self._session, wanted)

    def actions_of_run(self, project_id: str, run_id: str, *, after_version: int = 0) -> list[Action]:
        run_no = self._run_no(project_id, run_id)
        if run_no is None:
            return []
        if after_version:
            found = self._all("actions_changed", run_no=run_no, after_version=after_version)
        else:
            found = self._all("actions_of_run", run_no=run_no)
        return [ACTIONS.of(row, run_id) for row in found]

    def numbers_in_run(self, project_id: str, run_id: str, ids: Sequence[str]) -> dict[str, int]:
        run_no = self._run_no(project_id, run_id)
        return {} if run_no is None else dict(self._all("numbers_in_run", run_no=run_no, ids=to_json(ids)))

    def children_in_run(self, project_id: str, run_id: str, ids: Sequence[str]) -> list[Action]:
        run_no = self._run_no(project_id, run_id)
        found = [] if run_no is None else self._all("children_in_run", run_no=run_no, ids=to_json(ids))
        return [ACTIONS.of(row, run_id) for row in found]

    def version_of_run(self, project_id: str, run_id: str) -> int:
        run_no = self._run_no(project_id, run_id)
        row = None if run_no is None else self._one("version_of_run", run_no=run_no)
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
        run_no = self._run_no(project_id, run_id)
        row = None if run_no is None else self._one("action", run_no=run_no, action_id=action_id)
        return None if row is None else ACTIONS.of(row, run_id)

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
        if run_no is None:
            return None
        [[version]] = self._all("actions_version", run_no=run_no)  # first: what is newer is computed again
        return flat_run(self._all("flat_actions", run_no=run_no), version=version)

    def answered_elsewhere(self, project_id: str, run_id: str, answers: Iterable[str]) -> frozenset[str]:
        wanted = sorted(answers)
        if not wanted:
            return frozenset()
        run_no = self._run_no(project_id, run_id) or NO_RUN
        rows = self._all("answered_elsewhere", project_id=project_id, run_no=run_no, answers=to_json(wanted))
        return frozenset(str(row[0]) for row in rows)

    def runs_to_total(self, *, limit: int) -> list[tuple[str, str]]:
        return [(row[0], row[1]) for row in self._all("runs_to_total", limit=limit)]

    def ledger(
        self,
        project_id: str,
        wanted: CallFilter,
        *,
        sort: str,
        is_ascending: bool,
        skip: int,
        limit: int,
        up_to: int,
    ) -> CallPage:
        run_no = self._run_asked_for(project_id, wanted)
        return lists.ledger(
            self._session,
            project_id,
            wanted,
            run_no,
            sort=sort,
            is_ascending=is_ascending,
            skip=skip,
            limit=limit,
            up_to=up_to,
        )

    def calls_after(
        self, project_id: str, wanted: CallFilter, *, after: tuple[datetime, int] | None, limit: int
    ) -> list[Action]:
        run_no = self._run_asked_for(project_id, wanted)
        return lists.calls_after(self._session, project_id, wanted, run_no, after=after, limit=limit)

    def sums_of_calls(self, project_id: str, wanted: CallFilter) -> list[OutcomeSums]:
        return lists.sums_of_calls(self._session, project_id, wanted, self._run_asked_for(project_id, wanted))

    def interventions(self, project_id: str, wanted: CallFilter, *, skip: int, limit: int) -> list[Action]:
        run_no = self._run_asked_for(project_id, wanted)
        return lists.interventions(self._session, project_id, wanted, run_no, skip=skip, limit=limit)

    def count_interventions(self, project_id: str, wanted: CallFilter) -> dict[str, int]:
        return lists.count_interventions(self._session, project_id, wanted, self._run_asked_for(project_id, wanted))

    def notes_of_run(self, project_id: str, run_id: str) -> list[Note]:
        run_no = self._run_no(project_id, run_id)
        rows = [] if run_no is None else self._all("notes_of_run", run_no=run_no)
        return [NOTES.of(row, run_id) for row in rows]

    def replays_of_run(self, project_id: str, run_id: str, *, limit: int) -> list[Replay]:
        run_no = self._run_no(project_id, run_id)
        rows = [] if run_no is None else self._all("replays_of_run", run_no=run_no, limit=limit)
        return [REPLAYS.of(row, *row[-2:]) for row in rows]

    def replay(self, project_id: str, replay_id: str) -> Replay | None:
        row = self._one("replay", project_id=project_id, id=replay_id)
        return None if row is None else REPLAYS.of(row, *row[-2:])

    def aliases(self, project_id: str, ids: Iterable[str]) -> dict[str, str]:
        wanted = sorted(ids)
        return dict(self._all("aliases", project_id=project_id, ids=to_json(wanted))) if wanted else {}

    def runs_to_score(self, *, limit: int) -> list[tuple[str, str, int]]:
        return [(row[0], row[1], row[2]) for row in self._all("runs_to_score", limit=limit)]

    def accepted_issues(self, project_id: str, agent_id: str) -> list[AcceptedIssue]:
        rows = self._all("accepted_issues", project_id=project_id, agent_id=agent_id)
        return [accepted_from_row(row, project_id, agent_id) for row in rows]

    def note_by_id(self, project_id: str, note_id: str) -> Note | None:
        row = self._one("note_by_id", project_id=project_id, id=note_id)
        return None if row is None else NOTES.of(row, row[-1])

    def runs_in_need(
        self,
        project_id: str,
        *,
        since: datetime,
        agent_id: str | None = None,
        has_acknowledged: bool = False,
        skip: int = 0,
        limit: int,
    ) -> list[tuple[Run, bool]]:
        asked: dict[str, str | int | None] = {"project_id": project_id, "since_us": to_us(since), "agent_id": agent_id}
        asked |= {"limit": limit, "skip": skip}
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
        after: str = "",
        limit: int,
    ) -> list[AgentRow]:
        like = None if part is None else part_pattern(part)
        rows = self._all("agents", project_id=project_id, part=like, agent_id=agent_id, after=after, limit=limit)
        return [agent_from_row(row) for row in rows]

    def stops_of_agent(self, project_id: str, agent_id: str, *, since: datetime, until: datetime) -> Stops:
        hours = {"first": hour_of(since), "last": hour_of(until)}
        row = self._all("stops_of_agent", project_id=project_id, agent_id=agent_id, **hours)[0]
        return Stops(stopped=row[0], attempts=row[1])

    def days_of_agent(self, project_id: str, agent_id: str, *, since: datetime) -> list[AgentDay]:
        rows = self._all("days_of_agent", project_id=project_id, agent_id=agent_id, since_us=to_us(since))
        return [day_from_row(row) for row in rows]

    def versions_of_agent(self, project_id: str, agent_id: str, *, limit: int) -> list[AgentVersion]:
        rows = self._all("versions_of_agent", project_id=project_id, agent_id=agent_id, limit=limit)
        return [version_from_row(row) for row in rows]

    def errors_of_agent(self, project_id: str, agent_id: str, *, limit: int) -> list[ErrorKind]:
        rows = self._all("errors_of_agent", project_id=project_id, agent_id=agent_id, limit=limit)
        return [error_kind_from_row(row, self._all("place_of_action", number=row[4])[0]) for row in rows]

    def silent_runs(self, *, before: datetime, within_call_before: datetime, limit: int) -> list[Run]:
        until = {"before_us": to_us(before), "within_call_before_us": to_us(within_call_before)}
        return [RUNS.of(row) for row in self._all("silent_runs", **until, limit=limit)]

    def runs_left_open(self, *, before: datetime, limit: int) -> list[Run]:
        return [RUNS.of(row) for row in self._all("runs_left_open", before_us=to_us(before), limit=limit)]

    def open_actions(self, project_id: str, run_id: str) -> list[Action]:
        run_no = self._run_no(project_id, run_id)
        found = [] if run_no is None else self._all("open_actions", run_no=run_no)
        return [ACTIONS.of(row, run_id) for row in found]

    def old_runs(self, *, before: datetime, has_archived: bool, limit: int) -> list[Run]:
        rows = self._all("old_runs", before_us=to_us(before), archived=int(has_archived), limit=limit)
        return [RUNS.of(row) for row in rows]

    def pinned_runs(self) -> frozenset[RunKey]:
        return frozenset((row[0], row[1]) for row in self._all("pinned_runs"))

    def named_blobs(self, digests: Sequence[str]) -> set[str]:
        return {str(row[0]) for row in self._all("named_blobs", digests=to_json(digests))}

    def note(self, name: str) -> str | None:
        row = self._one("note", name=name)
        return None if row is None else str(row[0])

    def _by_every_name(self, project_id: str, wanted: RunFilter) -> RunFilter:
        """Return a filter that finds runs that are asked for by other names of theirs."""
        if not wanted.ids:
            return wanted
        return replace(wanted, ids=wanted.ids | set(self.aliases(project_id, wanted.ids).values()))

    def _run_no(self, project_id: str, run_id: str) -> int | None:
        row = self._one("run_no", project_id=project_id, run_id=run_id)
        return None if row is None else int(row[0])

    def _tapes(self, project_id: str, run_id: str) -> list[int]:
        """Return the numbers under which a run's entries are kept: its own, behind those of names it had before."""
        run_no = self._run_no(project_id, run_id)
        return [] if run_no is None else [*(row[0] for row in self._all("tapes_of_run", run_no=run_no)), run_no]

    def _run_asked_for(self, project_id: str, wanted: CallFilter) -> int | None:
        """Return the place of the run that is asked for; None for all, NO_RUN for one that is unknown."""
        return None if wanted.run_id is None else self._run_no(project_id, wanted.run_id) or NO_RUN
