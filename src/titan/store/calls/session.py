"""What the store of calls asks its database through: named queries, many rows at once, and the database's own words."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeAlias

from titan.store.session import Parameter, Row

#: What a column can hold.
Value: TypeAlias = str | int | float | bytes | None


class CallSession(Protocol):
    """Runs queries by the names they have in sql/calls."""

    def all(self, query: str, **parameters: Parameter) -> list[Row]:
        """Return every row."""

    def one(self, query: str, **parameters: Parameter) -> Row | None:
        """Return the first row, None when there is none."""

    def run(self, query: str, parameters: Mapping[str, Parameter]) -> None:
        """Execute a statement."""

    def run_many(self, query: str, rows: Iterable[Mapping[str, Parameter]]) -> None:
        """Execute a statement for each of `rows`."""

    def insert(self, query: str, rows: Sequence[tuple[Value, ...]]) -> None:
        """Execute an `insert … values (?, …)` with many rows at once."""

    def ask(self, sql: str, parameters: Mapping[str, Value]) -> list[Row]:
        """Return every row of a query that was put together from named parts."""

    def text_of(self, query: str) -> str:
        """Return the SQL text of a query, or of a part of one."""

    def matching(self, text: str) -> str | None:
        """Return what an index of words is asked for what somebody typed; None when there is no word in it."""

    def words_of(self, text: str) -> str:
        """Return what goes into the index of words for a text."""

    @property
    def no_match(self) -> str:
        """What an index of words finds nothing by."""

    @property
    def merges(self) -> bool:
        """Whether a `union all` is read in its order, each part by an index that has it, as far as is asked for."""
