"""One PostgreSQL connection that runs the named queries of recorded calls."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import psycopg

from titan.store.calls.postgres_words import query_of, vector_of
from titan.store.calls.queries import SQL_FOLDER
from titan.store.queries import load_queries
from titan.store.session import Parameter, Row, Value

QUERIES: Final = load_queries(SQL_FOLDER / "queries", SQL_FOLDER / "postgres" / "queries")
_PARAMETER: Final = re.compile(r"(?<![:\w]):([a-z_]+)")


class PostgresCallSession:
    """Implements `titan.store.session.CallSession`."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self.connection = connection

    def all(self, query: str, **parameters: Parameter) -> list[Row]:
        return self.connection.execute(_named(QUERIES[query]), parameters).fetchall()

    def one(self, query: str, **parameters: Parameter) -> Row | None:
        return self.connection.execute(_named(QUERIES[query]), parameters).fetchone()

    def run(self, query: str, parameters: Mapping[str, Parameter]) -> None:
        self.connection.execute(_named(QUERIES[query]), parameters)

    def run_many(self, query: str, rows: Iterable[Mapping[str, Parameter]]) -> None:
        with self.connection.cursor() as cursor:
            cursor.executemany(_named(QUERIES[query]), rows)

    def insert(self, query: str, rows: Sequence[tuple[Value, ...]]) -> None:
        if rows:
            with self.connection.cursor() as cursor:
                cursor.executemany(_placed(QUERIES[query]), [tuple(map(_storable, row)) for row in rows])

    def ask(self, sql: str, parameters: Mapping[str, Value]) -> list[Row]:
        return self.connection.execute(_named(sql), parameters).fetchall()

    def text_of(self, query: str) -> str:
        return QUERIES[query]

    def matching(self, text: str) -> str | None:
        return query_of(text)

    def words_of(self, text: str) -> str:
        return vector_of(text)

    @property
    def no_match(self) -> str:
        return ""

    @property
    def merges(self) -> bool:
        return False  # it joins the whole of each part first; one that has a list for its outcomes goes by the index


def _storable(value: Value) -> Value:
    """Return a value that a column can hold: PostgreSQL has no text with NUL. A tape has it escaped, as JSON does."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) and "\0" in value else value


@lru_cache(maxsize=512)
def _named(sql: str) -> bytes:
    """Translate `:name` to psycopg's `%(name)s`."""
    return _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%")).encode()


@lru_cache(maxsize=32)
def _placed(sql: str) -> bytes:
    """Translate `?` to psycopg's `%s`."""
    return sql.replace("%", "%%").replace("?", "%s").encode()
