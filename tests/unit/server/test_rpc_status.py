"""Refusals in protobuf are what google.rpc.Status says they are."""

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from titan.server.http.responses import OTLP_PATHS, is_status_wanted, status_message
from titan.server.routes import recording


def parsed(content: bytes) -> dict[str, object]:
    """Return the fields of a google.rpc.Status, as protobuf itself reads it."""
    file = descriptor_pb2.FileDescriptorProto(name="status.proto", package="google.rpc", syntax="proto3")
    status = file.message_type.add(name="Status")
    status.field.add(name="code", number=1, type=5, label=1)
    status.field.add(name="message", number=2, type=9, label=1)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    read = message_factory.GetMessageClass(pool.FindMessageTypeByName("google.rpc.Status")).FromString(content)
    return {field.name: value for field, value in read.ListFields()}


@pytest.mark.parametrize("length", [1, 127, 128, 20_000])
def test_a_message_of_any_length_is_read_as_it_was(length: int) -> None:
    assert parsed(status_message("é" * length, 400)) == {"code": 3, "message": "é" * length}


@pytest.mark.parametrize(("status_code", "code"), [(401, 16), (403, 7), (413, 3), (500, 13), (503, 14), (418, 2)])
def test_the_rpc_code_matches_the_http_status(status_code: int, code: int) -> None:
    assert parsed(status_message("\ud800", status_code)) == {"code": code, "message": "?"}


@pytest.mark.parametrize(
    ("path", "content_type", "is_wanted"),
    [
        ("/v1/traces", "application/x-protobuf", True),
        ("/v1/logs/", "Application/Protobuf", True),
        ("/v1/v1/traces", "application/x-protobuf", True),
        ("/", "application/x-protobuf", True),
        ("/", "application/json", False),
        ("/v1/logs", None, False),
        ("/v1/traces", "application/json; charset=utf-8", False),
        ("/v1/traces", "text/html", False),
        ("/api/dags", "application/x-protobuf", False),
    ],
)
def test_it_is_wanted_where_protobuf_was_sent(path: str, content_type: str | None, is_wanted: bool) -> None:
    assert is_status_wanted(path, content_type) == is_wanted


def test_the_paths_are_those_of_routes() -> None:
    assert {route.path for route in recording.route.http} >= OTLP_PATHS
