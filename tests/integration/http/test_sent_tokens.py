"""On loopback no token is needed; one that is sent is looked at all the same."""

from __future__ import annotations

from tests.support.raw_http import a_key, ask, ask_json
from tests.support.submissions import a_dag_body, a_name
from tests.support.token_holder import Holder
from tests.support.wire_jobs import a_running_job


def test_whoever_sends_none_may_do_all(port: int) -> None:
    anybody = Holder(port, None)

    made = anybody.make("viewer")

    assert anybody.ask("GET", "/api/tokens").status == 200
    assert made.ask_json("PUT", "/api/store", {"key": "k", "value": "v"}).refusal == (403, "Forbidden")


def test_a_token_that_is_unknown_or_revoked_is_refused(port: int) -> None:
    anybody = Holder(port, None)
    holder = anybody.make()
    anybody.ask("POST", f"/api/tokens/{holder.token_id}/revoke")
    unknown = Holder(port, "titan_000000000000_" + "0" * 64)

    assert [each.ask("GET", "/api/health").refusal for each in (holder, unknown)] == [(401, "Unauthorized")] * 2


def test_a_key_of_another_program_says_nothing(port: int) -> None:
    assert ask(port, "GET", "/v1/models", headers={"Authorization": "Bearer sk-none"}).status == 200


def test_a_job_token_does_not_restrict_a_server_without_tokens(port: int) -> None:
    anybody = Holder(port, None)
    job = a_running_job(anybody, anybody)
    foreign_run = a_name("run")
    foreign = anybody.ask_json("POST", "/api/dags", a_dag_body(agent_run_id=foreign_run)).value["dag_id"]

    answers = [
        job.holder.ask("GET", f"/api/dags/{job.dag_id}"),
        job.holder.ask("GET", f"/api/dags/{foreign}"),
        job.holder.ask("GET", "/api/jobs"),
        job.holder.ask_json("POST", "/api/dags", a_dag_body(agent_run_id=foreign_run)),
    ]

    assert {answer.status // 100 for answer in answers} == {2}


def test_an_ended_attempt_changes_nothing_and_its_submission_is_stale(port: int) -> None:
    anybody = Holder(port, None)
    job = a_running_job(anybody, anybody)
    job.end()

    written = job.holder.ask_json("PUT", "/api/store", {"key": "late", "value": "x"})
    submitted = ask_json(port, "POST", "/api/dags", a_dag_body(), {**job.holder.header, **a_key()})

    assert written.refusal == (401, "Unauthorized")
    assert submitted.refusal == (409, "StaleLease")
    assert anybody.ask("GET", "/api/store?key=late").value["value"] is None
