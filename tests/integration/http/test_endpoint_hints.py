"""Who asks for a path that is not there, as exporters and clients of models do, is told what is, and what to set."""

from __future__ import annotations

import pytest

from tests.support.raw_http import ask, ask_json

PROTOBUF = "application/x-protobuf"


@pytest.mark.parametrize(
    ("path", "signal"),
    [
        ("/v1/v1/traces", "traces"),
        ("/v1/traces/v1/traces", "traces"),
        ("/otlp/v1/logs", "logs"),
        ("/v1", "traces"),
        ("/", "traces"),
    ],
)
def test_an_exporter_with_a_wrong_endpoint_gets_the_right_one_in_protobuf(port: int, path: str, signal: str) -> None:
    answer = ask(port, "POST", path, b"", {"Content-Type": PROTOBUF})

    said = answer.body.decode(errors="replace")
    assert (answer.status, answer.headers["content-type"]) == (404, PROTOBUF)
    assert answer.body.startswith(b"\x08\x05\x12")  # code 5, NOT_FOUND, and a message
    assert f"POST {path}: expected POST /v1/{signal}" in said
    assert "Set OTEL_EXPORTER_OTLP_ENDPOINT to http://127.0.0.1, to which exporters add" in said
    assert f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT to http://127.0.0.1/v1/{signal}," in said


def test_an_exporter_in_json_gets_a_status_in_json_beside_our_own_words(port: int) -> None:
    wrong = ask_json(port, "POST", "/v1/v1/traces", {})
    empty = ask(port, "POST", "/v1/traces", b"nonsense", {"Content-Type": "application/json"})

    assert (wrong.status, wrong.value["code"]) == (404, 5)
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in wrong.value["message"]
    assert wrong.value["error"]["type"] == "NoSuchRoute"
    assert (empty.status, empty.value["code"]) == (400, 3)
    assert empty.value["message"] == empty.value["error"]["message"]


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("/v1/responses", 'set_default_openai_api("chat_completions")'),
        ("/v1/completions", "client.chat.completions.create"),
        ("/v1/embeddings", "makes no embeddings"),
        ("/v1/messages", "OpenAI's dialect"),
        ("/v1/v1/chat/completions", "OPENAI_BASE_URL, to http://127.0.0.1/v1."),
        ("/chat/completions", "OPENAI_BASE_URL, to http://127.0.0.1/v1."),
    ],
)
def test_a_model_client_at_a_wrong_path_gets_the_routes_in_openais_format(port: int, path: str, advice: str) -> None:
    answer = ask_json(port, "POST", path, {"model": "default"})

    error = answer.value["error"]
    assert answer.status == 404
    assert (error["type"], error["code"], error["param"]) == ("NoSuchRoute", "NoSuchRoute", None)
    assert error["expected"] == "POST /v1/chat/completions, or GET /v1/models"
    assert advice in error["message"]


def test_other_paths_of_none_are_looked_up_in_the_list_of_routes(port: int) -> None:
    asked = [ask(port, method, path) for method, path in (("GET", "/api/nothing"), ("POST", "/v2/responses"))]

    assert [answer.value["error"]["expected"] for answer in asked] == ["one of the routes in /schema/openapi.json"] * 2
