"""Writes of the run store: the `CallTransaction` port on any database that is a `Session`."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from titan.model.actions import ActionEntry, Entry, Payload, RunEntry, digest_of, part_key
from titan.model.run_control import Origin
from titan.model.runs import (
    AcceptedIssue,
    Action,
    Count,
    Note,
    Replay,
    ReplayLevel,
    ReplayState,
    Run,
    RunTotals,
    troubles_after,
)
from titan.ports.runs_store import KnownCalls, NewEntry
from titan.store.columns import from_us, from_us_or_none, reads_rows, to_json, to_us
from titan.store.runs.evaluations import SqlEvaluationTransaction
from titan.store.runs.lists import NO_RUN
from titan.store.runs.packing import Packed, unpacked_texts
from titan.store.runs.reader import SqlCallReader
from titan.store.runs.rows import (
    ACTION_WIDTH,
    ACTIONS,
    ISSUES,
    NOTES,
    REPLAYS,
    RUNS,
    HourRow,
    Values,
    hours_changed,
    with_totals,
)
from titan.store.runs.tapes import NO_LINK, KnownTexts, Place, TapeRows, words_of_entry
from titan.store.session import Session

MOST_PARTS: Final = 1000  # requests that report one call; a conversation as long as its batches are short
TO_SCRUB: Final = "words_to_scrub"  # the note that says what of deleted runs may still be on the disk
_WORDS: Final = "1"  # words in the pages of the index, and pages in the log
FORGOTTEN: Final = "forgotten"  # the note that holds the version of the newest deletion
RESTORED_AT_ONCE: Final = 500
PREDICTED_AGAIN: Final = 1000  # runs of an agent, when what is accepted in them changes
# Each event of the stream has a number of its own (server/routes/stream.py), so some changes take more than one.
_FOR_CREATION: Final = 1  # before the first entry of a run, and the changes of one without any
_FOR_STATS: Final = 1  # before the end that a change of a run may be


class SqlCallTransaction(SqlEvaluationTransaction, SqlCallReader):
    """Implements `titan.ports.runs_store.CallTransaction`; its docstrings are there."""

    def __init__(self, session: Session, now: datetime, texts: KnownTexts) -> None:
        super().__init__(session)
        self.now = now
        #: (project id, run id) of what was changed.
        self.touched: set[tuple[str, str]] = set()
        self.has_forgotten = False
        self._texts_known = texts
        row = session.one("last_numbers")
        assert row is not None
        self.version: int = row[0]
        self._last_action: int = row[1]
        self._last_run_no: int = row[2]
        self._places: dict[tuple[str, str], Place] = {}
        self._absent: set[tuple[str, str]] = set()

    # --- what is known ---

    @reads_rows
    def known(self, project_id: str, entries: Sequence[Entry]) -> KnownCalls:
        parents = {entry.parent_run_id for entry in entries if isinstance(entry, RunEntry) and entry.parent_run_id}
        runs = self._read_places(project_id, {entry.run_id for entry in entries} | parents)
        reports = [entry for entry in entries if isinstance(entry, ActionEntry) and entry.run_id in runs]
        ending = {entry.run_id for entry in entries if isinstance(entry, RunEntry) and entry.is_part_end} & runs.keys()
        actions = self._known_actions(project_id, {(entry.run_id, entry.id) for entry in reports})
        in_parts = {(entry.run_id, entry.id) for entry in reports if entry.is_part} & actions.keys()
        return KnownCalls(
            runs=runs,
            actions=actions,
            next_number=self._last_action + 1,
            open_calls={run_id: self._open_calls(project_id, run_id) for run_id in ending},
            parts={action.number: self._parts(action) for action in map(actions.__getitem__, in_parts)},
            watched=self._watched(project_id, {entry.run_id for entry in entries}),
        )

    def _watched(self, project_id: str, run_ids: set[str]) -> dict[str, tuple[datetime, datetime | None]]:
        rows = self._all("watched_runs", project_id=project_id, ids=to_json(sorted(run_ids)))
        return {run_id: (from_us(began_us), from_us_or_none(ended_us)) for run_id, began_us, ended_us in rows}

    def _known_actions(self, project_id: str, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Action]:
        """Return those of the actions at (run id, id) that are stored."""
        run_nos = {run_id: self._places[project_id, run_id].run_no for run_id, _ in places}
        if not run_nos:
            return {}
        run_ids = {run_no: run_id for run_id, run_no in run_nos.items()}
        asked = to_json([[run_nos[run_id], action_id] for run_id, action_id in places])
        found = (ACTIONS.of(row, run_ids[row[ACTION_WIDTH - 1]]) for row in self._all("actions_at", places=asked))
        return {(action.run_id, action.id): action for action in found}

    def _open_calls(self, project_id: str, run_id: str) -> set[int]:
        run_no = self._places[project_id, run_id].run_no
        return {int(row[0]) for row in self._all("open_calls", run_no=run_no)}

    def _parts(self, action: Action) -> set[bytes]:
        """Return what the parts of its messages are known by that were reported of an action."""
        reports = self._reports_of(action)
        return {part_key(entry) for entry in reports if isinstance(entry, ActionEntry) and entry.is_part}

    def _reports_of(self, action: Action) -> list[Entry]:
        reports = self.tape(action.project_id, action.run_id, action_number=action.number, limit=MOST_PARTS)
        return [stored.entry for stored in reports]

    @reads_rows
    def _read_places(self, project_id: str, run_ids: set[str]) -> dict[str, Run]:
        """Return those of these runs that are stored; note where they stand."""
        found: dict[str, Run] = {}
        for row in self._all("runs_to_change", project_id=project_id, ids=to_json(sorted(run_ids))):
            run = RUNS.of(row[4:])
            found[run.id] = run
            self._places[project_id, run.id] = Place(row[0], row[1], row[2].hex(), row[3], run)
        self._absent.update((project_id, run_id) for run_id in run_ids - found.keys())
        return found

    # --- writing ---

    def keep(
        self, project_id: str, *, runs: Iterable[Run], actions: Sequence[Action], entries: Sequence[NewEntry]
    ) -> None:
        changed = {run.id: run for run in runs}
        places = {run_id: self._place(project_id, run_id) for run_id in changed}
        for run_id, place in places.items():
            if place.known is not None and place.known.archived_at is not None and changed[run_id].archived_at is None:
                self._index_again(place.known)
        batch = TapeRows(project_id, to_us(self.now), self._texts_of)
        for new in entries:
            place = places[new.entry.run_id]
            self.version += 1 + (_FOR_CREATION if place.link == NO_LINK else 0)
            batch.add(self.version, new, place)
            if isinstance(new.entry, RunEntry) and new.entry.process is not None:
                place.actions_version = self.version  # what follows from the actions follows from the code, too
        for action in actions:
            places[action.run_id].actions_version = self.version
        self._save_runs(changed.values(), places)
        rows: list[Values] = []
        for action in actions:
            number = batch.versions.get(action.number)  # of its newest entry
            row = ACTIONS.values(replace_agent(action, changed[action.run_id]))
            place, origin = places[action.run_id], changed[action.run_id].origin
            rows.append(
                (
                    *row,
                    place.run_no,
                    self.version if number is None else number,
                    self.version if number is None else None,
                    int(origin is Origin.EVALUATION),
                )
            )
        self._session.insert("save_actions", rows)
        self._session.insert("add_entries", batch.entries)
        self._add_bodies(batch)
        self._last_action = max([self._last_action, *(action.number for action in actions)])

    def _add_bodies(self, batch: TapeRows) -> None:
        self._texts_known.grew(len(batch.texts))
        self._session.insert("add_texts", batch.texts)
        self._session.insert("add_bodies", batch.bodies)
        self._add_words(batch.words)
        self._session.insert("add_blobs", batch.blobs)

    def _scrub_words(self) -> None:
        self._session.run("set_meta", {"name": TO_SCRUB, "value": _WORDS})
        self.has_forgotten = True

    def _add_words(self, words: Sequence[tuple[int, str]]) -> None:
        indexed = self._session.words_of
        self._session.insert("add_words", [(number, indexed(text)) for number, text in words])

    def save_run(self, run: Run) -> None:
        self._save_runs([run], {run.id: self._place(run.project_id, run.id)})

    def save_note(self, note: Note) -> None:
        place = self._place(note.project_id, note.run_id)
        self._session.insert("save_notes", [(*NOTES.values(note), place.run_no)])
        self._session.run("note_seen", {"run_no": place.run_no})
        self.touched.add((note.project_id, note.run_id))

    def forget_note(self, note: Note) -> None:
        self._session.run("forget_note", {"id": note.id, "project_id": note.project_id})
        self._session.run("note_seen", {"run_no": self._run_no(note.project_id, note.run_id)})
        self.touched.add((note.project_id, note.run_id))

    def save_replay(self, replay: Replay) -> None:
        run_no = self._run_no(replay.project_id, replay.run_id)
        with_run_no = None if replay.with_run is None else self._run_no(replay.project_id, replay.with_run)
        if NO_RUN not in (run_no, with_run_no):
            self._session.insert("save_replays", [(*REPLAYS.values(replay), run_no, with_run_no)])
            if replay.level is ReplayLevel.RE_EXECUTE and replay.state is ReplayState.COMPLETED:
                self._session.run("score_again", {"run_no": run_no})

    def save_totals(
        self, project_id: str, run_id: str, totals: RunTotals, counts: Mapping[int, Count], *, version: int
    ) -> None:
        run = self.run(project_id, run_id)
        if run is None or run.id != run_id:
            return
        place = self._place(project_id, run_id)
        self._session.run("note_totals", {"run_no": place.run_no, "version": version})
        after = with_totals(run, totals)
        if after != run or counts:
            self._save_runs([after], {run_id: place})
        self._session.run_many(
            "recount",
            (
                {
                    "number": number,
                    "version": self.version,
                    "is_call": int(count.is_call),
                    "has_cost": int(count.has_cost),
                    "has_tokens": int(count.has_tokens),
                    "duplicate_of": count.duplicate_of,
                }
                for number, count in counts.items()
            ),
        )

    def save_determinism(
        self, project_id: str, run_id: str, score: int | None, code_digest: str | None, *, version: int, stamp: int
    ) -> None:
        run = self.run(project_id, run_id)
        if run is None or run.id != run_id:
            return
        place = self._place(project_id, run_id)
        self._session.run("note_determinism", {"run_no": place.run_no, "version": version, "stamp": stamp})
        after = replace(run, determinism=score, code_digest=code_digest)
        if after != run:
            self._save_runs([after], {run_id: place})

    def accept_issue(self, issue: AcceptedIssue) -> None:
        self._session.run("accept_issue", ISSUES.row(issue))
        self._predict_again(issue)

    def withdraw_acceptance(self, issue: AcceptedIssue) -> None:
        self._session.run("withdraw_acceptance", ISSUES.row(issue))
        self._predict_again(issue)

    def _predict_again(self, issue: AcceptedIssue) -> None:
        agent = {"project_id": issue.project_id, "agent_id": issue.agent_id}
        self._session.run("predict_again", {**agent, "limit": PREDICTED_AGAIN})

    def note_actions_changed(self, project_id: str, run_id: str) -> None:
        place = self._place(project_id, run_id)
        self.version += 1
        place.actions_version = self.version
        self._session.run("note_actions_changed", {"run_no": place.run_no, "version": self.version})

    def add_alias(self, alias: str, run: Run) -> None:
        project_id, place = run.project_id, self._place(run.project_id, run.id)
        before = self.run(project_id, alias)
        if before is None:
            self._session.insert("save_alias", [(project_id, alias, place.run_no, None, 0, None)])
            return
        other = self._place(project_id, alias)
        link = bytes.fromhex(other.link)
        self._session.insert("save_alias", [(project_id, alias, place.run_no, other.run_no, other.text_count, link)])
        self.note_actions_changed(project_id, run.id)
        self.put_note(FORGOTTEN, str(self.version))  # whoever shows it under this name reads anew
        both = {"run_no": place.run_no, "tape_no": other.run_no}
        for query in ("redirect_aliases", "join_entries", "drop_joined_actions", "adopt_notes", "adopt_replays"):
            self._session.run(query, both)
        self._session.run("adopt_actions", {**both, **_labels(run), "version": self.version})
        self._session.run("forget_run", {"run_no": other.run_no})
        self._count_by_hour(hours_changed([(before, None)]))
        del self._places[project_id, alias]
        self.touched.add((project_id, alias))
        self._save_runs([run], {run.id: place})
        self._session.run("note_seen", {"run_no": place.run_no})

    def blobs_of_run(self, project_id: str, run_id: str) -> set[str]:
        tapes = self._tapes(project_id, run_id)
        return {str(row[0]) for tape_no in tapes for row in self._all("blobs_of_run", run_no=tape_no)}

    def archive_run(self, run: Run) -> None:
        for tape_no in self._tapes(run.project_id, run.id):
            self._session.run("forget_words_of_run", {"run_no": tape_no})
        self.save_run(replace(run, archived_at=self.now))

    def restore_run(self, run: Run) -> None:
        self._index_again(run)
        self.save_run(replace(run, archived_at=None))

    def _index_again(self, run: Run) -> None:
        """Have a run found by all its words, those of its first entry to those of its last."""
        seen: set[str] = set()

        def unseen(payload: Payload | None) -> list[str]:
            new = [text for text in payload.shared if text not in seen] if payload is not None else []
            seen.update(new)
            return new

        after = 0
        while entries := self.tape(run.project_id, run.id, after=after, limit=RESTORED_AT_ONCE):
            words = [
                (stored.number, words_of_entry(stored.entry, unseen(stored.entry.inputs), unseen(stored.entry.outputs)))
                for stored in entries
                if isinstance(stored.entry, ActionEntry)
            ]
            self._session.run_many("forget_words", ({"number": number} for number, _ in words))
            self._add_words(words)
            after = entries[-1].number

    def forget_run(self, project_id: str, run_id: str) -> bool:
        run_no, known = self._run_no(project_id, run_id), self.run(project_id, run_id)
        if run_no == NO_RUN:
            return False
        self._count_by_hour(hours_changed([(known, None)]))
        for (other_id,) in self._all("runs_also_answered", project_id=project_id, run_no=run_no):
            self.note_actions_changed(project_id, other_id)
        self.version += 1
        self.put_note(FORGOTTEN, str(self.version))
        self._session.run("set_meta", {"name": "action_floor", "value": str(self._last_action)})
        self._scrub_words()
        for tape_no in self._tapes(project_id, run_id):
            for query in _FORGETTING_ENTRIES:
                self._session.run(query, {"run_no": tape_no})
        self._forget_agent_run(project_id, run_id)
        for query in _FORGETTING:
            self._session.run(query, {"run_no": run_no})
        self._texts_known.forget(run_no)
        self._places.pop((project_id, run_id), None)
        self.touched.add((project_id, run_id))
        return True

    def write_packed(self, packed: Packed) -> None:
        """Replace a run's rows by their packs, unless the run has changed since."""
        packed.write(self._session)

    def put_note(self, name: str, value: str) -> None:
        self._session.run("set_meta", {"name": name, "value": value})

    def _texts_of(self, place: Place) -> dict[bytes, int]:
        """Return digest → number of the texts that a run keeps; the caller may add to it."""

        def read() -> dict[bytes, int]:
            if place.known is None:
                return {}
            packed = unpacked_texts(self._session, place.run_no)
            known = {digest_of(content): number for number, content in packed.items()}
            return known | dict(self._all("digests_of_run", run_no=place.run_no))

        return self._texts_known.of_run(place.run_no, read)

    def _place(self, project_id: str, run_id: str) -> Place:
        key = (project_id, run_id)
        if key not in self._places and (key in self._absent or not self._read_places(project_id, {run_id})):
            self._absent.discard(key)
            self._last_run_no += 1
            self._texts_known.forget(self._last_run_no)
            self._places[key] = Place(self._last_run_no, 0, NO_LINK, 0, None)
        return self._places[key]

    def _save_runs(self, runs: Iterable[Run], places: dict[str, Place]) -> None:
        rows: list[Values] = []
        changes: list[tuple[Run | None, Run]] = []
        for run in runs:
            place = places[run.id]
            run = replace(run, troubles=troubles_after(place.known, run))
            changes.append((place.known, run))
            self.version += 1 + _FOR_STATS + (0 if run.entry_count else _FOR_CREATION)
            link = bytes.fromhex(place.link)
            numbers = (place.run_no, place.text_count, link, place.actions_version, self.version, self.version)
            rows.append((*numbers, *RUNS.values(run)))
            of_run = (run.agent_id, run.origin)
            if place.known is not None and (place.known.agent_id, place.known.origin) != of_run:
                self._session.run("relabel_actions", {"run_no": place.run_no, **_labels(run)})
            place.known = run
            self.touched.add((run.project_id, run.id))
        self._session.insert("save_runs", rows)
        self._count_by_hour(hours_changed(changes))

    def _count_by_hour(self, rows: Sequence[HourRow]) -> None:
        """Add to the sums of hours; one that holds nothing any more leaves no trace of its agent."""
        self._session.insert("add_to_hours", rows)
        self._session.run_many(
            "forget_empty_hour",
            (
                {"project_id": project_id, "agent_id": agent_id, "hour": hour}
                for project_id, agent_id, hour, _, attempts in rows
                if attempts < 0
            ),
        )


def _labels(run: Run) -> dict[str, str | int]:
    """Return what a run's actions repeat of it, so that an index of theirs has it."""
    return {"agent_id": run.agent_id, "is_evaluation": int(run.origin is Origin.EVALUATION)}


def replace_agent(action: Action, run: Run) -> Action:
    """Return an action with the agent of its run, which may have become known after the action was first reported."""
    return action if action.agent_id == run.agent_id else replace(action, agent_id=run.agent_id)


_FORGETTING_ENTRIES: Final = (
    "forget_words_of_run",  # they are found by the entries
    "forget_bodies_of_run",
    "forget_texts_of_run",
    "forget_packs_of_run",
    "forget_blobs_of_run",
    "forget_entries_of_run",
)
_FORGETTING: Final = (
    "forget_actions_of_run",
    "forget_notes_of_run",
    "forget_replays_of_run",
    "forget_aliases_of_run",
    "forget_run",
)
