"""What a job's environment says of the job, and of the server that its SDK finds."""

from pathlib import Path

from titan.engine.protocol import Assignment
from titan.engine.worker.server_address import ServerAddress


def job_environment(assignment: Assignment, server: ServerAddress, *, workspace: Path) -> dict[str, str]:
    """Return the variables to add for one attempt: Titan's own, then the job's on top."""
    environment = {
        "TITAN_JOB_ID": assignment.job_id,
        "TITAN_JOB_NAME": assignment.job_name,
        "TITAN_DAG": assignment.dag_name,
        "TITAN_DAG_ID": assignment.dag_id,
        "TITAN_ATTEMPT": str(assignment.attempt),
        "TITAN_WORKSPACE": str(workspace),
        **server.environment(),
        "TITAN_TOKEN": assignment.token,
    }
    if assignment.agent_run_id is not None:
        environment["TITAN_AGENT_RUN_ID"] = assignment.agent_run_id
    return environment | assignment.env
