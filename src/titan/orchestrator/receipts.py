"""Answers repeated requests as the first time: by receipts for idempotency keys, and by submission keys."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

import msgspec

from titan.model.actions import digest_of
from titan.model.dags import Dag, NewDag, StageStatus
from titan.model.errors import IdempotencyConflict
from titan.model.events import DagEnded, JobRetried
from titan.model.files import Receipt
from titan.model.jobs import Job
from titan.model.runs import Note
from titan.orchestrator.retry import retry_dag
from titan.ports.jobs_store import Reader, Store, Transaction
from titan.ports.runs_store import CallTransaction
from titan.rules.runs.lifecycle import dag_status

# --- Repeated submissions ---

# A submission has a key: the caller's `idempotency_key`, or for a stage of a run and for what a job submits, one made
# of who submits (the job, or the run's program outside), the DAG's name, and how many DAGs of that name it submitted
# before. A digest of the content is stored with it, so that changed work is new work.


MAX_ENTRIES: Final = 100_000  # of one stage's journal: more than its 10,000 jobs leave


def submission_key(new: NewDag, run_id: str | None, maker: Job | None) -> str | None:
    """Return the key that a repeat of this submission has too; None when there can be no repeat."""
    if not new.is_repeatable:
        return None
    if new.idempotency_key is not None:
        return f"key:{run_id or ''}:{new.idempotency_key}"
    if maker is not None:
        return f"job:{maker.id}:{new.name}:{new.occurrence}"
    if run_id is not None:
        return f"run:{run_id}:{new.name}:{new.occurrence}"
    return None


def content_digest(new: NewDag) -> str:
    """Return the digest of all that determines what a DAG does: 32 hex digits."""
    content = msgspec.json.encode([new.name, new.on_failure, new.jobs])
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def earlier_submission(
    tx: Transaction, new: NewDag, *, project_id: str, key: str, digest: str, since: datetime | None
) -> Dag | None:
    """Return the DAG that `new` repeats, or None when it is to be stored.

    With an `idempotency_key` the first submission of the key always counts. Without one a repeat is looked for only
    after a restart of the submitter: a program that resumes its run, or a job whose attempt began at `since`, for what
    an earlier attempt submitted. A DAG found there that did not complete is retried: what it finished is kept. A stage
    is new work when an earlier one was worked on since: its input has changed.

    Raises:
        IdempotencyConflict: the key was used for other content; nothing was changed.
    """
    if new.idempotency_key is None and not new.is_resumed and since is None:
        return None
    found = tx.newest_dag_of_key(project_id, key)
    if found is None:
        return None
    is_again = new.is_resumed or (since is not None and found.submitted_at <= since)
    if new.idempotency_key is None and (not is_again or found.content_digest != digest):
        return None
    if found.content_digest != digest:
        raise IdempotencyConflict(
            f"idempotency key '{new.idempotency_key}'",
            expected=f"the content of DAG {found.id}, which was submitted under it",
            found="another content",
            next_step="Use a new key for new work.",
        )
    if is_again and new.idempotency_key is None and found.is_final and _is_outdated(tx, found):
        return None
    if is_again and found.is_final and dag_status(found) is not StageStatus.COMPLETED:
        retry_dag(tx, found)
    return found


def _is_outdated(tx: Transaction, found: Dag) -> bool:
    """Return whether a stage of its run that ended before `found` was submitted has been worked on since.

    Stages that were under way when it was submitted do not count: it did not wait for them.
    """
    if found.run_id is None:
        return False
    before = (stage for stage in tx.stages(found.project_id, found.run_id) if stage.id < found.id)
    return any(_was_replaced(tx, stage, found) or _was_retried(tx, stage, found) for stage in before)


def _was_replaced(tx: Transaction, stage: Dag, found: Dag) -> bool:
    """Return whether `stage`, which had ended, was submitted again with other content after `found`."""
    if stage.submission_key is None or stage.ended_at is None or stage.ended_at > found.submitted_at:
        return False
    newest = tx.newest_dag_of_key(stage.project_id, stage.submission_key)
    return newest is not None and newest.id > found.id


def _was_retried(tx: Transaction, stage: Dag, found: Dag) -> bool:
    """Return whether `stage` had ended when `found` was submitted, and was retried after that."""
    if stage.ended_at is not None and stage.ended_at <= found.submitted_at:
        return False
    entries = tx.journal(stage.project_id, dag_id=stage.id, limit=MAX_ENTRIES)
    had_ended = any(entry.kind == DagEnded.__name__ and entry.at <= found.submitted_at for entry in entries)
    return had_ended and any(entry.kind == JobRetried.__name__ and entry.at > found.submitted_at for entry in entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """A client's idempotency key for one mutation, and a digest of the request."""

    project_id: str
    key: str
    fingerprint: str  #: digest of method, path and body


def once(tx: Transaction, mark: Once | None, act: Callable[[Transaction], object]) -> bytes:
    """Return the JSON of `act`'s answer, running it only when `mark` has no receipt yet.

    Without a mark it always runs.

    Raises:
        IdempotencyConflict: the key was used for another request.
    """
    if mark is None:
        return msgspec.json.encode(act(tx))
    answer = _stored_answer(tx, mark)
    if answer is not None:
        return answer
    answer = msgspec.json.encode(act(tx))
    tx.add_receipt(mark.project_id, Receipt(key=mark.key, fingerprint=mark.fingerprint, answer=answer.decode()))
    return answer


def note_once(tx: CallTransaction, mark: Once | None, note: Note) -> Note:
    """Store a note, unless an earlier try of this request has; return the one that is stored.

    The note is its own receipt: another one would keep the note's text when its run is deleted.

    Raises:
        IdempotencyConflict: the key was used for another note.
    """
    if mark is not None:
        note = replace(note, id=digest_of(f"{mark.project_id} {mark.key}").hex())
        kept = tx.note_by_id(note.project_id, note.id)
        if kept is not None:
            if replace(kept, at=note.at) != note:
                raise _conflict(mark)
            return kept
    tx.save_note(note)
    return note


class LongOnce:
    """As `once`, for work that takes long outside of a transaction: a repeat waits for the request before it.

    Only when a server dies between the work and its receipt does a repeat do the work again.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._under_way: dict[Once, asyncio.Task[bytes]] = {}

    async def perform(self, mark: Once | None, work: Callable[[], Awaitable[object]]) -> bytes:
        """Return the JSON of what `work` returns, run only when `mark` is new. Cancelling the caller stops nothing.

        Raises:
            IdempotencyConflict: the key was used for another request.
        """
        if mark is None:
            return msgspec.json.encode(await work())
        same_key = (other for other in self._under_way if (other.project_id, other.key) == (mark.project_id, mark.key))
        if any(other != mark for other in same_key):
            raise _conflict(mark)
        if mark not in self._under_way:
            task = asyncio.get_running_loop().create_task(self._perform(mark, work))
            self._under_way[mark] = task
            task.add_done_callback(lambda _task: self._under_way.pop(mark))
        return await asyncio.shield(self._under_way[mark])

    async def _perform(self, mark: Once, work: Callable[[], Awaitable[object]]) -> bytes:
        stored = await self._store.look(partial(_stored_answer, mark=mark))
        if stored is not None:
            return stored
        answer = await work()
        return await asyncio.wrap_future(self._store.transact(partial(once, mark=mark, act=lambda _tx: answer)))


def _stored_answer(reader: Reader, mark: Once) -> bytes | None:
    receipt = reader.receipt(mark.project_id, mark.key)
    if receipt is None:
        return None
    if receipt.fingerprint != mark.fingerprint:
        raise _conflict(mark)
    return receipt.answer.encode()


def _conflict(mark: Once) -> IdempotencyConflict:
    return IdempotencyConflict(
        f"idempotency key '{mark.key}'",
        expected="the request it was first used for",
        found="another one",
        next_step="Use a new key for each new request.",
    )
