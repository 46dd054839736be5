"""One PostgreSQL connection that runs named queries, as few times over the network as can be.

A statement whose result nobody asks for waits until a question is asked, and travels with it: libpq's pipeline mode. It
is used directly, for psycopg's own cursors cost more here than the statements do (decision 12). Each statement is
prepared once for each connection, when it is first used.
"""

import re
import select
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from titan.model.errors import StoreRefused
from titan.store.queries import load_queries
from titan.store.rows.fragments import FRAGMENTS
from titan.store.session import Parameter, Row

_SQL_FOLDER = Path(__file__).parent.parent / "sql"
QUERIES: Final = load_queries(_SQL_FOLDER / "queries", _SQL_FOLDER / "postgres" / "queries", fragments=FRAGMENTS)

ANSWER_SECONDS: Final = 30.0  # a decision is milliseconds; the longest, a DAG of 10,000 jobs, some seconds
_WAITING_LIMIT: Final = 1000  # statements; bounds memory, not time

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")
_CHANGES: Final = (b"INSERT", b"UPDATE", b"DELETE")

#: How a column reads, by the number of its type: https://www.postgresql.org/docs/current/catalog-pg-type.html
_READERS: Final[Mapping[int, Callable[[bytes], Any]]] = {16: b"t".__eq__, 20: int, 21: int, 23: int}


class ConnectionLost(Exception):
    """The connection is gone, and with it what was not committed."""


class StatementFailed(Exception):
    """PostgreSQL refused a statement; the transaction can only be rolled back."""

    def __init__(self, state: str, message: str) -> None:
        super().__init__(message)
        #: Five characters: https://www.postgresql.org/docs/current/errcodes-appendix.html
        self.state = state


@dataclass(frozen=True, slots=True)
class _Statement:
    name: bytes
    text: bytes
    parameters: tuple[str, ...]  #: in the order of $1, $2, …


def _statement(name: str, sql: str) -> _Statement:
    """Translate `:name` to PostgreSQL's `$1`."""
    parameters = tuple(dict.fromkeys(_PARAMETER.findall(sql)))
    text = _PARAMETER.sub(lambda place: f"${parameters.index(place[1]) + 1}", sql)
    return _Statement(name.encode(), text.encode(), parameters)


STATEMENTS: Final = {name: _statement(name, sql) for name, sql in QUERIES.items()}


class PostgresSession:
    """Implements `titan.store.session.Session` on one connection."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection  # owns `_pgconn`
        self._pgconn = connection.pgconn
        self._pgconn.nonblocking = 1
        self._pgconn.enter_pipeline_mode()
        self._poll = select.poll()
        self._poll.register(self._pgconn.socket, select.POLLIN)
        self._prepared: set[str] = set()
        self._waiting: list[tuple[str, list[bytes | None]]] = []
        self._unread: deque[list[str | None]] = deque()  # for each batch sent, what its commands prepare
        #: How many times it has asked; so that one can see whether it did meanwhile.
        self.exchange_count = 0
        #: Whether the connection is known to be gone.
        self.is_broken = False
        #: Rows that statements have changed, since whoever counts set it to 0.
        self.changed_count = 0

    # --- the Session port ---

    def all(self, query: str, **parameters: Parameter) -> list[Row]:
        self.run(query, parameters)
        return _rows(self._exchange()[-1])

    def one(self, query: str, **parameters: Parameter) -> Row | None:
        self.run(query, parameters)
        rows = _rows(self._exchange()[-1])
        return rows[0] if rows else None

    def run(self, query: str, parameters: Mapping[str, Parameter] = {}) -> None:
        statement = STATEMENTS[query]
        self._waiting.append((query, [_encoded(parameters[name]) for name in statement.parameters]))
        if len(self._waiting) >= _WAITING_LIMIT:
            self._exchange()

    def run_many(self, query: str, rows: Iterable[Mapping[str, Parameter]]) -> None:
        for row in rows:
            self.run(query, row)

    def count(self, query: str, **parameters: Parameter) -> int:
        self.run(query, parameters)
        return self._exchange()[-1].command_tuples or 0

    def all_of(self, questions: Sequence[tuple[str, Mapping[str, Parameter]]]) -> list[list[Row]]:
        """Return every row of each of the questions, asked in one go."""
        for query, parameters in questions:
            self.run(query, parameters)
        results = self._exchange()
        return [_rows(result) for result in results[len(results) - len(questions) :]]

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
            for query, values in waiting:
                statement = STATEMENTS[query]
                if query not in preparing:
                    self._pgconn.send_prepare(statement.name, statement.text)
                    preparing.add(query)
                    sent.append(query)
                self._pgconn.send_query_prepared(statement.name, values)
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


def _encoded(value: Parameter) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, int):
        return b"%d" % value
    if "\0" in value:
        raise StoreRefused(
            "a text to store",
            expected="no NUL, which PostgreSQL has no text for",
            found=f"one at position {value.index(chr(0))}",
            next_step="This is a programming error; nothing of the transaction was kept.",
        )
    return value.encode()
