"""A cancel reaches what it names, and nothing else."""

from tests.support.raw_http import ask, ask_json
from tests.support.submissions import a_dag_body


def test_a_job_of_the_same_name_in_another_dag_is_never_cancelled_instead(port: int) -> None:
    dag_id = ask_json(port, "POST", "/api/dags", a_dag_body()).value["dag_id"]
    (job,) = ask(port, "GET", f"/api/dags/{dag_id}").value["jobs"]

    answer = ask_json(port, "POST", f"/api/jobs/{job['name']}/cancel?dag=another", {})

    assert answer.status == 404
    assert ask(port, "GET", f"/api/dags/{dag_id}").value["jobs"][0]["status"] == job["status"]
