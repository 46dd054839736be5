"""Where a database is: the URL a person gave, how it is shown without its password, and the way to it."""

from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from titan.model.errors import InvalidInput, NotSupported, StoreUnavailable
from titan.store.postgres.session import PostgresSession

OLDEST_SERVER: Final = 14  # the first with idle_session_timeout, and the oldest that is still maintained in 2026

# A server that stands still in the middle of a commit must not hold up the others for longer.
_STANDSTILL_SECONDS: Final = 5

#: For every connection. Statements are planned once, and each is meant to use an index, whatever the statistics of a
#: table say that has just grown. A session that waits for its turn gives up in the end.
_SETTINGS: Final = (
    "set jit = off",
    "set plan_cache_mode = force_generic_plan",
    "set enable_seqscan = off",
    "set enable_bitmapscan = off",
    "set default_transaction_isolation = 'read committed'",
    "set lock_timeout = '15s'",
    "set statement_timeout = '25s'",
    f"set idle_in_transaction_session_timeout = '{_STANDSTILL_SECONDS}s'",
    # What is acknowledged survives a power cut, whatever the database's own default is.
    "select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'",
)

_CONNECTING: Final[dict[str, Any]] = {
    "connect_timeout": 5,  # seconds
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds; a connection through which nothing comes is broken after that
    "fallback_application_name": "titan",
    "client_encoding": "utf8",
}

_HINTS: Final = (
    ("password", "Put the password into ~/.pgpass or PGPASSWORD, or correct it there or in the URL."),
    ("role ", "Create the role in PostgreSQL, or correct the user in the URL."),
    ("database ", "Create the database: createdb NAME. Titan makes its tables itself."),
    ("SSL", "Add ?sslmode=require, or what the server asks for, to the URL."),
)


class Address:
    """A PostgreSQL database that is to hold the control store."""

    def __init__(self, url: str) -> None:
        """Read `postgres://USER:PASSWORD@HOST:PORT/DATABASE`; the parts left out are libpq's defaults.

        Raises:
            InvalidInput: it is no such URL.
        """
        scheme, separator, _ = url.partition("://")
        if scheme not in ("postgres", "postgresql") or not separator:
            raise _no_url(f"the scheme {scheme!a}" if separator else "no scheme")
        try:
            self._parts: dict[str, Any] = conninfo_to_dict(url)
        except psycopg.ProgrammingError as error:
            # Its words may repeat what it could not read, and that may be a password.
            raise _no_url("something that libpq cannot read") from error
        #: The URL as people and logs may see it: without password and options.
        self.shown = _shown(self._parts)
        #: What errors are about.
        self.subject = f"store {self.shown}"

    def connect(self, **settings: str) -> PostgresSession:
        """Open a connection; `settings` are set on it by name.

        Raises:
            StoreUnavailable: the server does not answer, or does not let this user in.
            NotSupported: it is too old.
        """
        connection = self.open()
        try:
            texts = [*_SETTINGS, *(f"set {name} = '{value}'" for name, value in settings.items())]
            connection.execute("; ".join(texts).encode())
            return PostgresSession(connection)
        except psycopg.Error as error:
            connection.close()
            raise self.unavailable(error) from error

    def open(self) -> "psycopg.Connection[Any]":
        """Open a connection of psycopg's, for what is done once.

        Raises:
            StoreUnavailable, NotSupported: as `connect`.
        """
        try:
            connection = psycopg.connect(**{**_CONNECTING, **self._parts}, autocommit=True)
        except psycopg.Error as error:
            raise self.unavailable(error) from error
        major = connection.info.server_version // 10_000
        if major < OLDEST_SERVER:
            connection.close()
            raise NotSupported(
                self.subject,
                expected=f"PostgreSQL {OLDEST_SERVER} or newer",
                found=f"PostgreSQL {major}",
                next_step="Upgrade the server, or give --store another one.",
            )
        return connection

    def unavailable(self, error: psycopg.Error) -> StoreUnavailable:
        """Return the error for a server that does not let us in."""
        lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.endswith("?")]
        said = lines[-1] if lines else "no answer"
        hints = (hint for word, hint in _HINTS if word in said)
        return StoreUnavailable(
            self.subject,
            expected="a PostgreSQL server that lets this user in",
            found=said,
            next_step=next(hints, "See that PostgreSQL runs there, and that host and port of the URL are right."),
        )


def _shown(parts: dict[str, Any]) -> str:
    user = f"{parts['user']}@" if parts.get("user") else ""
    port = f":{parts['port']}" if parts.get("port") else ""
    return f"postgres://{user}{parts.get('host', '')}{port}/{parts.get('dbname', '')}"


def _no_url(found: str) -> InvalidInput:
    return InvalidInput(
        "the store's URL",
        expected="postgres://USER@HOST:PORT/DATABASE",
        found=found,
        next_step="Correct --store or TITAN_STORE; without either, the store is a file in the home.",
    )
