"""The store in a PostgreSQL database, which several servers may share. Needs the extra `postgres`."""

from titan.store.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
