"""A session: the few things the SQL of reads and transactions asks of a database, whichever it is."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeAlias

#: Column values in the order the query names them. Only `titan.store.rows` looks inside.
Row: TypeAlias = tuple[Any, ...]

Parameter: TypeAlias = str | int | None


class Session(Protocol):
    """Runs queries by the names they have in sql/queries/."""

    def all(self, query: str, **parameters: Parameter) -> list[Row]:
        """Return every row."""

    def one(self, query: str, **parameters: Parameter) -> Row | None:
        """Return the first row, None when there is none."""

    def run(self, query: str, parameters: Mapping[str, Parameter]) -> None:
        """Execute a statement, now or before the next question: over a network, statements travel together."""

    def run_many(self, query: str, rows: Iterable[Mapping[str, Parameter]]) -> None:
        """Execute a statement once per row of parameters, as `run` does."""

    def count(self, query: str, **parameters: Parameter) -> int:
        """Execute a statement; return how many rows it changed."""
