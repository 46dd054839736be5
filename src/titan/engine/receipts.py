"""A repeated request gets its first answer: receipts by idempotency key."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial

import msgspec

from titan.model.actions import digest_of
from titan.model.errors import IdempotencyConflict
from titan.model.memory import Receipt
from titan.model.runs import Note
from titan.ports import Reader, Store, Transaction
from titan.ports_calls import CallTransaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """A client's key for one mutation, and what it asked for."""

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
    told = _told(tx, mark)
    if told is not None:
        return told
    answer = msgspec.json.encode(act(tx))
    tx.add_receipt(mark.project_id, Receipt(key=mark.key, fingerprint=mark.fingerprint, answer=answer.decode()))
    return answer


def note_once(tx: CallTransaction, mark: Once | None, note: Note) -> Note:
    """Keep a note, unless a repeat of this request finds it kept; return the one that is kept.

    The note is its own receipt: another one would keep the note's words when its run is deleted.

    Raises:
        IdempotencyConflict: the key was used for another note.
    """
    if mark is not None:
        note = replace(note, id=digest_of(f"{mark.project_id} {mark.key}").hex())
        kept = tx.note_said(note.project_id, note.id)
        if kept is not None:
            if replace(kept, at=note.at) != note:
                raise _conflict(mark)
            return kept
    tx.save_note(note)
    return note


class LongOnce:
    """As `once`, of what takes its time outside of a transaction: a repeat waits for the request before it.

    Only a server that dies between the work and its receipt has a repeat do the work again.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._under_way: dict[Once, asyncio.Task[bytes]] = {}

    async def perform(self, mark: Once | None, work: Callable[[], Awaitable[object]]) -> bytes:
        """Return the JSON of what `work` returns, running it only when `mark` is new; a caller that goes stops nothing.

        Raises:
            IdempotencyConflict: the key was used for another request.
        """
        if mark is None:
            return msgspec.json.encode(await work())
        if any(other.key == mark.key and other != mark for other in self._under_way):
            raise _conflict(mark)
        if mark not in self._under_way:
            task = asyncio.get_running_loop().create_task(self._perform(mark, work))
            self._under_way[mark] = task
            task.add_done_callback(lambda _task: self._under_way.pop(mark))
        return await asyncio.shield(self._under_way[mark])

    async def _perform(self, mark: Once, work: Callable[[], Awaitable[object]]) -> bytes:
        told = await self._store.look(partial(_told, mark=mark))
        if told is not None:
            return told
        answer = await work()
        return await asyncio.wrap_future(self._store.transact(partial(once, mark=mark, act=lambda _tx: answer)))


def _told(reader: Reader, mark: Once) -> bytes | None:
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
