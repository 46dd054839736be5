"""Workers and their attempts to rows and back."""

import msgspec

from titan.model.attempts import Attempt, AttemptOutcome
from titan.model.workers import Load, Worker, WorkerState
from titan.store.rows.columns import by_value, from_us, from_us_or_none, to_json, to_us, to_us_or_none
from titan.store.session import Parameter, Row

_OUTCOMES = by_value(AttemptOutcome)
_STATES = by_value(WorkerState)
_OFFERS_DECODER = msgspec.json.Decoder(dict[str, int])
_LOAD_DECODER = msgspec.json.Decoder(Load)


def attempt_from_row(row: Row) -> Attempt:
    """Return the attempt of `attempt_columns`."""
    return Attempt(
        project_id=row[0],
        lease_id=row[1],
        job_id=row[2],
        number=row[3],
        worker_id=row[4],
        label=row[5],
        token=row[6],
        leased_at=from_us(row[7]),
        expires_at=from_us(row[8]),
        started_at=from_us_or_none(row[9]),
        ended_at=from_us_or_none(row[10]),
        outcome=_OUTCOMES.get(row[11]),
        exit_code=row[12],
        signal=row[13],
        duration_ns=row[14],
        peak_memory_bytes=row[15],
        error=row[16],
        is_stop_requested=bool(row[17]),
        ready_at=from_us_or_none(row[18]),
    )


def row_of_attempt(attempt: Attempt) -> dict[str, Parameter]:
    """Return every column of an attempt."""
    row = changes_of_attempt(attempt)
    row.update(
        project_id=attempt.project_id,
        job_id=attempt.job_id,
        number=attempt.number,
        worker_id=attempt.worker_id,
        label=attempt.label,
        token=attempt.token,
        leased_at_us=to_us(attempt.leased_at),
        ready_at_us=to_us_or_none(attempt.ready_at),
    )
    return row


def changes_of_attempt(attempt: Attempt) -> dict[str, Parameter]:
    """Return the columns of an attempt that change after its lease, and its lease id."""
    return {
        "lease_id": attempt.lease_id,
        "expires_at_us": to_us(attempt.expires_at),
        "started_at_us": to_us_or_none(attempt.started_at),
        "ended_at_us": to_us_or_none(attempt.ended_at),
        "outcome": None if attempt.outcome is None else attempt.outcome.value,
        "exit_code": attempt.exit_code,
        "signal": attempt.signal,
        "duration_ns": attempt.duration_ns,
        "peak_memory_bytes": attempt.peak_memory_bytes,
        "error": attempt.error,
        "is_stop_requested": int(attempt.is_stop_requested),
    }


def worker_from_row(row: Row) -> Worker:
    """Return the worker of `worker_columns`."""
    return Worker(
        organisation_id=row[0],
        id=row[1],
        name=row[2],
        host=row[3],
        pid=row[4],
        offers=_OFFERS_DECODER.decode(row[5]),
        version=row[6],
        state=_STATES[row[7]],
        joined_at=from_us(row[8]),
        seen_at=from_us(row[9]),
        server_id=row[10],
        is_draining=bool(row[11]),
        load=None if row[12] is None else _LOAD_DECODER.decode(row[12]),
        token_id=row[13],
        confines=bool(row[14]),
    )


def row_of_worker(worker: Worker) -> dict[str, Parameter]:
    """Return every column of a worker."""
    return {
        "organisation_id": worker.organisation_id,
        "id": worker.id,
        "name": worker.name,
        "host": worker.host,
        "pid": worker.pid,
        "offers": to_json(worker.offers),
        "version": worker.version,
        "state": worker.state.value,
        "joined_at_us": to_us(worker.joined_at),
        "seen_at_us": to_us(worker.seen_at),
        "server_id": worker.server_id,
        "is_draining": int(worker.is_draining),
        "load": None if worker.load is None else to_json(worker.load),
        "token_id": worker.token_id,
        "confines": int(worker.confines),
    }
