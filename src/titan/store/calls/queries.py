"""The SQL texts of the store of recorded calls."""

from pathlib import Path
from typing import Final

from titan.store.queries import load_queries

SQL_FOLDER: Final = Path(__file__).parent.parent / "sql" / "calls"
QUERIES: Final = load_queries(SQL_FOLDER / "queries")
