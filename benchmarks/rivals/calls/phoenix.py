"""Arize Phoenix: one process, asked through its REST API where that has it, else by the GraphQL of its pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from benchmarks.rivals.calls.asking import Ask, Caller
from benchmarks.rivals.calls.server import Launch, Question, Server, Wanted, answers, launched
from benchmarks.titan_server import free_ports

PACKAGE: Final = "arize-phoenix"
PROJECT: Final = "default"
PAGE: Final = 50

#: What its page of a trace draws: a line for each span, without inputs and outputs.
TRACE: Final = """
query($id: ID!) { getProjectByName(name: "default") { trace(traceId: $id) {
  latencyMs spans(first: 1000) { edges { node {
    id spanId name spanKind statusCode startTime endTime parentId latencyMs tokenCountTotal
    costSummary { total { cost } }
} } } } } }
"""
FOUND: Final = """
query($filter: String!) { getProjectByName(name: "default") {
  spans(first: 50, sort: {col: startTime, dir: desc}, filterCondition: $filter) { edges { node {
    id spanId spanKind name statusCode startTime latencyMs tokenCountTotal trace { traceId }
    input { value: truncatedValue } output { value: truncatedValue }
} } } } }
"""
COUNT: Final = '{ getProjectByName(name: "default") { recordCount } }'


class Phoenix(Server):
    """A running Phoenix."""

    def count(self) -> int:
        """Return the number of spans that its home page shows."""
        return int(self.caller.ask_json(_graphql(COUNT))["data"]["getProjectByName"]["recordCount"])

    def questions(self, wanted: Wanted) -> Mapping[str, Question]:
        """Return its lists of traces, its list of spans by status, its filter by content, and its page of a trace."""
        since = datetime.fromtimestamp(wanted.since_ms / 1000, UTC).isoformat()
        return {
            "newest": _list("traces", sort="start_time"),
            "with an error": _list("spans", status_code="ERROR", sort="start_time"),
            "longest first": _list("traces", sort="latency_ms"),
            "last 24 h": _list("traces", start_time=since),
            "a rare word": _found(wanted.rare),
            "a frequent word": _found(wanted.frequent),
            "a trace": Question(ask=_graphql(TRACE, id=wanted.trace_id), rows=_spans_of_trace),
        }


@contextmanager
def running_phoenix(folder: Path, python: Path, store: str | None) -> Iterator[Server]:
    """Keep a Phoenix with its data in `folder`, or in a PostgreSQL database."""
    port, grpc_port = free_ports(2)
    data = folder / "data"
    data.mkdir()
    settings = {
        "PHOENIX_WORKING_DIR": str(data),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(grpc_port),
        "PHOENIX_TELEMETRY_ENABLED": "false",
        "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
        **({} if store is None else {"PHOENIX_SQL_DATABASE_URL": store}),
    }
    launch = Launch(command=[str(python.parent / "phoenix"), "serve"], port=port, folder=folder, settings=settings)
    caller = Caller(port=port)
    with launched(launch, is_up=lambda: answers(caller, _graphql(COUNT))) as pid:
        yield Phoenix(port=port, pid=pid, data=data)


def _list(what: str, **filters: str) -> Question:
    ask = Ask(path=f"/v1/projects/{PROJECT}/{what}?{urlencode({'limit': PAGE, 'order': 'desc', **filters})}")
    return Question(ask=ask, rows=lambda answer: len(answer["data"]))


def _found(word: str) -> Question:
    condition = f"'{word}' in input.value or '{word}' in output.value"
    return Question(
        ask=_graphql(FOUND, filter=condition),
        rows=lambda answer: len(answer["data"]["getProjectByName"]["spans"]["edges"]),
    )


def _graphql(query: str, **variables: str) -> Ask:
    return Ask(path="/graphql", body={"query": query, "variables": variables})


def _spans_of_trace(answer: Any) -> int:
    return len(answer["data"]["getProjectByName"]["trace"]["spans"]["edges"])
