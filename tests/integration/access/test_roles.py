"""Each role may use its routes, and is told which it may not."""

from __future__ import annotations

import json

import pytest

from tests.support.raw_http import request as said_request
from tests.support.raw_http import said
from tests.support.token_holder import Holder
from titan.model.tokens import Role
from titan.rules.access import PERMITTED
from titan.server.http.route import Route
from titan.server.http.table import ROUTES

HOLDABLE = [Role.ADMIN, Role.OWNER, Role.MANAGER, Role.WORKER, Role.VIEWER]


@pytest.fixture(scope="module")
def holders(admin: Holder) -> dict[Role, Holder]:
    return {role: admin.make(role.value) for role in HOLDABLE}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_lets_in_exactly_those_its_permission_names(holders: dict[Role, Holder], route: Route) -> None:
    target = route.path.replace("{", "no-such-").replace("}", "")

    allowed = {role for role, holder in holders.items() if status_of(holder, route.method, target) != 403}

    assert allowed == PERMITTED[route.permission] - {Role.JOB, Role.KEY}


def status_of(holder: Holder, method: str, target: str) -> int:
    """Return the status alone: a stream has no end to wait for."""
    with said(holder.port, said_request(method, target, headers=holder.header)) as connection:
        return int(connection.recv(16).split()[1])


def test_a_refusal_names_the_token_the_permission_and_the_role(holders: dict[Role, Holder]) -> None:
    answer = holders[Role.VIEWER].ask_json("PUT", "/api/store", {"key": "a", "value": "b"})

    assert answer.refusal == (403, "Forbidden")
    assert "token 'token-" in answer.message
    assert "write the shared store" in answer.message
    assert "found viewer" in answer.message


def test_a_request_that_a_role_forbids_changes_nothing(admin: Holder, holders: dict[Role, Holder]) -> None:
    holders[Role.VIEWER].ask_json("PUT", "/api/store", {"key": "untouched", "value": "x"})
    holders[Role.WORKER].ask_json("POST", "/api/tokens", {"name": "made-by-a-worker"})

    assert admin.ask("GET", "/api/store?key=untouched").value["value"] is None
    assert b"made-by-a-worker" not in admin.ask("GET", "/api/tokens").body


def test_an_admin_submits_without_being_taken_for_a_job(admin: Holder) -> None:
    body = {"name": "from-outside", "jobs": [], "scripts": {}}

    answer = admin.ask_json("POST", "/api/dags", body)

    assert answer.refusal == (400, "InvalidDag"), json.dumps(answer.value)
