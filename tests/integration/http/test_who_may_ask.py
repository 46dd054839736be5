"""Programs of this machine may ask, on both ports; pages of other hosts may not change a thing."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest

from tests.support.raw_http import a_key, ask, ask_json
from tests.support.running_titan import RunningTitan
from tests.support.stored_facts import stored_facts
from tests.support.submissions import a_dag_body, submit


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:5000", "[::1]:9090"])
def test_a_local_host_name_is_answered(port: int, host: str) -> None:
    assert ask(port, "GET", "/api/health", headers={"Host": host}).status == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", ""])
def test_a_foreign_host_name_is_refused_even_to_read(port: int, host: str) -> None:
    answer = ask(port, "GET", "/api/health", headers={"Host": host})

    assert answer.status in (400, 403)  # without a Host it is no HTTP/1.1
    if host:
        assert answer.refusal == (403, "Forbidden")
        assert "header Host" in answer.message


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://localhost"])
def test_a_change_asked_for_by_a_foreign_page_is_refused(titan: RunningTitan, origin: str) -> None:
    before = stored_facts(titan.home)

    answers = [
        ask_json(titan.sdk_port, "POST", "/api/dags", a_dag_body(), {"Origin": origin, **a_key()}),
        ask(titan.sdk_port, "PUT", "/api/files/f.bin", b"x", {"Origin": origin, **a_key()}),
    ]

    assert [answer.refusal for answer in answers] == [(403, "Forbidden")] * 2
    assert stored_facts(titan.home) == before


def test_a_change_asked_for_by_the_servers_own_page_is_made(port: int) -> None:
    own = {"Host": f"127.0.0.1:{port}", "Origin": f"http://127.0.0.1:{port}", **a_key()}

    answer = ask_json(port, "POST", "/api/dags", a_dag_body(), own)

    assert answer.status == 201


def test_no_answer_invites_the_pages_of_others(port: int) -> None:
    answer = ask(port, "GET", "/api/health", headers={"Origin": "http://evil.example"})

    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


def test_both_ports_serve_the_same(titan: RunningTitan) -> None:
    announced = json.loads((titan.home / "server.json").read_text())["url"]
    api_port = urlsplit(announced).port
    assert api_port is not None
    dag_id = submit(api_port, a_dag_body())

    answers = [
        [ask(port, "GET", path).body for path in (f"/api/dags/{dag_id}", "/v1/models", "/schema/openapi.json")]
        for port in (api_port, titan.sdk_port)
    ]

    assert api_port != titan.sdk_port
    assert answers[0] == answers[1]


def test_the_openapi_document_is_served_as_json(port: int) -> None:
    answer = ask(port, "GET", "/schema/openapi.json")

    assert answer.headers["content-type"].startswith("application/json")
    assert answer.value["openapi"] == "3.1.0"
    assert "post" in answer.value["paths"]["/api/dags"]
