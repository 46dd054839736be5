"""Reports of calls and of replays, as clients send them over HTTP."""

from __future__ import annotations

from collections.abc import Mapping

from tests.support.raw_http import ask_json

AT_NS = 1_772_366_400_000_000_000


def a_call(entry_id: str, **said: object) -> dict[str, object]:
    times = {"started_at_ns": AT_NS, "ended_at_ns": AT_NS + 1000}
    return {"type": "action", "id": entry_id, "name": "look", "kind": "tool", **times, **said}


def record(port: int, run: str, *entries: dict[str, object]) -> None:
    answer = ask_json(port, "POST", "/api/v1/actions", {"run_id": run, "agent_id": "ann", "entries": list(entries)})
    assert answer.status == 200, answer.body


def report_a_replay(port: int, run: str, *, canary: str, headers: Mapping[str, str] | None = None) -> None:
    """Report how a replay went, as agentsentinel-sdk does, with what was expected."""
    divergence = {"type": "input_mismatch", "action": "look", "expected_inputs": {"patient": canary}, "index": 0}
    told = {
        "status": "partial",
        "actions_replayed": 1,
        "actions_total": 1,
        "divergences_detected": 1,
        "divergences": [divergence],
        "cost_savings": 0.01,
    }
    assert ask_json(port, "POST", f"/api/v1/replay/{run}/results", told, headers).status == 201
