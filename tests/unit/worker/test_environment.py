"""What a job is told of itself."""

from pathlib import Path

from tests.support.assignments import an_assignment
from titan.engine.worker.environment import job_environment
from titan.engine.worker.server_address import ServerAddress

SERVER = ServerAddress.of("http://127.0.0.1:9090", token="the worker's own")

WORKSPACE = Path("/here/shared")


def test_a_job_is_told_what_it_is_and_where_its_server_is() -> None:
    environment = job_environment(an_assignment(agent_run_id="R_1"), SERVER, workspace=WORKSPACE)

    assert environment == {
        "TITAN_JOB_ID": "d1.00000",
        "TITAN_JOB_NAME": "train",
        "TITAN_DAG": "pipeline",
        "TITAN_DAG_ID": "d1",
        "TITAN_AGENT_RUN_ID": "R_1",
        "TITAN_ATTEMPT": "1",
        "TITAN_WORKSPACE": "/here/shared",
        "TITAN_HOST": "127.0.0.1",
        "TITAN_PORT": "9090",
        "TITAN_TOKEN": "secret",
    }


def test_a_job_outside_a_run_is_told_of_none() -> None:
    assert "TITAN_AGENT_RUN_ID" not in job_environment(an_assignment(), SERVER, workspace=WORKSPACE)


def test_the_job_s_own_variables_come_on_top() -> None:
    environment = job_environment(an_assignment(env={"MODE": "fast"}), SERVER, workspace=WORKSPACE)

    assert environment["MODE"] == "fast"


def test_a_job_of_a_far_worker_is_told_to_encrypt_and_whom_to_trust() -> None:
    server = ServerAddress.of("https://titan.example.org", token="the worker's own", ca_file="ca.pem")

    environment = job_environment(an_assignment(), server, workspace=WORKSPACE)

    assert {name: environment[name] for name in ("TITAN_HOST", "TITAN_PORT", "TITAN_TLS", "TITAN_CA_FILE")} == {
        "TITAN_HOST": "titan.example.org",
        "TITAN_PORT": "443",
        "TITAN_TLS": "1",
        "TITAN_CA_FILE": "ca.pem",
    }
    assert environment["TITAN_TOKEN"] == "secret"
