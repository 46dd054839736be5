"""Which project telemetry is of: as the resource tells us, else the request, else as the resource tells others."""

import pytest

from tests.support.telemetry import a_record, a_request, a_span, entries_of, logged
from titan.ingest.otlp import read_logs, read_traces
from titan.model.actions import MOST_OF_PROJECT

OWN, PHOENIX, SPACE = "titan.project", "openinference.project.name", "service.namespace"


@pytest.mark.parametrize(
    ("resource", "of_request", "project"),
    [
        ({OWN: "a", PHOENIX: "b", SPACE: "c"}, "d", "a"),
        ({PHOENIX: "b", SPACE: "c"}, "d", "d"),
        ({PHOENIX: "b", SPACE: "c"}, None, "b"),
        ({SPACE: "c"}, None, "c"),
        ({OWN: " ", PHOENIX: 7, SPACE: " c "}, None, "c"),
        ({OWN: "x" * 300}, None, "x" * MOST_OF_PROJECT),
        ({"service.name": "shop"}, None, None),
    ],
)
def test_spans_and_their_runs_are_of_the_first_that_is_named(
    resource: dict[str, object], of_request: str | None, project: str | None
) -> None:
    body = a_request(a_span(), resource=resource).SerializeToString()

    batch = read_traces(body, content_type="application/x-protobuf", content_encoding=None, project=of_request)

    assert [entry.project for entry in batch.entries] == [project, project]


def test_each_resource_of_a_request_speaks_for_its_own_spans() -> None:
    first = a_request(a_span(), resource={OWN: "finance"})
    first.MergeFrom(a_request(a_span(span_id="b" * 16), resource={OWN: "shop"}))

    batch = read_traces(first.SerializeToString(), content_type=None, content_encoding=None)

    _run, *actions = batch.entries
    assert [action.project for action in actions] == ["finance", "shop"]


@pytest.mark.parametrize("name", ["gen_ai.user.message", "gen_ai.client.inference.operation.details", "app.started"])
def test_log_records_are_of_a_project_too(name: str) -> None:
    record = a_record(name, {"content": "hi"})

    [entry] = logged(record, resource={SPACE: "finance"})

    assert entry.project == "finance"


def test_log_records_are_of_the_project_of_their_request() -> None:
    ids = b'"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"00f067aa0ba902b7"'
    record = b'{"eventName":"app.started","timeUnixNano":"1772366400000000000",%b}' % ids
    body = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[%b]}]}]}' % record

    batch = read_logs(body, content_type="application/json", content_encoding=None, project="finance")

    assert [entry.project for entry in batch.entries] == ["finance"]


def test_telemetry_that_names_none_is_of_none() -> None:
    assert [entry.project for entry in entries_of(a_span())] == [None, None]
