"""What a home holds, read beside its running server: to see that nothing was changed."""

from __future__ import annotations

from pathlib import Path

import apsw


def stored_facts(home: Path) -> dict[str, int]:
    """Return the number of rows of every table, and of the files in the blobs folder."""
    connection = apsw.Connection(str(home / "control.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        tables = [str(row[0]) for row in connection.execute("select name from sqlite_schema where type = 'table'")]
        with connection:
            counts = {table: len(connection.execute(f"select 1 from {table}").fetchall()) for table in tables}
    finally:
        connection.close()
    return {**counts, "blobs": len(blob_files(home))}


def blob_files(home: Path) -> set[Path]:
    """Return every file in the blobs folder, whole or unfinished."""
    return {path for path in (home / "blobs").rglob("*") if path.is_file()}
