"""What a job's environment says of the job, and of the server that its SDK finds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from titan.engine.worker.server_address import ServerAddress
from titan.wire.protocol import Assignment

_EXPORTER: Final = "OTEL_EXPORTER_OTLP"
_RESOURCE: Final = "OTEL_RESOURCE_ATTRIBUTES"


def job_environment(
    assignment: Assignment, server: ServerAddress, *, workspace: Path, spool: Path, inherited: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables to add for one attempt to those that it inherits: Titan's own, then the job's on top.

    `spool` is where its SDK keeps what it recorded while the server is away.
    """
    environment = {
        "TITAN_JOB_ID": assignment.job_id,
        "TITAN_JOB_NAME": assignment.job_name,
        "TITAN_DAG": assignment.dag_name,
        "TITAN_DAG_ID": assignment.dag_id,
        "TITAN_ATTEMPT": str(assignment.attempt),
        "TITAN_WORKSPACE": str(workspace),
        "TITAN_SPOOL": str(spool),
        **server.environment(),
        "TITAN_TOKEN": assignment.token,
    }
    if assignment.agent_run_id is not None:
        environment["TITAN_AGENT_RUN_ID"] = assignment.agent_run_id
    return environment | assignment.env | _telemetry(assignment, server, {**inherited, **assignment.env})


def _telemetry(assignment: Assignment, server: ServerAddress, given: Mapping[str, str]) -> dict[str, str]:
    """Return what has a program that OpenTelemetry instruments report to the server, unless it reports elsewhere.

    The attempt's token must not reach another collector, so with any exporter variable given none is added.
    """
    about = {
        "titan.job_id": assignment.job_id,
        "titan.agent_run_id": assignment.agent_run_id,
    }
    ours = [f"{name}={quote(value, safe='')}" for name, value in about.items() if value]
    variables = {_RESOURCE: ",".join([*filter(None, [given.get(_RESOURCE)]), *ours])}
    if any(name.startswith(_EXPORTER) for name in given):
        return variables
    variables |= {
        f"{_EXPORTER}_ENDPOINT": str(server),
        f"{_EXPORTER}_PROTOCOL": "http/protobuf",
        f"{_EXPORTER}_HEADERS": f"authorization=Bearer%20{quote(assignment.token, safe='')}",
    }
    if server.ca_file is not None:
        variables[f"{_EXPORTER}_CERTIFICATE"] = server.ca_file
    return variables
