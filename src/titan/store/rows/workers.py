"""Workers and their attempts to rows and back."""

from typing import Final

from titan.model.attempts import Attempt
from titan.model.workers import Worker
from titan.store.rows.columns import Columns

ATTEMPTS: Final = Columns(Attempt)
WORKERS: Final = Columns(Worker)
