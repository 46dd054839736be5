"""Organisations: their members, their keys, and that nothing of one reaches another."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from websockets.sync.client import connect

from tests.support.event_stream import events
from tests.support.raw_http import ask, ask_json
from tests.support.replayed import a_call
from tests.support.running_titan import RunningTitan
from tests.support.submissions import a_dag_body, a_name
from tests.support.token_holder import Holder, a_token_name, an_owner

PROJECT = a_name("finance")


@pytest.fixture(scope="module")
def acme(admin: Holder) -> Holder:
    return an_owner(admin)


@pytest.fixture(scope="module")
def zeta(admin: Holder) -> Holder:
    return an_owner(admin)


def organisation_of(holder: Holder) -> str:
    name: str = holder.ask("GET", "/api/session").value["organisation"]
    return name


def test_an_organisation_is_made_once_with_the_token_of_its_owner(admin: Holder) -> None:
    name = a_name("org")

    made, again = (admin.ask_json("POST", "/api/v1/organisations", {"name": name}) for _ in range(2))

    owner = Holder(admin.port, made.value["owner"]["token"])
    assert (made.status, made.value["owner"]["role"], again.status) == (201, "owner", 409)
    assert organisation_of(owner) == name
    of_owner, of_admin = (one.ask("GET", "/api/v1/organisations").value["data"] for one in (owner, admin))
    assert [(one["name"], one["members"]) for one in of_owner] == [(name, 1)]
    assert {"local", name} <= {one["name"] for one in of_admin}


@pytest.mark.parametrize("name", ["", "a b", "x" * 101, "ümlaut"])
def test_a_name_that_is_no_slug_is_refused(admin: Holder, name: str) -> None:
    assert admin.ask_json("POST", "/api/v1/organisations", {"name": name}).refusal == (400, "InvalidInput")


def test_members_may_do_what_their_role_allows(acme: Holder) -> None:
    manager, viewer = acme.make("manager"), acme.make("viewer")

    def may(holder: Holder) -> list[bool]:
        asked: list[Callable[[], int]] = [
            lambda: holder.ask("GET", "/api/v1/runs").status,
            lambda: holder.ask_json("PUT", "/api/store", {"key": "a", "value": "b"}).status,
            lambda: holder.ask("GET", "/api/tokens").status,
            lambda: holder.ask_json("POST", "/api/v1/organisations", {"name": a_name("org")}).status,
        ]
        return [ask() < 400 for ask in asked]

    assert may(acme) == [True, True, True, False]
    assert may(manager) == [True, True, False, False]
    assert may(viewer) == [True, False, False, False]


def test_an_organisation_has_no_token_for_the_server(admin: Holder, acme: Holder) -> None:
    by_owner = acme.ask_json("POST", "/api/tokens", {"name": "a", "role": "admin"})
    organisation = {"organisation": organisation_of(acme)}
    by_admin = admin.ask_json("POST", "/api/tokens", {"name": "a", "role": "admin", **organisation})

    assert by_owner.refusal == (403, "Forbidden")
    assert by_admin.status == 400


def test_an_owner_of_the_server_s_own_organisation_does_not_become_its_admin(admin: Holder) -> None:
    owner = admin.make("owner")

    assert owner.ask_json("POST", "/api/tokens", {"name": "a", "role": "admin"}).refusal == (403, "Forbidden")
    assert owner.ask("GET", "/metrics").status == 403


def test_tokens_are_listed_and_revoked_within_an_organisation(admin: Holder, acme: Holder, zeta: Holder) -> None:
    viewer = acme.make("viewer")
    listed = {one["token_id"]: one for one in acme.ask("GET", "/api/tokens").value["tokens"]}
    query = f"?organisation={organisation_of(acme)}"

    assert listed[viewer.token_id]["organisation"] == organisation_of(acme)
    assert admin.token_id not in listed
    assert viewer.token_id.encode() not in zeta.ask("GET", "/api/tokens").body
    assert viewer.token_id.encode() not in admin.ask("GET", "/api/tokens").body
    assert viewer.token_id.encode() in admin.ask("GET", f"/api/tokens{query}").body
    assert zeta.ask("GET", f"/api/tokens{query}").refusal == (403, "Forbidden")
    refused = zeta.ask("POST", f"/api/tokens/{viewer.token_id}/revoke")
    assert refused.refusal == (404, "UnknownToken")
    assert acme.ask("POST", f"/api/tokens/{viewer.token_id}/revoke").status == 200
    assert viewer.ask("GET", "/api/v1/runs").status == 401


def test_projects_of_one_name_are_several_and_their_menu_lists_one_s_own(
    admin: Holder, acme: Holder, zeta: Holder
) -> None:
    for holder in (admin, acme, zeta):
        body = {"key": "shared", "value": organisation_of(holder)}
        assert holder.ask_json("PUT", f"/api/store?project={PROJECT}", body).status == 200
    only = a_name("project")
    acme.make("viewer", project=only)

    values = [one.ask("GET", f"/api/store?key=shared&project={PROJECT}").value["value"] for one in (admin, acme, zeta)]
    menus = [{one["name"] for one in each.ask("GET", "/api/v1/projects").value["data"]} for each in (admin, acme, zeta)]

    assert values == list(map(organisation_of, (admin, acme, zeta)))
    assert [only in menu for menu in menus] == [False, True, False]
    assert all("default" in menu for menu in menus)
    assert not any("\x1f" in name for menu in menus for name in menu)


def test_an_exporter_that_names_a_project_reports_to_its_own_organisation(acme: Holder, admin: Holder) -> None:
    run, project = a_name("run"), a_name("project")
    call = a_call("a1")
    body = {"run_id": run, "entries": [{**call, "project": project}]}

    assert acme.ask_json("POST", "/api/v1/actions", body).status == 200

    assert acme.ask("GET", f"/api/v1/runs/{run}?project={project}").status == 200
    assert admin.ask("GET", f"/api/v1/runs/{run}?project={project}").status == 404


def test_no_stream_and_no_socket_sends_events_of_another_organisation(
    admin: Holder, acme: Holder, zeta: Holder
) -> None:
    mine, others = a_name("dag"), a_name("dag")
    url = f"ws://127.0.0.1:{acme.port}/api/v1/ws"
    with (
        events(acme.port, headers=acme.header) as stream,
        connect(url, additional_headers=acme.header, proxy=None) as socket,
    ):
        stream.wait_until_connected()
        for holder, name in ((zeta, others), (admin, others), (acme, mine)):
            dag = a_dag_body([{**a_dag_body()["jobs"][0], "id": name}], name=name, agent_run_id=f"run-{name}")
            assert holder.ask_json("POST", "/api/dags", dag).status == 201
        zeta.make("viewer")
        acme.make("viewer")
        heard = stream.until("TokenCreated")
        told: list[dict[str, object]] = []
        while not told or told[-1]["event_type"] != "run_created":
            told.append(json.loads(socket.recv(timeout=20)))

    assert mine in str(heard)
    assert others not in str([heard, told])
    assert sum(event.kind == "TokenCreated" for event in heard) == 1


def test_the_admin_of_the_server_receives_no_token_events_of_other_organisations(admin: Holder, acme: Holder) -> None:
    with events(admin.port, headers=admin.header) as stream:
        stream.wait_until_connected()
        acme.ask_json("POST", "/api/tokens", {"name": "secretly", "role": "viewer"})
        admin.make("viewer")

        assert "secretly" not in str(stream.until("TokenCreated"))


# --- keys ---


def a_key_of(holder: Holder, *scopes: str, **more: object) -> tuple[Holder, dict[str, object]]:
    body = {"name": a_token_name(), "role": "key", "scopes": scopes, **more}
    made = holder.ask_json("POST", "/api/tokens", body)
    assert made.status == 201, made.body
    return Holder(holder.port, made.value["token"]), made.value


def test_a_key_is_shown_once_and_listed_by_its_last_digits(titan: RunningTitan, acme: Holder) -> None:
    key, made = a_key_of(acme, "runs:read", expires_in_days=1)
    text = key.token or ""

    [listed] = [one for one in acme.ask("GET", "/api/tokens").value["tokens"] if one["token_id"] == made["token_id"]]

    assert re.fullmatch("pk_live_[0-9a-f]{40}", text)
    assert (listed["role"], listed["scopes"], listed["last_four"]) == ("key", ["runs:read"], text[-4:])
    assert listed["expires_at"] is not None
    secret = text.removeprefix("pk_live_").encode()
    assert [path for path in titan.home.rglob("*") if path.is_file() and secret in path.read_bytes()] == []


def test_a_key_has_the_rights_of_its_scopes_with_either_header(acme: Holder) -> None:
    reading, managing = a_key_of(acme, "runs:read")[0], a_key_of(acme, "workflows:manage")[0]
    workflow = f"/api/projects/{PROJECT}/workflows/{a_name('w')}"
    body = {"definition": {"world": {"name": "w"}}}

    assert managing.ask_json("PUT", workflow, body).status == 200
    assert managing.ask_json("PUT", workflow, body).status == 200  # who may create may amend
    assert [one.ask("GET", workflow).status for one in (reading, managing)] == [200, 200]
    assert [one.ask("GET", "/api/v1/runs").status for one in (reading, managing)] == [200, 403]
    refused = reading.ask_json("PUT", workflow, body)
    assert refused.refusal == (403, "Forbidden")
    assert "found key with runs:read" in refused.message
    assert "a key with workflows:manage" in refused.message
    by_header = ask(acme.port, "DELETE", workflow, b"", {"X-API-Key": managing.token or ""})
    assert by_header.status == 200  # and delete
    assert ask(acme.port, "GET", "/api/v1/runs", b"", {"X-API-Key": "pk_live_" + "0" * 40}).status == 401


def test_a_key_ends_when_it_is_revoked_and_signs_nobody_in(acme: Holder, nobody: Holder) -> None:
    key, made = a_key_of(acme, "runs:read")

    assert ask_json(nobody.port, "POST", "/api/session", {"token": key.token}).status == 401
    assert key.ask("GET", "/api/v1/runs").status == 200
    assert acme.ask("POST", f"/api/tokens/{made['token_id']}/revoke").status == 200
    assert key.ask("GET", "/api/v1/runs").status == 401


@pytest.mark.parametrize(
    "fields", [{"role": "key"}, {"role": "viewer", "scopes": ["runs:read"]}, {"role": "key", "scopes": ["x"]}]
)
def test_scopes_and_keys_go_together(acme: Holder, fields: dict[str, object]) -> None:
    assert acme.ask_json("POST", "/api/tokens", {"name": "a", **fields}).status == 400


def test_a_key_of_a_project_sees_no_other(acme: Holder) -> None:
    key, _ = a_key_of(acme, "runs:read", project=PROJECT)

    assert key.ask("GET", "/api/v1/runs").status == 200
    assert key.ask("GET", "/api/v1/runs?project=other").refusal == (403, "Forbidden")


def test_the_server_s_own_machine_and_networks_are_asked_for_its_own_organisation_alone(
    admin: Holder, acme: Holder
) -> None:
    here = {"kind": "http", "url": "http://127.0.0.1:1/", "allow_loopback": True}
    name = a_name("here")
    world = {"world": {"name": "w"}}
    asked: list[tuple[str, str, dict[str, object]]] = [
        ("PUT", f"/api/projects/{PROJECT}/agents/{name}", {"definition": here}),
        ("PUT", f"/api/projects/{PROJECT}/endpoints/{name}", {"definition": here}),
        (
            "POST",
            f"/api/projects/{PROJECT}/apply",
            {"workflow": name, "definition": world, "agents": {name: here}, "endpoints": {}, "tasks": []},
        ),
    ]

    refused = [acme.ask_json(method, path, body).refusal for method, path, body in asked]
    done = [admin.ask_json(method, path, body).status for method, path, body in asked]

    assert refused == [(403, "Forbidden")] * 3
    assert done == [200] * 3
