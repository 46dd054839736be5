"""The job store in PostgreSQL, which several servers may share. Needs the extra `postgres`."""

from titan.store.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
