"""DAGs and agent runs to rows and back."""

import msgspec

from titan.model.dags import Dag, JobCounts, OnFailure
from titan.model.run_control import Orchestrator, RunControl, RunOutcome
from titan.store.rows.columns import by_value, from_us, from_us_or_none, to_json, to_us, to_us_or_none
from titan.store.session import Parameter, Row

_ON_FAILURE = by_value(OnFailure)
_RUN_OUTCOMES = by_value(RunOutcome)
_ORCHESTRATOR_DECODER = msgspec.json.Decoder(Orchestrator)


def dag_from_row(row: Row) -> Dag:
    """Return the DAG of `dag_columns`."""
    return Dag(
        project_id=row[0],
        id=row[1],
        name=row[2],
        run_id=row[3],
        agent_id=row[4],
        on_failure=_ON_FAILURE[row[5]],
        submitted_at=from_us(row[6]),
        counts=JobCounts(
            waiting=row[7],
            waiting_approval=row[8],
            ready=row[9],
            running=row[10],
            completed=row[11],
            failed=row[12],
            cancelled=row[13],
        ),
        made_by=row[14],
        depth=row[15],
        submission_key=row[16],
        content_digest=row[17],
        started_at=from_us_or_none(row[18]),
        ended_at=from_us_or_none(row[19]),
        cancelled_by=row[20],
    )


def row_of_dag(dag: Dag) -> dict[str, Parameter]:
    """Return every column of a DAG."""
    row = changes_of_dag(dag)
    row.update(
        project_id=dag.project_id,
        name=dag.name,
        run_id=dag.run_id,
        agent_id=dag.agent_id,
        on_failure=dag.on_failure.value,
        submitted_at_us=to_us(dag.submitted_at),
        made_by=dag.made_by,
        depth=dag.depth,
        submission_key=dag.submission_key,
        content_digest=dag.content_digest,
    )
    return row


def changes_of_dag(dag: Dag) -> dict[str, Parameter]:
    """Return the columns of a DAG that change after its submission, and its id."""
    counts = dag.counts
    return {
        "id": dag.id,
        "waiting": counts.waiting,
        "waiting_approval": counts.waiting_approval,
        "ready": counts.ready,
        "running": counts.running,
        "completed": counts.completed,
        "failed": counts.failed,
        "cancelled": counts.cancelled,
        "started_at_us": to_us_or_none(dag.started_at),
        "ended_at_us": to_us_or_none(dag.ended_at),
        "cancelled_by": dag.cancelled_by,
    }


def run_from_row(row: Row) -> RunControl:
    """Return the run of `run_columns`."""
    return RunControl(
        project_id=row[0],
        id=row[1],
        agent_id=row[2],
        started_at=from_us(row[3]),
        last_activity_at=from_us(row[4]),
        stage_count=row[5],
        job_count=row[6],
        live_job_count=row[7],
        outcome=_RUN_OUTCOMES.get(row[8]),
        ended_at=from_us_or_none(row[9]),
        reason=row[10],
        orchestrator=None if row[11] is None else _ORCHESTRATOR_DECODER.decode(row[11]),
    )


def row_of_run(run: RunControl) -> dict[str, Parameter]:
    """Return every column of a run."""
    return {
        "project_id": run.project_id,
        "id": run.id,
        "agent_id": run.agent_id,
        "started_at_us": to_us(run.started_at),
        "last_activity_at_us": to_us(run.last_activity_at),
        "stage_count": run.stage_count,
        "job_count": run.job_count,
        "live_job_count": run.live_job_count,
        "outcome": None if run.outcome is None else run.outcome.value,
        "ended_at_us": to_us_or_none(run.ended_at),
        "reason": run.reason,
        "orchestrator": None if run.orchestrator is None else to_json(run.orchestrator),
    }
