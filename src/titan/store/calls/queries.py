"""The SQL texts of the store of recorded calls."""

from pathlib import Path
from typing import Final

from titan.store.calls.rows import ACTION_COLUMNS, RUN_FRAGMENTS
from titan.store.queries import load_queries

SQL_FOLDER: Final = Path(__file__).parent.parent / "sql" / "calls"
FRAGMENTS: Final = {**RUN_FRAGMENTS, "action_columns": ACTION_COLUMNS}
QUERIES: Final = load_queries(SQL_FOLDER / "queries", fragments=FRAGMENTS)
