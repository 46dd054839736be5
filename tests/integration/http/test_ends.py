"""The door by which people and programs say how a recorded run ended."""

from __future__ import annotations

from tests.support.raw_http import ask, ask_json
from tests.support.submissions import a_name

AT_NS = 1_772_366_400_000_000_000


def a_run(port: int) -> str:
    """Return the path of a run with one call."""
    run = a_name("run")
    told = {"type": "action", "id": "a1", "name": "search", "started_at_ns": AT_NS, "ended_at_ns": AT_NS + 10**9}
    assert ask_json(port, "POST", "/api/v1/actions", {"run_id": run, "entries": [told]}).status == 200
    return f"/api/v1/runs/{run}"


def test_the_first_reported_end_of_a_run_holds(port: int) -> None:
    path = a_run(port)
    first = ask_json(port, "POST", f"{path}/end", {"status": "completed"})
    before = ask(port, "GET", path).value

    other = ask_json(port, "POST", f"{path}/end", {"status": "failed", "error": "no"})
    same = ask_json(port, "POST", f"{path}/end", {"status": "completed"})

    assert other.refusal == (409, "Conflict")
    assert "completed. A reported end cannot be changed." in other.body.decode()
    assert same.value == first.value
    assert ask(port, "GET", path).value == before


def test_a_run_that_continues_after_its_end_may_be_ended_again(port: int) -> None:
    path = a_run(port)
    ended = ask_json(port, "POST", f"{path}/end", {"status": "completed"}).value["ended_at"]
    later = {"type": "action", "id": "a2", "name": "more", "started_at_ns": AT_NS + 10**18}
    ask_json(port, "POST", "/api/v1/actions", {"run_id": path.rpartition("/")[2], "entries": [later]})

    again = ask_json(port, "POST", f"{path}/end", {"status": "failed", "error": "kill -9"}).value

    assert (again["status"], again["reason"], again["ended_at"] > ended) == ("failed", "kill -9", True)
