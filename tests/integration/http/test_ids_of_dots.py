"""Ids that a browser or an HTTP client would take for a way up the path are known by ones that it leaves alone."""

from urllib.parse import quote

import pytest

from tests.support.raw_http import ask, ask_json
from tests.support.submissions import a_name


@pytest.mark.parametrize(("told", "known"), [(".", "․"), ("..", "‥")])
def test_a_run_of_dots_can_be_opened_by_the_id_that_lists_show(port: int, told: str, known: str) -> None:
    name = a_name("dots")
    entry = {"type": "action", "id": told, "name": name, "started_at_ns": 10**18, "ended_at_ns": 10**18 + 1}

    accepted = ask_json(port, "POST", "/api/v1/actions", {"run_id": told, "agent_id": told, "entries": [entry]})
    [listed] = ask(port, "GET", f"/api/v1/ledger?action_name={name}").value["data"]
    path = f"/api/v1/runs/{quote(listed['run_id'])}"

    assert accepted.status == 200
    assert (listed["run_id"], listed["id"]) == (known, known)
    assert ask(port, "GET", path).value["run_id"] == known
    assert ask(port, "GET", f"{path}/actions/{quote(known)}").status == 200
    assert ask(port, "GET", f"/api/v1/agents/{quote(known)}/stats").status == 200
    assert ask(port, "GET", f"/api/v1/runs/{told.replace('.', '%2E')}").value["run_id"] == known
