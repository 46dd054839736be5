"""What a query may say is told field by field, in words, where it said something else."""

from __future__ import annotations

import json

import pytest

from tests.support.raw_http import ask, ask_json
from tests.support.submissions import a_name


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/api/v1/runs?limit=1000", "expected limit: a whole number from 1 to 200; found '1000'."),
        ("/api/v1/ledger?page=0", "expected page: a whole number from 1 to 200; found '0'."),
        (
            "/api/v1/ledger?start_date=yesterday",
            "expected start_date: a date and time, as 2026-03-01T12:00:00Z; found 'yesterday'.",
        ),
        ("/api/v1/runs?min_cost=-1", "query: min_cost: expected US dollars from 0, as 0.05; found -1."),
        ("/api/v1/ledger?min_cost=-0.5", "query: min_cost: expected US dollars from 0, as 0.05; found -0.5."),
        ("/api/v1/ledger/stats?max_cost=-1", "query: max_cost: expected US dollars from 0"),
        (
            "/api/v1/intercepts?window=1y",
            "query: window: expected a number and m, h, d or w, as 90m, 24h, 7d or 2w; or all",
        ),
        ("/api/v1/runs?window=1y", "query: window: expected a number and m, h, d or w, as 90m, 24h, 7d or 2w; or all"),
        ("/api/v1/runs/export?window=", "query: window: expected a number and m, h, d or w"),
    ],
)
def test_an_invalid_query_is_refused_with_the_valid_values(port: int, path: str, said: str) -> None:
    answer = ask(port, "GET", path)

    assert answer.refusal == (400, "InvalidInput")
    assert said in json.loads(answer.body)["error"]["message"]


def test_a_field_that_is_missing_is_named(port: int) -> None:
    run = a_name("run")
    ask_json(port, "POST", "/api/v1/actions", {"run_id": run, "entries": [{"type": "run", "at_ns": 1}]})

    answer = ask(port, "GET", f"/api/v1/runs/{run}/find")

    assert answer.refusal == (400, "InvalidInput")
    assert "expected q: a text of 1 to 500 characters; found none." in answer.body.decode()


def test_an_agent_that_nobody_knows_is_none(port: int) -> None:
    assert ask(port, "GET", "/api/v1/agents/nobody/stats").refusal == (404, "UnknownAgent")


def test_a_day_alone_is_taken_from_its_beginning_to_its_end(port: int) -> None:
    run = a_name("run")
    day_ns = 1_795_305_600 * 10**9  # 2026-11-22T00:00:00Z
    moments = {
        "before": day_ns - 10**9,
        "first": day_ns,
        "last": day_ns + 86_399 * 10**9,
        "after": day_ns + 86_400 * 10**9,
    }
    entries = [
        {"type": "action", "id": name, "kind": "tool", "name": name, "started_at_ns": at_ns}
        for name, at_ns in moments.items()
    ]
    ask_json(port, "POST", "/api/v1/actions", {"run_id": run, "entries": entries})

    found = ask(port, "GET", f"/api/v1/ledger?run_id={run}&start_date=2026-11-22&end_date=2026-11-22")

    assert [call["name"] for call in json.loads(found.body)["data"]] == ["last", "first"]
    impossible = ask(port, "GET", "/api/v1/ledger?start_date=2026-02-30")
    assert "found '2026-02-30'." in json.loads(impossible.body)["error"]["message"]
