"""Changes recorded calls in the database of a running server, as an attacker on its machine could."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import apsw

PATIENCE_MS: Final = 20_000  # the server may be writing, too: without a wait, SQLite refuses at once


def change_calls(home: Path, sql: str, values: Sequence[str] = ()) -> int:
    """Perform `sql` in the recorded calls of a home, and return how many rows it changed."""
    with closing(apsw.Connection(str(home / "calls.db"))) as connection:
        connection.set_busy_timeout(PATIENCE_MS)
        connection.execute(sql, values)
        return connection.changes()
