"""Whatever a job or a viewer sends to whichever route, the answer is an answer: never a mistake of the server's own."""

from __future__ import annotations

import random

import pytest

from tests.integration.http.test_any_request import STREAMS, a_body, a_target
from tests.support.submissions import DIGEST, a_name
from tests.support.token_holder import Holder
from tests.support.wire_jobs import a_running_job
from titan.server.http.table import ROUTES

REQUESTS_PER_SEED = 200


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("whose", ["job", "viewer", "worker", "nobody"])
def test_no_request_finds_a_mistake_of_the_server(admin: Holder, whose: str, seed: int) -> None:
    choices = random.Random(seed)
    run = a_name("run")
    job = a_running_job(admin, admin, run=run)
    foreign = a_running_job(admin, admin)
    known = [job.job_id, job.dag_id, job.name, run, foreign.job_id, foreign.dag_id, DIGEST, job.lease_id]
    holder = {"job": job.holder, "nobody": Holder(admin.port, None)}.get(whose) or admin.make(whose)
    routes = [route for route in ROUTES if route.path not in STREAMS]

    for number in range(REQUESTS_PER_SEED):
        route = choices.choice(routes)
        target, body = a_target(choices, route, known), a_body(choices, route, {})
        answer = holder.ask(route.method, target, body)

        said = f"seed {seed}, request {number}: {route.method} {target} {body[:300]!r}"
        assert answer.status < 500 or answer.value["error"]["type"] == "ModelNotConfigured", said
        assert answer.status < 400 or "error" in answer.value, said
    assert admin.ask("GET", f"/api/dags/{foreign.dag_id}").value["counts"]["cancelled"] == 0
    assert admin.ask("GET", f"/api/jobs/{foreign.job_id}").value["cancel_requested"] is False
