"""The job of an evaluated agent does not grade its own run."""

from __future__ import annotations

import json

from tests.support.evaluations import python_agent, tried
from tests.support.raw_http import given

ASKS = """
import json, os, urllib.error, urllib.request

def ask(method, path, body=None):
    address = f"http://{os.environ['TITAN_HOST']}:{os.environ['TITAN_PORT']}{path}"
    headers = {"Authorization": f"Bearer {os.environ['TITAN_TOKEN']}", "Content-Type": "application/json"}
    request = urllib.request.Request(address, json.dumps(body or {}).encode(), headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code

run, dag, job = os.environ["TITAN_AGENT_RUN_ID"], os.environ["TITAN_DAG_ID"], os.environ["TITAN_JOB_ID"]
score = {"name": "quality", "value": 1, "traceId": run}
event = {"id": "e1", "type": "score-create", "timestamp": "2026-01-01T00:00:00Z", "body": score}
answers = {
    "score": ask("POST", "/api/public/scores", score),
    "scores": ask("POST", "/api/public/scores", [score]),
    "unknown trace": ask("POST", "/api/public/scores", {**score, "traceId": "0" * 32}),
    "ingestion": ask("POST", "/api/public/ingestion", {"batch": [event]}),
    "end": ask("POST", f"/api/v1/runs/{run}/end", {"status": "completed"}),
    "retry": ask("POST", f"/api/v1/runs/{run}/retry"),
    "resume": ask("POST", f"/api/v1/runs/{run}/resume"),
    "cancel": ask("POST", f"/api/v1/runs/{run}/cancel"),
    "pin": ask("POST", f"/api/v1/runs/{run}/pin"),
    "cancel DAG": ask("POST", f"/api/dags/{dag}/cancel"),
    "redeploy DAG": ask("POST", f"/api/dags/{dag}/redeploy"),
    "cancel job": ask("POST", f"/api/jobs/{job}/cancel"),
    "cancel job by name": ask("POST", "/api/jobs/agent/cancel"),
    "rerun job": ask("POST", f"/api/jobs/{job}/rerun"),
    "action of its own": ask("POST", "/api/v1/actions", {"actions": []}),
}
return json.dumps(answers)
"""


def test_a_job_grades_and_ends_no_run_of_an_evaluation(port: int) -> None:
    body = "\n    ".join(ASKS.strip().splitlines())

    found = tried(port, "grades", python_agent(body))

    answers = json.loads(json.loads(found["response"]))  # a text, in JSON
    assert {name: status for name, status in answers.items() if status != 403} == {"action of its own": 400}
    assert given(port, f"/api/v1/runs/{found['run_id']}/notes")["data"] == []
    assert given(port, f"/api/v1/runs/{found['run_id']}")["status"] == "completed"
