"""The job store in one SQLite file, owned by one server process."""

from titan.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
