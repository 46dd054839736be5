"""PostgreSQL connections: named queries in few round trips, reading threads, error translation.

A statement whose result is not needed waits for the next query and is sent with it, in libpq's pipeline mode: psycopg's
cursors cost more than the statements (decision 12). Each named statement is prepared on first use.
"""

import re
import select
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any, Final, TypeAlias, TypeVar

import psycopg
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from titan.model.errors import StoreDamaged, StoreError, StoreFull, StoreRefused
from titan.store.rows import ATTEMPTS, DAGS, JOBS, RUNS
from titan.store.runs.words import query_of, vector_of
from titan.store.session import ReadingThread, Row, Value, unavailable

R = TypeVar("R")
T = TypeVar("T")
_Asked: TypeAlias = tuple[str, Mapping[str, Value]]

ANSWER_SECONDS: Final = 30.0  # a decision is milliseconds; the longest, a DAG of 10,000 jobs, some seconds
_WAITING_LIMIT: Final = 1000  # statements; bounds memory, not time

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")
_CHANGES: Final = (b"INSERT", b"UPDATE", b"DELETE")

#: How a column reads, by the number of its type: https://www.postgresql.org/docs/current/catalog-pg-type.html
_READERS: Final[Mapping[int, Callable[[bytes], Any]]] = {
    16: b"t".__eq__,
    17: lambda value: bytes.fromhex(value[2:].decode()),
    20: int,
    21: int,
    23: int,
    701: float,
    1700: int,  # numeric: sums of integers
}

#: States of transactions that conflicted: serialization_failure, deadlock_detected.
CONFLICTS: Final = frozenset({"40001", "40P01"})
_DAMAGED: Final = frozenset(
    {"XX001", "XX002", "42P01", "42703", "42883", "3F000"}
)  # the last four: our tables are gone
_BUSY: Final = ("08", "25", "40", "42501", "53", "55", "57", "58")  # classes from which the server may recover


class ConnectionLost(Exception):
    """The connection is gone, and with it what was not committed."""


class StatementFailed(Exception):
    """PostgreSQL refused a statement; the transaction can only be rolled back."""

    def __init__(self, state: str, message: str) -> None:
        super().__init__(message)
        #: Five characters: https://www.postgresql.org/docs/current/errcodes-appendix.html
        self.state = state


#: The rows of these are remembered until a statement may have changed them: decisions ask again and again.
_REMEMBERED: Final = frozenset({"attempt", "dag", "job", "run_control", "worker"})
_LISTS: Final = frozenset({"busy_slots", "jobs_to_take", "live_attempts_of_worker"})  #: remembered too
#: Statement → the query whose row it changes, and the parameters that name the row; without these, all its rows. Each
#: may change the lists, too. Any other statement may change anything, but those that are harmless.
_CHANGES_ONE: Final[Mapping[str, tuple[str, ...]]] = {
    "add_attempt": ("attempt", "lease_id"),
    "save_attempt": ("attempt", "lease_id"),
    "forget_attempt": ("attempt", "lease_id"),
    "save_job": ("job", "id"),
    "count_down_children": ("job",),
    "save_dag": ("dag", "id"),
    "add_run": ("run_control", "project_id", "id"),
    "save_run": ("run_control", "project_id", "id"),
    "save_worker": ("worker", "id"),
}
_HARMLESS: Final = frozenset({"add_entry", "put_result", "set_meta", "note_attempt_file", "savepoint", "release"})
#: What is asked ahead about a lease → the query that its rows answer, and the places of its parameters in them.
_OF_LEASE: Final[Mapping[str, tuple[str, tuple[int, ...]]]] = {
    "attempt": ("attempt", (ATTEMPTS.names.index("lease_id"),)),
    "job_of_lease": ("job", (JOBS.names.index("id"),)),
    "dag_of_lease": ("dag", (DAGS.names.index("id"),)),
    "run_of_lease": ("run_control", (RUNS.names.index("project_id"), RUNS.names.index("id"))),
    "childless_of_lease": ("count_down_children", (0, 1)),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """A query as PostgreSQL reads it."""

    name: str  #: it is prepared under; "": it is not
    text: bytes
    parameters: tuple[str, ...]  #: in the order of $1, $2, …; empty for `?`
    is_query: bool  #: it changes nothing


@lru_cache(maxsize=512)
def statement_of(sql: str, name: str = "") -> Statement:
    """Translate `:name` or `?` to PostgreSQL's `$1`."""
    if "?" in sql:
        numbers = count(1)
        return Statement(name, re.sub(r"\?", lambda _place: f"${next(numbers)}", sql).encode(), (), is_query=False)
    parameters = tuple(dict.fromkeys(_PARAMETER.findall(sql)))
    text = _PARAMETER.sub(lambda place: f"${parameters.index(place[1]) + 1}", sql)
    return Statement(name, text.encode(), parameters, is_query=sql.startswith(("select", "with")))


class PostgresSession:
    """Implements `titan.store.session.Session` on one connection."""

    def __init__(self, connection: "psycopg.Connection[Any]", queries: Mapping[str, str]) -> None:
        self._connection = connection  # owns `_pgconn`
        self._queries = queries
        self._pgconn = connection.pgconn
        self._pgconn.nonblocking = 1
        self._pgconn.enter_pipeline_mode()
        self._poll = select.poll()
        self._poll.register(self._pgconn.socket, select.POLLIN)
        self._prepared: set[str] = set()
        self._waiting: list[tuple[Statement, list[bytes | None]]] = []
        self._known: dict[tuple[Value, ...], list[Row]] = {}  # (query, parameters …) → rows
        self._unread: deque[list[str | None]] = deque()  # for each batch sent, what its commands prepare
        #: Number of exchanges with the server so far.
        self.exchange_count = 0
        #: Whether the connection is known to be gone.
        self.is_broken = False
        #: Rows changed by statements; the caller may reset it.
        self.changed_count = 0

    # --- the Session port ---

    def all(self, query: str, **parameters: Value) -> list[Row]:
        key = (query, *parameters.values())
        if key in self._known:
            return self._known[key]
        self.run(query, parameters)
        rows = _rows(self._exchange()[-1])
        if query in _REMEMBERED or query in _LISTS:
            self._known[key] = rows
        return rows

    def one(self, query: str, **parameters: Value) -> Row | None:
        rows = self.all(query, **parameters)
        return rows[0] if rows else None

    def ask(self, sql: str, parameters: Mapping[str, Value]) -> list[Row]:
        self._wait_with(statement_of(sql), parameters)
        return _rows(self._exchange()[-1])

    def run(self, query: str, parameters: Mapping[str, Value] = {}) -> None:
        self._wait_with(statement_of(self._queries[query], query), parameters)

    def run_many(self, query: str, rows: Iterable[Mapping[str, Value]]) -> None:
        for row in rows:
            self.run(query, row)

    def insert(self, query: str, rows: Sequence[tuple[Value, ...]]) -> None:
        statement = statement_of(self._queries[query], query)
        for row in rows:
            self._add(statement, [_encoded(_storable(value)) for value in row])

    def count(self, query: str, **parameters: Value) -> int:
        self.run(query, parameters)
        return self._exchange()[-1].command_tuples or 0

    def text_of(self, query: str) -> str:
        return self._queries[query]

    def matching(self, text: str) -> str | None:
        return query_of(text)

    def words_of(self, text: str) -> str:
        return vector_of(text)

    @property
    def no_match(self) -> str:
        return ""

    @property
    def merges(self) -> bool:
        return False  # it joins the whole of each part first; one that has a list for its outcomes uses the index

    def look_ahead(self, leases: Sequence[str], queries: Sequence[tuple[str, Mapping[str, Value]]]) -> None:
        wanted = [(query, asked) for query, asked in queries if (query, *asked.values()) not in self._known]
        of_leases = [(query, {"lease_id": lease_id}) for lease_id in leases for query in _OF_LEASE]
        if not wanted and not of_leases:
            return
        answers = list(self._answers([*wanted, *of_leases]))
        for (query, asked), rows in answers[: len(wanted)]:
            self._known[query, *asked.values()] = rows
        for (query, _asked), rows in answers[len(wanted) :]:
            answered, places = _OF_LEASE[query]
            for row in rows:
                self._known[answered, *(row[place] for place in places)] = [row] if answered in _REMEMBERED else []

    def _answers(self, asked: Sequence[_Asked]) -> Iterator[tuple[_Asked, list[Row]]]:
        """Yield each of the queries with its rows; as many at once as may wait."""
        for start in range(0, len(asked), _WAITING_LIMIT):
            part = asked[start : start + _WAITING_LIMIT]
            if len(self._waiting) + len(part) > _WAITING_LIMIT:
                self._exchange()
            for query, parameters in part:
                self.run(query, parameters)
            yield from zip(part, map(_rows, self._exchange()[-len(part) :]), strict=True)

    def _forget_changed(self, statement: str, parameters: Mapping[str, Value]) -> None:
        """Forget the remembered rows that a statement may change."""
        if statement in _HARMLESS:
            return
        if statement not in _CHANGES_ONE:
            self._known.clear()
            return
        query, *names = _CHANGES_ONE[statement]
        changed = (query, *(parameters[name] for name in names))
        self._known = {
            key: rows for key, rows in self._known.items() if key[: len(changed)] != changed and key[0] not in _LISTS
        }

    def _wait_with(self, statement: Statement, parameters: Mapping[str, Value]) -> None:
        if self._known and not statement.is_query:
            self._forget_changed(statement.name, parameters)
        self._add(statement, [_encoded(parameters[name]) for name in statement.parameters])

    def _add(self, statement: Statement, values: list[bytes | None]) -> None:
        if len(self._waiting) >= _WAITING_LIMIT:  # before, so that the answer to this one is in the next exchange
            self._exchange()
        self._waiting.append((statement, values))

    # --- for those who own the connection ---

    @property
    def waiting_count(self) -> int:
        """How many statements wait to be sent."""
        return len(self._waiting)

    @property
    def is_in_transaction(self) -> bool:
        """Whether a transaction was begun and has not ended, as far as the server has answered."""
        return self._pgconn.transaction_status != TransactionStatus.IDLE

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when there are notifications."""
        return self._pgconn.socket

    def drop_waiting(self, after: int = 0) -> None:
        """Forget the statements that wait behind the first `after`."""
        del self._waiting[after:]
        self._known.clear()

    def flush(self) -> None:
        """Run what waits, and return when it has been run."""
        if self._waiting:
            self._exchange()

    def send(self) -> None:
        """Send what waits; its answer is read, and ignored, when the next one is."""
        self._send()

    def notifications(self) -> list[bytes]:
        """Return the messages that have come since the last call."""
        self._consume()
        messages = []
        while (message := self._pgconn.notifies()) is not None:
            messages.append(message.extra)
        return messages

    def close(self) -> None:
        """Close the connection, whatever state it is in."""
        self._connection.close()

    # --- on the wire ---

    def _exchange(self) -> list[PGresult]:
        """Send what waits, wait for all answers, and return those of the statements just sent.

        Raises:
            ConnectionLost, StatementFailed: see there.
        """
        self._send()
        self.exchange_count += 1
        batches = []
        while self._unread:
            batches.append((self._unread[0], self._results()))
            self._unread.popleft()
        for sent, results in batches:
            self._note(sent, results)
        sent, results = batches[-1]
        return [result for query, result in zip(sent, results, strict=True) if query is None]

    def _send(self) -> None:
        """Send what waits, and note for each command the query it prepares, or None where it runs one."""
        waiting, self._waiting = self._waiting, []
        sent: list[str | None] = []
        preparing = self._prepared.union(query for batch in self._unread for query in batch if query)
        try:
            for statement, values in waiting:
                if not statement.name:
                    self._pgconn.send_query_params(statement.text, values)
                    sent.append(None)
                    continue
                name = statement.name.encode()
                if statement.name not in preparing:
                    self._pgconn.send_prepare(name, statement.text)
                    preparing.add(statement.name)
                    sent.append(statement.name)
                self._pgconn.send_query_prepared(name, values)
                sent.append(None)
            self._pgconn.pipeline_sync()
            self._unread.append(sent)
            while self._pgconn.flush():
                self._wait(select.POLLIN | select.POLLOUT)
                self._pgconn.consume_input()
        except psycopg.Error as error:
            raise self._lost(str(error)) from error

    def _note(self, sent: list[str | None], results: list[PGresult]) -> None:
        """Note what was prepared and changed.

        Raises:
            ConnectionLost, StatementFailed: see there.
        """
        for query, result in zip(sent, results, strict=True):
            if result.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
                raise self._failure(result)
            if query is not None:
                self._prepared.add(query)
            elif result.command_status is not None and result.command_status.startswith(_CHANGES):
                self.changed_count += result.command_tuples or 0

    def _results(self) -> list[PGresult]:
        """Return the answers of everything up to the next sync."""
        results: list[PGresult] = []
        while True:
            while self._pgconn.is_busy():
                self._wait(select.POLLIN)
                self._consume()
            result = self._pgconn.get_result()
            if result is None:  # between the answers of two commands
                if self._pgconn.status == ConnStatus.BAD:
                    raise self._lost(self._pgconn.get_error_message())
            elif result.status == ExecStatus.PIPELINE_SYNC:
                return results
            else:
                results.append(result)

    def _wait(self, events: int) -> None:
        self._poll.modify(self._pgconn.socket, events)
        if not self._poll.poll(ANSWER_SECONDS * 1000):
            raise self._lost(f"no answer within {ANSWER_SECONDS:g} s")

    def _consume(self) -> None:
        try:
            self._pgconn.consume_input()
        except psycopg.Error as error:
            raise self._lost(str(error)) from error

    def _failure(self, result: PGresult) -> Exception:
        state = (result.error_field(DiagnosticField.SQLSTATE) or b"").decode()
        message = (result.error_field(DiagnosticField.MESSAGE_PRIMARY) or result.error_message or b"").decode()
        severity = result.error_field(DiagnosticField.SEVERITY_NONLOCALIZED)
        if severity in (b"FATAL", b"PANIC") or not state:  # the second: libpq's own words about a broken connection
            return self._lost(message)
        return StatementFailed(state, message)

    def _lost(self, reason: str) -> ConnectionLost:
        self.is_broken = True
        return ConnectionLost(reason.strip().partition("\n")[0] or "the connection broke")


def _rows(result: PGresult) -> list[Row]:
    columns = range(result.nfields)
    readers = [_READERS.get(result.ftype(column), bytes.decode) for column in columns]
    value_of = result.get_value
    return [
        tuple(
            None if (value := value_of(row, column)) is None else reader(value)
            for column, reader in zip(columns, readers, strict=True)
        )
        for row in range(result.ntuples)
    ]


def _storable(value: Value) -> Value:
    """Return a value that a column can hold: PostgreSQL has no text with NUL. A tape has it escaped, as JSON does."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


def _encoded(value: Value) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, int):
        return b"%d" % value
    if isinstance(value, float):
        return repr(value).encode()
    if isinstance(value, bytes):
        return b"\\x" + value.hex().encode()
    if "\0" in value:
        raise StoreRefused(
            "a text to store",
            expected="no NUL, which PostgreSQL has no text for",
            found=f"one at position {value.index(chr(0))}",
            next_step="This is a programming error; nothing of the transaction was kept.",
        )
    return value.encode()


def translated(error: BaseException, subject: str) -> BaseException:
    """Return the error of the model that says what `error` means; others come back as they are."""
    if isinstance(error, ConnectionLost):
        return unavailable(subject, str(error))
    if not isinstance(error, StatementFailed):
        return error
    return _of_statement(error, subject)


def _of_statement(error: StatementFailed, subject: str) -> StoreError:
    found = f"{error} ({error.state})"
    if error.state == "53100":
        return StoreFull(
            subject,
            expected="room on its disk",
            found=f"none ({error})",
            next_step="Free some space there, then repeat the request: nothing of it was kept.",
        )
    if error.state in _DAMAGED:
        return StoreDamaged(
            subject,
            expected="a database that Titan wrote",
            found=found,
            next_step="It was left as it is: restore a copy, or give --store an empty database to begin anew.",
        )
    if error.state.startswith(_BUSY):
        return unavailable(subject, found)
    return StoreRefused(
        subject,
        expected="facts that obey its schema",
        found=found,
        next_step="This is a programming error; nothing of the transaction was kept.",
    )


class PostgresReadingThread(ReadingThread[R]):
    """Connects for its first query, and again after PostgreSQL was restarted."""

    def __init__(
        self, connect: Callable[[], PostgresSession], reader: Callable[[PostgresSession], R], subject: str
    ) -> None:
        super().__init__(subject)
        self._connect = connect
        self._reader = reader
        self._session: PostgresSession | None = None

    def _read(self, query: Callable[[R], T]) -> T:
        is_fresh = self._session is None
        try:
            try:
                return self._ask(query)
            except ConnectionLost:
                if is_fresh:
                    raise
                return self._ask(query)
        except (ConnectionLost, StatementFailed) as error:
            raise translated(error, self._subject) from error

    def _ask(self, query: Callable[[R], T]) -> T:
        """Run `query` on one snapshot. BEGIN is sent with its first statement, COMMIT after the last."""
        session = self._session = self._session or self._connect()
        try:
            session.run("begin_reading")
            try:
                return query(self._reader(session))
            finally:
                if session.waiting_count:  # it asked nothing
                    session.drop_waiting()
                elif not session.is_broken:
                    session.run("commit")
                    session.send()
        except ConnectionLost:
            self._close()
            raise

    def _close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def __del__(self) -> None:
        self.close()
