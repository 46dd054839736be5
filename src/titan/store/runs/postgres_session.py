"""One PostgreSQL connection that runs the named queries of recorded calls."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import psycopg

from titan.store.queries import load_queries
from titan.store.runs.fts_query import MAX_WORDS, apart
from titan.store.runs.queries import FRAGMENTS, SQL_FOLDER
from titan.store.session import Parameter, Row, Value

# --- Words as PostgreSQL keeps and finds them ---

# Its parser takes "src/main.py" for the path of a file and "-5" for a number; a word here is what it is in SQLite's
# index: letters and digits, without accents and in small letters.


_WORD: Final = re.compile(r"[^\W_]+")
MAX_POSITION: Final = 16_383  # https://www.postgresql.org/docs/current/textsearch-limitations.html
MAX_POSITIONS: Final = 255  # of one word
MAX_WORD: Final = 500  # characters; PostgreSQL takes 2 KB


def vector_of(text: str) -> str:
    """Return the text of a `tsvector`: each word with the places it stands at."""
    places: dict[str, list[int]] = {}
    for place, word in enumerate(_words(text), start=1):
        found = places.setdefault(word[:MAX_WORD], [])
        if len(found) < MAX_POSITIONS:
            found.append(min(place, MAX_POSITION))
    return " ".join(f"'{word}':{','.join(map(str, at))}" for word, at in places.items())


def query_of(text: str) -> str | None:
    """Return the text of a `tsquery` that all words of `text` answer, the last as a beginning; None without a word.

    Words in double quotes stand one behind the other, as they were typed.
    """
    parts: list[str] = []
    is_open = False
    for place, piece in enumerate(text.split('"')):
        words = _words(piece)
        if place % 2 and words:
            parts.append(_phrase(words))
            is_open = False
        elif words:
            # FTS5 takes what stands together, such as look_up, for a phrase.
            parts.extend(_phrase(_words(run)) for run in _runs(piece))
            is_open = piece[-1:].isalnum() or piece[-1:] == "_"
    if not parts:
        return None
    parts = parts[:MAX_WORDS]
    if is_open:
        parts[-1] = parts[-1][:-1] + ":*)"
    return " & ".join(parts)


def _phrase(words: list[str]) -> str:
    return "(" + " <-> ".join(f"'{word[:MAX_WORD]}'" for word in words) + ")"


def _runs(piece: str) -> list[str]:
    """Return what stands together, such as look_up: for FTS5 that is a phrase."""
    return [run for run in re.findall(r"\w+", piece) if _WORD.search(run)]


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text)
    return _WORD.findall(apart("".join(sign for sign in plain if not unicodedata.combining(sign)).lower()))


QUERIES: Final = load_queries(SQL_FOLDER / "queries", SQL_FOLDER / "postgres" / "queries", fragments=FRAGMENTS)
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
