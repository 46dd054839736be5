"""The columns of what the store of jobs holds, for its queries."""

from collections.abc import Mapping
from typing import Final

from titan.store.rows.dags import DAGS, RUNS
from titan.store.rows.jobs import JOBS
from titan.store.rows.tokens import SIGN_INS, TOKENS
from titan.store.rows.workers import ATTEMPTS, WORKERS

FRAGMENTS: Final[Mapping[str, str]] = (
    DAGS.fragments("dag")
    | RUNS.fragments("run")
    | JOBS.fragments("job")
    | ATTEMPTS.fragments("attempt")
    | WORKERS.fragments("worker")
    | TOKENS.fragments("token")
    | SIGN_INS.fragments("sign_in")
)
