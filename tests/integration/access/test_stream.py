"""Recorded runs over the sockets of agentsentinel's dashboards: the envelope, the order, resuming, and who listens."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.support.running_titan import running_titan
from tests.support.submissions import a_dag_body, a_name
from tests.support.token_holder import Holder
from tests.support.waiting import wait_until
from tests.support.wire_jobs import a_running_job

COMES_WITHIN_SECONDS = 20.0
AT_NS = 1_772_366_400_000_000_000
SECOND = 1_000_000_000


@contextmanager
def listening(
    holder: Holder, query: str = "", *, path: str = "/api/v1/ws", with_header: bool = True, **options: Any
) -> Iterator[ClientConnection]:
    """Listen on a socket for a `with` block."""
    headers: Mapping[str, str] = holder.header if with_header else {}
    url = f"ws://127.0.0.1:{holder.port}{path}{query}"
    with connect(url, additional_headers=headers, proxy=None, **options) as socket:
        yield socket


def received(socket: ClientConnection) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(socket.recv(timeout=COMES_WITHIN_SECONDS))
    return frame


def up_to(socket: ClientConnection, event_type: str) -> list[dict[str, Any]]:
    """Return events up to the first of a type."""
    events: list[dict[str, Any]] = []
    while not events or events[-1]["event_type"] != event_type:
        events.append(received(socket))
    return events


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["event_type"] for event in events if event["event_type"] not in ("stats_updated", "heartbeat")]


def record(holder: Holder, run: str, *entries: dict[str, object]) -> None:
    answer = holder.ask_json("POST", "/api/v1/actions", {"run_id": run, "agent_id": "ann", "entries": entries})
    assert answer.status == 200, answer.body


def an_action(id: str = "a1", *, ends: int | None = 1, **fields: object) -> dict[str, object]:
    ended = {} if ends is None else {"ended_at_ns": AT_NS + ends * SECOND}
    return {"type": "action", "id": id, "name": "search", "kind": "tool", "started_at_ns": AT_NS, **ended, **fields}


def an_end(end: str, seconds: int = 2) -> dict[str, object]:
    return {"type": "run", "at_ns": AT_NS + seconds * SECOND, "end": end}


def total_cost(holder: Holder, run: str) -> str:
    cost: str = json.loads(holder.ask("GET", f"/api/v1/runs/{run}").body)["tally"]["cost_usd"]
    return cost


def present(holder: Holder) -> int:
    """Return the number of the newest change."""
    with listening(holder, f"?since={2**50}") as socket:
        event = received(socket)
    assert event["event_type"] == "resync"
    return int(event["seq"])


def refusal(holder: Holder, query: str = "", **options: Any) -> int:
    with pytest.raises(InvalidStatus) as refused, listening(holder, query, **options):
        pass
    return refused.value.response.status_code


def test_a_run_is_streamed_from_its_creation_to_its_end(quiet: Holder) -> None:
    run = a_name("run")
    with listening(quiet) as socket:
        record(quiet, run, an_action(ends=None))
        begun = up_to(socket, "action_created")
        record(quiet, run, an_action(cost_usd="0.5", failure={"type": "ValueError", "message": "nope"}))
        wait_until(lambda: total_cost(quiet, run) == "0.5", "the totals are computed, at most a tenth of the time")
        record(quiet, run, an_end("failed"))
        ended = up_to(socket, "run_failed")

    assert kinds(begun) == ["run_created", "action_created"]
    assert kinds(ended) == ["action_updated", "run_failed"]
    created, action, updated, failed = (event for event in (*begun, *ended) if event["event_type"] in SHOWN)
    assert set(created) == {"event_type", "data", "timestamp", "seq"}
    assert (created["data"]["run_id"], created["data"]["agent_id"]) == (run, "ann")
    assert (action["data"]["id"], action["data"]["run_id"], action["data"]["name"]) == ("a1", run, "search")
    assert (updated["data"]["outcome"], updated["data"]["cost_usd"]) == ("error", "0.5")
    assert failed["timestamp"] == failed["data"]["ended_at"] == "2026-03-01T12:00:02Z"
    assert failed["data"] == {
        "run_id": run,
        "agent_id": "ann",
        "status": "failed",
        "ended_at": "2026-03-01T12:00:02Z",
        "duration_ms": 2000.0,
        "cost_usd": "0.5",
        "success_rate": 0.0,
        "first_error": "ValueError: nope",
    }


SHOWN = {"run_created", "action_created", "action_updated", "run_failed"}


def test_a_run_that_completed_says_so_once_though_it_changes_again(quiet: Holder) -> None:
    run = a_name("run")
    with listening(quiet, f"?run_id={run}") as socket:
        record(quiet, run, an_action(), an_end("completed"))
        up_to(socket, "run_completed")
        quiet.ask("POST", f"/api/v1/runs/{run}/pin")

        changed = up_to(socket, "stats_updated")
        while not changed[-1]["data"]["is_pinned"]:  # that of the run's totals may come before
            changed += up_to(socket, "stats_updated")

    assert kinds(changed) == []


def test_an_end_of_long_ago_is_no_news_when_its_run_is_pinned(quiet: Holder) -> None:
    run = a_name("run")
    record(quiet, run, an_action(), an_end("failed"))
    with listening(quiet, f"?run_id={run}&since={present(quiet)}") as socket:
        quiet.ask("POST", f"/api/v1/runs/{run}/pin")
        changed = up_to(socket, "stats_updated")  # else both changes could come in one batch
        record(quiet, run, an_action("a2"))
        changed += up_to(socket, "action_created")
        record(quiet, run, an_action("a3", started_at_ns=AT_NS + 3 * SECOND, ends=4))
        record(quiet, run, an_end("failed", seconds=5))
        failed = up_to(socket, "run_failed")

    assert kinds(changed) == ["action_created"]
    assert failed[-1]["data"]["ended_at"] == "2026-03-01T12:00:05Z"


def test_a_client_that_returns_after_an_end_and_a_pin_receives_both(quiet: Holder) -> None:
    run = a_name("run")
    record(quiet, run, an_action(ends=None))
    away_since = present(quiet)
    record(quiet, run, an_action(), an_end("failed"))
    quiet.ask("POST", f"/api/v1/runs/{run}/pin")

    with listening(quiet, f"?run_id={run}&since={away_since}") as socket:
        events = [*up_to(socket, "run_failed"), *up_to(socket, "stats_updated")]

    assert kinds(events) == ["action_updated", "run_failed"]
    assert [event["data"]["is_pinned"] for event in events if event["event_type"] == "stats_updated"] == [True]


def test_a_client_that_returns_with_a_seq_misses_nothing_and_receives_at_most_one_event_twice(quiet: Holder) -> None:
    start, run = present(quiet), a_name("run")
    record(quiet, run, an_action("a1"), an_action("a2"), an_end("completed"))
    with listening(quiet, f"?since={start}") as socket:
        whole = up_to(socket, "run_completed")

    for told in range(len(whole)):
        seq = whole[told - 1]["seq"] if told else start
        with listening(quiet, f"?since={seq}") as socket:
            rest = up_to(socket, "run_completed")
        missed = whole[told:]
        assert len(rest) - len(missed) in (0, 1)
        assert [event["seq"] for event in rest[-len(missed) :]] == [event["seq"] for event in missed]
        assert kinds(rest[-len(missed) :]) == kinds(missed)


def test_who_is_far_behind_or_ahead_reads_everything_anew(quiet: Holder) -> None:
    run = a_name("run")
    for first in range(0, 20_500, 500):
        record(quiet, run, *(an_action(f"a{first + place}") for place in range(500)))

    with listening(quiet, "?since=0") as socket:
        behind = received(socket)

    assert (behind["event_type"], behind["data"], behind["seq"]) == ("resync", {}, present(quiet))


def test_a_deletion_has_everything_read_anew(quiet: Holder) -> None:
    run = a_name("run")
    record(quiet, run, an_action(), an_end("completed"))

    with listening(quiet) as socket:
        quiet.ask("DELETE", f"/api/v1/runs/{run}")

        assert kinds(up_to(socket, "resync")) == ["resync"]


def test_other_events_are_sent_besides_a_deletion(quiet: Holder) -> None:
    start, gone, run = present(quiet), a_name("run"), a_name("run")
    record(quiet, gone, an_action(), an_end("completed"))
    quiet.ask("DELETE", f"/api/v1/runs/{gone}")
    record(quiet, run, an_action(), an_end("completed"))

    with listening(quiet, f"?since={start}") as socket:
        events = up_to(socket, "run_completed")

    assert kinds(events) == ["resync", "run_created", "action_created", "run_completed"]


def test_each_event_has_a_higher_seq_than_the_one_before(quiet: Holder) -> None:
    start, names = present(quiet), [a_name("run") for _ in range(3)]
    assert quiet.ask_json("POST", "/api/dags", a_dag_body(agent_run_id=names[0])).status == 201
    for run in names:
        record(quiet, run, an_action(ends=None))
        record(quiet, run, an_end("failed"), an_action())
    together = [{**an_action(), "run_id": run} for run in (a_name("run"), a_name("run"))]
    record(quiet, names[0], *together, {**an_end("completed"), "run_id": together[0]["run_id"]})

    with listening(quiet, f"?since={start}") as socket:
        seqs = [event["seq"] for event in up_to(socket, "run_completed")]

    assert seqs == sorted(set(seqs))


def test_many_actions_at_once_are_sent_as_their_number(quiet: Holder) -> None:
    run = a_name("run")
    with listening(quiet, f"?run_id={run}") as socket:
        record(quiet, run, *(an_action(f"a{place}") for place in range(60)), an_end("completed"))
        events = up_to(socket, "run_completed")

    assert kinds(events) == ["run_created", "action_created", "run_completed"]
    [many] = (event["data"] for event in events if event["event_type"] == "action_created")
    assert many == {"run_id": run, "agent_id": "ann", "count": 60}


def test_a_stream_of_one_run_has_no_events_of_others(quiet: Holder) -> None:
    run, other = a_name("run"), a_name("run")
    with listening(quiet, f"?run_id={run}") as socket:
        record(quiet, other, an_action(), an_end("completed"))
        record(quiet, run, an_action(), an_end("completed"))
        events = up_to(socket, "run_completed")

    assert {event["data"]["run_id"] for event in events} == {run}


@pytest.mark.parametrize("path", ["/ws/dashboard", "/api/v1/ws/dashboard"])
def test_a_dashboard_receives_events_of_runs_and_not_of_actions(quiet: Holder, path: str) -> None:
    run = a_name("run")
    with listening(quiet, path=path) as socket:
        record(quiet, run, an_action(), an_end("completed"))

        assert kinds(up_to(socket, "run_completed")) == ["run_created", "run_completed"]


def test_an_intervention_is_sent_as_one(quiet: Holder) -> None:
    run = a_name("run")
    told = {
        "run_id": run,
        "timestamp": "2026-03-01T12:00:00+00:00",
        "action_name": "pay",
        "intervention_type": "budget_exceeded",
        "outcome": "blocked",
        "reason": "too dear",
        "estimated_cost": 0.3,
    }
    with listening(quiet) as socket:
        assert quiet.ask_json("POST", "/api/v1/interventions", told).status == 201
        event = up_to(socket, "intervention_created")[-1]

    shown = {name: event["data"][name] for name in ("run_id", "action_name", "intervention_type", "outcome", "reason")}
    assert shown == {name: told[name] for name in shown}
    assert event["data"]["estimated_cost"] == "0.3"


def test_a_page_shows_its_token_in_the_query_or_as_a_subprotocol(quiet: Holder) -> None:
    nobody = Holder(quiet.port, None)
    start, token = present(quiet), quiet.make("viewer").token or ""

    with listening(nobody, f"?since={2**50}&token={token}") as socket:
        assert received(socket)["seq"] == start
    with listening(nobody, f"?since={2**50}", subprotocols=[Subprotocol("titan"), Subprotocol(token)]) as socket:
        assert received(socket)["seq"] == start
        assert socket.subprotocol == "titan"


def test_only_who_may_see_all_is_let_in(admin: Holder, nobody: Holder) -> None:
    job = a_running_job(admin.make("worker"), admin, run=a_name("run"))

    assert refusal(nobody) == refusal(nobody, "?token=titan_000000000000_" + "0" * 64) == 401
    assert refusal(admin.make("worker")) == refusal(job.holder) == 403
    assert refusal(admin, "?unknown=1") == refusal(admin, "?since=-1") == refusal(admin, "?since=x") == 400
    assert refusal(admin, origin="https://evil.example") == 403


def test_revoking_a_token_closes_its_run_streams(quiet: Holder) -> None:
    holder = quiet.make("viewer")
    with listening(holder, f"?since={2**50}") as socket:
        received(socket)
        quiet.ask("POST", f"/api/tokens/{holder.token_id}/revoke")

        with pytest.raises(ConnectionClosed) as closed:
            up_to(socket, "run_failed")

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


def test_a_server_that_ends_says_so_and_goes_on_behind_the_seq_when_it_is_back(tmp_path: Path) -> None:
    with running_titan(tmp_path / "home", offers=(), options=("--require-token",)) as titan:
        holder = Holder(titan.sdk_port, titan.home_token)
        with listening(holder) as socket:
            record(holder, "first", an_action(), an_end("completed"))
            seq = up_to(socket, "run_completed")[-1]["seq"]
            titan.terminate()
            with pytest.raises(ConnectionClosed) as closed:
                up_to(socket, "none of these: the totals of the run may still come")
        titan.start_again()
        record(holder, "second", an_action(), an_end("completed"))

        with listening(holder, f"?since={seq}") as socket:
            events = up_to(socket, "run_completed")

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert kinds(events) == ["run_created", "action_created", "run_completed"]
    assert events[-1]["data"]["run_id"] == "second"


def test_clients_that_read_slowly_cost_the_server_no_memory(tmp_path: Path) -> None:
    with running_titan(tmp_path / "home", offers=(), options=("--require-token",)) as titan:
        holder = Holder(titan.sdk_port, titan.home_token)
        for number in range(9000):
            if number % 500 == 0:
                entries = [
                    {**an_action(f"a{place}", tags=["x" * 100] * 10), "run_id": f"r{place % 500}"}
                    for place in range(number, number + 500)
                ]
                record(holder, "r0", *entries)
        server = psutil.Process(titan.pid)
        since = present(holder) - 19_500
        with listening_slowly(holder, since) as sockets:  # what threads and the store's caches take once
            seqs = [received(sockets[0])["seq"] for _ in range(3000)]
        before = server.memory_info().rss

        with listening_slowly(holder, since):
            wait_until(lambda: server.cpu_percent(interval=0.3) < 20.0, "the server to be idle", seconds=60)
            grown = server.memory_info().rss - before

    assert seqs == sorted(seqs)
    assert grown < 30 * 1024 * 1024  # ten sockets with all their 15 MB each would be 150 MB


@contextmanager
def listening_slowly(holder: Holder, since: int) -> Iterator[list[ClientConnection]]:
    """Open ten sockets, of which each reads nothing but what it is asked for."""
    options: dict[str, Any] = {"max_queue": 1, "ping_interval": None, "close_timeout": 0.1}
    with ExitStack() as stack:
        yield [stack.enter_context(listening(holder, f"?since={since}", **options)) for _ in range(10)]
