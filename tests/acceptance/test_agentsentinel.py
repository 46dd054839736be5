"""The real agentsentinel-sdk, 0.4 and 0.2, as its users call it: each leaves a correct run.

What each said when it was captured leaves the same.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.conftest import Tell
from tests.support.capturing import KEPT_FOR_EVER
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.token_holder import Holder


@pytest.fixture(scope="module")
def titan(tell: Tell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    """A server that wants a token with every request, as one that others reach does; one for each way to tell."""
    home = tmp_path_factory.mktemp("sentinel") / "home"
    with running_titan(home, offers=(), options=("--require-token",), environment=KEPT_FOR_EVER) as running:
        yield running


@pytest.fixture(scope="module")
def holder(titan: RunningTitan) -> Holder:
    return Holder(titan.sdk_port, titan.home_token)


@pytest.fixture(scope="module")
def told(tell: Tell, titan: RunningTitan) -> dict[str, Any]:
    """What the agent under 0.4 saw."""
    value: dict[str, Any] = json.loads(tell("agentsentinel_new", titan, titan.home_token))
    return value


def the_run(holder: Holder, run_id: str) -> dict[str, Any]:
    answer = holder.ask("GET", f"/api/v1/runs/{run_id}")
    assert answer.status == 200, answer.body
    value: dict[str, Any] = answer.value
    return value


def calls_of(holder: Holder, run_id: str) -> list[dict[str, Any]]:
    answer = holder.ask("GET", f"/api/v1/ledger?run_id={run_id}&sort_order=asc&page_size=200")
    calls: list[dict[str, Any]] = answer.value["data"]
    return calls


def event_of(holder: Holder, name: str) -> dict[str, Any]:
    """Return what the one intervention of this type in the new client's run says."""
    skeleton = holder.ask("GET", "/api/v1/runs/new-1/skeleton").value
    [place] = [place for place, which in enumerate(skeleton["name"]) if skeleton["names"][which] == name]
    detail = holder.ask("GET", f"/api/v1/runs/new-1/actions/{skeleton['id'][place]}").value
    said: dict[str, Any] = detail["details"]["intervention"]
    return said


@pytest.mark.usefixtures("told")
def test_every_call_is_there_once_though_it_was_delivered_at_least_once(holder: Holder) -> None:
    found = Counter((call["name"], call["outcome"]) for call in calls_of(holder, "new-1"))

    assert found == {
        ("search", "success"): 3,
        ("send_mail", "success"): 1,
        ("drop_table", "blocked"): 1,
        ("fails", "error"): 1,
        ("pricey", "success"): 1,
        ("pricey", "blocked"): 1,
        ("charge", "success"): 1,
        ("charge", "idempotent_replay"): 1,
        ("chat", "success"): 3,
    }


@pytest.mark.usefixtures("told")
def test_the_money_is_right_to_the_last_digit(holder: Holder) -> None:
    run = the_run(holder, "new-1")

    money = {name: run["tally"][f"{name}_cost_usd"] for name in ("attempted", "prevented", "saved")}
    assert run["tally"]["cost_usd"] == "0.143"
    assert money == {"attempted": "1.173", "prevented": "1.03", "saved": "0.05"}
    assert (run["tally"]["attempts"], run["tally"]["success"], run["tally"]["blocked"]) == (12, 9, 2)
    assert (run["agent_id"], run["first_error"]) == ("researcher", "ValueError: nope")


@pytest.mark.usefixtures("told")
def test_a_secret_is_taken_away_before_it_is_stored(holder: Holder, titan: RunningTitan) -> None:
    [mail] = [call for call in calls_of(holder, "new-1") if call["name"] == "send_mail"]

    bodies = holder.ask("GET", f"/api/v1/runs/new-1/bodies?ids={mail['id']}").value["data"]

    assert mail["is_redacted"] is True
    assert json.loads(bodies[0]["inputs"]["text"]) == {"args": ["bob"], "kwargs": {"body": "[redacted:aws_key]"}}
    assert not [path for path in titan.home.glob("calls*") if b"AKIAIOSFODNN7EXAMPLE" in path.read_bytes()]


@pytest.mark.usefixtures("told")
def test_interventions_are_events_of_the_run(holder: Holder) -> None:
    skeleton = holder.ask("GET", "/api/v1/runs/new-1/skeleton").value

    kinds = zip(skeleton["name"], skeleton["kind"], strict=True)
    assert Counter(skeleton["names"][place] for place, kind in kinds if kind == "event") == {
        "hard_block": 1,
        "budget_exceeded": 1,
        "idempotent_replay": 1,
        "approval_required": 1,
    }


def test_an_approval_that_nobody_can_give_ends_at_once_and_says_why(told: dict[str, Any], holder: Holder) -> None:
    drop, fails, wire, pricey = told["refused"]

    assert "denied list" in drop
    assert fails == "ValueError: nope"
    assert wire == "PolicyViolationError: Platform approval required but status is: ApprovalStatus.CANCELLED"
    assert "budget" in pricey.lower()
    assert "nobody can decide" in event_of(holder, "approval_required")["context"]["notes"]


def test_the_client_replays_a_recording_and_its_replay_is_a_separate_run(told: dict[str, Any], holder: Holder) -> None:
    replay = the_run(holder, "new-1:replay")

    assert told["replayed"] == {
        "found": [{"hits": ["titan"] * 3}, {"hits": ["olympus"]}],
        "divergences": 1,
        "entries": 12,
    }
    assert (replay["name"], replay["status"], replay["tags"]) == ("Replay of new-1", "completed", ["replay"])
    assert (replay["tally"]["replayed"], replay["tally"]["attempts"]) == (2, 0)
    assert (replay["tally"]["cost_usd"], replay["tally"]["saved_cost_usd"]) == ("0", "0.02")


@pytest.mark.usefixtures("told")
def test_a_context_within_the_program_is_a_run_of_its_own(holder: Holder) -> None:
    run = the_run(holder, "part-1")

    assert (run["agent_id"], run["tally"]["calls"]) == ("writer", 1)


def test_limits_that_this_server_does_not_enforce_are_answered_as_none(told: dict[str, Any]) -> None:
    assert (told["check"], told["reserved"]) == (None, None)
    assert told["registered"] == {"registered": 0, "updated": 0, "total": 8}


def test_the_old_version_leaves_its_runs_too(holder: Holder, titan: RunningTitan, tell: Tell) -> None:
    tell("agentsentinel_old", titan, titan.home_token)

    first, second = the_run(holder, "old-1"), the_run(holder, "old-2")
    [measured] = calls_of(holder, "old-2")
    bodies = holder.ask("GET", f"/api/v1/runs/old-2/bodies?ids={measured['id']}").value["data"]

    assert (first["agent_id"], first["tally"]["cost_usd"], first["tally"]["prevented_cost_usd"]) == (
        "older",
        "0.011",
        "1",
    )
    assert second["tally"]["calls"] == 1
    assert json.loads(bodies[0]["outputs"]["text"])["value"] == {"$float": "nan"}
    assert the_run(holder, "agentsentinel:no-run")["tally"]["calls"] == 0


def test_the_langchain_callback_leaves_models_and_tools(holder: Holder, titan: RunningTitan, tell: Tell) -> None:
    tell("agentsentinel_langchain", titan, titan.home_token)

    calls = calls_of(holder, "chain-1")

    assert [(call["kind"], call["outcome"], call["error_type"]) for call in calls] == [
        ("model", "success", None),
        ("model", "error", "RuntimeError"),
        ("tool", "success", None),
        ("tool", "error", "ValueError"),
    ]
    assert (calls[0]["model"], calls[0]["input_tokens"], calls[0]["cost_usd"]) == ("gpt-4o", 1000, "0.008")
