"""The columns of what the store of jobs holds, for its queries."""

from collections.abc import Mapping
from typing import Final

from titan.store.rows.jobs import DAGS, JOBS, RUNS
from titan.store.rows.workers import ATTEMPTS, ORGANISATIONS, SIGN_INS, TOKENS, WORKERS

FRAGMENTS: Final[Mapping[str, str]] = (
    DAGS.fragments("dag")
    | RUNS.fragments("run")
    | JOBS.fragments("job")
    | ATTEMPTS.fragments("attempt")
    | WORKERS.fragments("worker")
    | TOKENS.fragments("token")
    | SIGN_INS.fragments("sign_in")
    | ORGANISATIONS.fragments("organisation")
)
