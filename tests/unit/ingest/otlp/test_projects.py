"""Which project telemetry is of: the one that its resource names as `titan.project`; else its request's."""

import pytest

from tests.support.telemetry import a_record, a_request, a_span, entries_of, logged
from titan.ingest.otlp import read_traces
from titan.model.projects import MAX_PROJECT

OWN = "titan.project"


@pytest.mark.parametrize(
    ("resource", "project"),
    [
        ({OWN: "a", "openinference.project.name": "b", "service.namespace": "c"}, "a"),
        ({"openinference.project.name": "b", "service.namespace": "c"}, None),
        ({OWN: " a "}, "a"),
        ({OWN: "x" * 300}, "x" * MAX_PROJECT),
        ({OWN: " "}, None),
        ({OWN: "a\tb"}, None),
        ({OWN: 7}, None),
        ({}, None),
    ],
)
def test_spans_and_their_runs_are_of_the_project_of_their_resource(
    resource: dict[str, object], project: str | None
) -> None:
    assert [entry.project for entry in entries_of(a_span(), resource=resource)] == [project, project]


def test_each_resource_of_a_request_speaks_for_its_own_spans() -> None:
    first = a_request(a_span(), resource={OWN: "finance"})
    first.MergeFrom(a_request(a_span(span_id="b" * 16), resource={OWN: "shop"}))

    batch = read_traces(first.SerializeToString(), content_type=None, content_encoding=None)

    assert [entry.project for entry in batch.entries] == ["finance", "shop"] * 2  # a run in each, then its span


@pytest.mark.parametrize("name", ["gen_ai.user.message", "gen_ai.client.inference.operation.details", "app.started"])
def test_log_records_are_of_a_project_too(name: str) -> None:
    record = a_record(name, {"content": "hi"})

    [entry] = logged(record, resource={OWN: "finance"})

    assert entry.project == "finance"
