"""What a job is told of itself."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.assignments import an_assignment
from titan.wire.protocol import Assignment
from titan.worker.server_client import ServerAddress
from titan.worker.supervisor import job_environment

SERVER = ServerAddress.of("http://127.0.0.1:9090", token="the worker's own")

WORKSPACE = Path("/here/shared")
SPOOL = Path("/here/spools/l1")


def environment_of(
    assignment: Assignment, server: ServerAddress = SERVER, inherited: Mapping[str, str] = {}
) -> dict[str, str]:
    return job_environment(assignment, server, workspace=WORKSPACE, spool=SPOOL, inherited=inherited)


def test_the_environment_of_a_job_names_the_job_and_its_server() -> None:
    environment = environment_of(an_assignment(agent_run_id="R_1"))

    assert environment == {
        "TITAN_JOB_ID": "d1.00000",
        "TITAN_JOB_NAME": "train",
        "TITAN_DAG": "pipeline",
        "TITAN_DAG_ID": "d1",
        "TITAN_AGENT_RUN_ID": "R_1",
        "TITAN_ATTEMPT": "1",
        "TITAN_WORKSPACE": "/here/shared",
        "TITAN_SPOOL": "/here/spools/l1",
        "TITAN_HOST": "127.0.0.1",
        "TITAN_PORT": "9090",
        "TITAN_TOKEN": "secret",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9090",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20secret",
        "OTEL_RESOURCE_ATTRIBUTES": "titan.job_id=d1.00000,titan.agent_run_id=R_1",
    }


def test_the_environment_of_a_job_outside_a_run_names_none() -> None:
    assert "TITAN_AGENT_RUN_ID" not in environment_of(an_assignment())


def test_the_job_s_own_variables_come_on_top() -> None:
    environment = environment_of(an_assignment(env={"MODE": "fast"}))

    assert environment["MODE"] == "fast"


def test_the_environment_of_a_remote_job_has_tls_and_its_ca_file() -> None:
    server = ServerAddress.of("https://titan.example.org", token="the worker's own", ca_file="ca.pem")

    environment = environment_of(an_assignment(), server)

    assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == "https://titan.example.org:443"
    assert environment["OTEL_EXPORTER_OTLP_CERTIFICATE"] == "ca.pem"
    assert {name: environment[name] for name in ("TITAN_HOST", "TITAN_PORT", "TITAN_TLS", "TITAN_CA_FILE")} == {
        "TITAN_HOST": "titan.example.org",
        "TITAN_PORT": "443",
        "TITAN_TLS": "1",
        "TITAN_CA_FILE": "ca.pem",
    }
    assert environment["TITAN_TOKEN"] == "secret"


@pytest.mark.parametrize("where", ["the job's", "the worker's"])
def test_a_program_that_reports_to_another_collector_goes_on_doing_so_and_sends_no_token_there(where: str) -> None:
    own = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces",
        "OTEL_RESOURCE_ATTRIBUTES": "service.name=a",
    }
    is_job = where == "the job's"

    environment = environment_of(
        an_assignment(agent_run_id="R=1", env=own if is_job else {}), inherited={} if is_job else own
    )

    told = {name: value for name, value in environment.items() if name.startswith("OTEL_")}
    ours = "titan.job_id=d1.00000,titan.agent_run_id=R%3D1"
    expected = {**own, "OTEL_RESOURCE_ATTRIBUTES": f"service.name=a,{ours}"}
    assert told == (expected if is_job else {"OTEL_RESOURCE_ATTRIBUTES": expected["OTEL_RESOURCE_ATTRIBUTES"]})


def test_the_environment_of_a_job_has_no_project_of_its_worker() -> None:
    environment = environment_of(an_assignment(), inherited={"TITAN_PROJECT": "finance"})

    assert "TITAN_PROJECT" not in environment
    assert "titan.project" not in environment["OTEL_RESOURCE_ATTRIBUTES"]
