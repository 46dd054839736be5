"""Assignments as a server hands them to a worker."""

from titan.wire.protocol import Assignment


def an_assignment(
    lease_id: str = "lease1",
    *,
    filename: str = "job.py",
    workspace: str = "dag-d1",
    agent_run_id: str | None = None,
    env: dict[str, str] | None = None,
    timeout_seconds: float | None = None,
) -> Assignment:
    """Return the first attempt of a job called `train`; `msgspec.structs.replace` sets the rest."""
    return Assignment(
        lease_id=lease_id,
        attempt=1,
        job_id="d1.00000",
        job_name="train",
        dag_id="d1",
        dag_name="pipeline",
        agent_run_id=agent_run_id,
        workspace=workspace,
        filename=filename,
        script="0" * 64,
        args=[],
        env=env or {},
        timeout_seconds=timeout_seconds,
        cold=False,
        token="secret",
    )
