"""The SQL texts of the store of recorded calls."""

from pathlib import Path
from typing import Final

from titan.store.queries import load_queries
from titan.store.runs.annotations import PEOPLE_FRAGMENTS
from titan.store.runs.evaluations import EVALUATION_FRAGMENTS
from titan.store.runs.rows import ACTION_FRAGMENTS, RUN_FRAGMENTS

SQL_FOLDER: Final = Path(__file__).parent.parent / "sql" / "calls"
FRAGMENTS: Final = {**RUN_FRAGMENTS, **ACTION_FRAGMENTS, **PEOPLE_FRAGMENTS, **EVALUATION_FRAGMENTS}
QUERIES: Final = load_queries(SQL_FOLDER / "queries", fragments=FRAGMENTS)
