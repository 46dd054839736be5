"""Prepares reported entries for the store: redacts secrets and adds costs. For large requests, in a second process.

One interpreter computes on one core. Reading and redacting a span takes as long as merging and writing it, so with a
second process two cores do in a second what one does in two.
"""

import gc
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from decimal import Decimal
from typing import Final, Protocol, TypeVar

import msgspec
from msgspec import structs

from titan.llm.prices import ListedPrices
from titan.maintenance.settings import Privacy
from titan.model.actions import MAX_TAGS, ActionEntry, Entry, RunEntry, first_tags, with_digests
from titan.ports.runtime import Prices
from titan.rules.redaction import EntryRedactor, make_redactor
from titan.rules.runs.recording import CAPTURES_ALL, ContentCapture
from titan.rules.runs.sanitize import storable, storable_text

LARGE_BYTES: Final = 64 * 1024  # of a request: passing a smaller one to the process takes longer than reading it
NICENESS: Final = 5  # of the process: where cores are short, what serves jobs gets three times its share
PIECE: Final = 32  # entries decoded at once, in 0.3 ms: meanwhile no other thread of the server does anything
#: New objects between two garbage collections. Spans make dozens each and no cycles: with Python's 700 the server
#: collected after every few spans, which took 3 of the 39 µs that it computes in Python for each.
COLLECTED_AFTER: Final = 10_000

logger = logging.getLogger(__name__)


class Report(Protocol):
    """A dataclass of the content of a request."""

    @property
    def entries(self) -> Sequence[Entry]:
        """The reported entries."""


H = TypeVar("H", bound=Report)


class Preparer:
    """Redacts entries, adds the costs of calls that no source priced, and computes the digests of shared texts."""

    def __init__(self, redactor: EntryRedactor, prices: Prices | None, capture: ContentCapture = CAPTURES_ALL) -> None:
        self._redactor = redactor
        self.prices = prices
        self.capture = capture

    def prepared(self, entry: Entry) -> Entry:
        """Return an entry as it is stored."""
        if len(entry.tags) > MAX_TAGS:
            entry = structs.replace(entry, tags=first_tags(entry.tags))
        clean = self._redactor.clean(storable(entry))
        if not isinstance(clean, ActionEntry):
            return clean
        news: dict[str, object] = {"redaction_version": self._redactor.version}
        cost = self._cost_of(clean)
        if cost is not None:
            news |= {"cost": cost, "is_cost_estimated": True}
        if clean.inputs is not None and clean.inputs.shared:
            news["inputs"] = with_digests(clean.inputs)
        if clean.outputs is not None and clean.outputs.shared:
            news["outputs"] = with_digests(clean.outputs)
        return structs.replace(clean, **news)

    def _cost_of(self, entry: ActionEntry) -> Decimal | None:
        if self.prices is None or entry.cost is not None or entry.use is None or entry.ended_at is None:
            return None
        return self.prices.cost_of(entry.use, at=entry.started_at)

    def without_secrets(self, text: str) -> str:
        """Return a text that is no part of an entry as it is stored."""
        return self._redactor.without_secrets(storable_text(text))

    def secret_names(self, environment: Mapping[str, str]) -> list[str]:
        """Return the names of variables whose values are secrets."""
        return self._redactor.secret_names(environment)

    def known_as(self, reported_id: str) -> str:
        """Return the stored form of an id of a run, action or agent: itself, unless it holds a secret."""
        return self._redactor.known_as(storable_text(reported_id))


class PreparingProcess:
    """A process that reads large requests and prepares their entries; started on demand, and when it died."""

    def __init__(self, make: Callable[[], Preparer]) -> None:
        """`make` is called in the process, so it must be a function of a module, or a `partial` of one."""
        self._make = make
        self._pool: ProcessPoolExecutor | None = None
        self._ready: Future[None] | None = None
        self._door = threading.Lock()

    def prepared(self, read: Callable[[], H]) -> tuple[list[Entry], H] | None:
        """Return the prepared entries, and the report that `read` returned without them; None without a process.

        Raises what `read` raises. `read` is sent to the process: a `partial` of a module's function, with bytes.
        """
        pool = self._running()
        if pool is None:
            return None
        try:
            pieces, report = pool.submit(_prepare, read).result()
        except BrokenProcessPool:
            logger.warning("the process that reads large requests has died; another one is started")
            self.close()
            return None
        return [entry for piece in pieces for entry in _decoded(piece)], report

    def close(self) -> None:
        """End the process. May be called twice."""
        with self._door:
            pool, self._pool, self._ready = self._pool, None, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)

    def _running(self) -> ProcessPoolExecutor | None:
        with self._door:
            if self._pool is None:
                # Not forked: this process has threads and open databases.
                context = multiprocessing.get_context("spawn")
                self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_begin, initargs=(self._make,))
                self._ready = self._pool.submit(_nothing)
            assert self._ready is not None
            return self._pool if self._ready.done() and self._ready.exception() is None else None


class _Piece(msgspec.Struct, array_like=True):
    """A part of the entries, as sent between the processes."""

    is_action: bytes  #: for each entry, in order: 1 or 0
    actions: list[ActionEntry]
    runs: list[RunEntry]


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(_Piece)


def _decoded(piece: bytes) -> list[Entry]:
    part = _DECODER.decode(piece)
    actions, runs = iter(part.actions), iter(part.runs)
    return [next(actions) if is_action else next(runs) for is_action in part.is_action]


# --- in the process ---

_preparer: Preparer | None = None


def _begin(make: Callable[[], Preparer]) -> None:
    global _preparer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C at a terminal is the server's to take
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.nice(NICENESS)
    _preparer = make()
    gc.freeze()  # 100,000 objects that live as long as the process
    gc.set_threshold(COLLECTED_AFTER)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)  # nothing here is worth keeping


def _nothing() -> None:
    """Return once the process is ready."""


def _prepare(read: Callable[[], H]) -> tuple[list[bytes], H]:
    assert _preparer is not None
    report = read()
    entries = list(map(_preparer.prepared, report.entries))
    pieces = (entries[start : start + PIECE] for start in range(0, len(entries), PIECE))
    return [_ENCODER.encode(_split(piece)) for piece in pieces], replace(report, entries=())  # type: ignore[type-var]  # Report is one


def _split(entries: Iterable[Entry]) -> _Piece:
    actions: list[ActionEntry] = []
    runs: list[RunEntry] = []
    is_action = bytearray()
    for entry in entries:
        if isinstance(entry, ActionEntry):
            actions.append(entry)
            is_action.append(1)
        else:
            runs.append(entry)
            is_action.append(0)
    return _Piece(bytes(is_action), actions, runs)


def make_preparer(privacy: Privacy, key: bytes) -> Preparer:
    """Return a Preparer that redacts as `privacy` configures, with fingerprints by `key`."""
    redactor = make_redactor(key=key, patterns=privacy.patterns, fields=privacy.fields)
    entries = EntryRedactor(redactor, keeps_content=privacy.keeps_content)
    names = map(entries.known_as, privacy.content_off)  # in their stored form
    capture = ContentCapture(is_off=not privacy.keeps_content, off_projects=frozenset(names))
    return Preparer(entries, ListedPrices(), capture)
