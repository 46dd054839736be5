"""Every route says who may ask, and no route says more than it means."""

from titan.model.tokens import Role
from titan.rules.access import LIMITED_FOR_JOBS, OF_ALL_PROJECTS, PERMITTED, RECORDS, Permission
from titan.server.http.access import PROBES, SESSION_PATH
from titan.server.http.table import ROUTES, SOCKETS

CHANGES = {
    *(Permission.CHANGE_WORK, Permission.SUBMIT, Permission.SET_RESULT, Permission.DECIDE),
    *(Permission.WRITE_SHARED, Permission.WORK, Permission.ADMINISTER, Permission.RECORD),
    *(Permission.DELIVER, Permission.ASK_MODEL, Permission.OPERATE, Permission.REPLAY, Permission.EVALUATE),
    Permission.CURATE,
}
#: Signing in, and out, changes nothing but who one is; what acts in a world shows the token of an agent run.
WITHOUT_TOKEN = (Permission.PROBE, Permission.SIGN_IN, Permission.ACT)
AFTER_SIGN_IN = [route for route in ROUTES if route.permission not in WITHOUT_TOKEN]
#: Parts of a path that titan.server.http.authorization knows how to look up for a job.
KNOWN_PARTS = ("{job}", "{gate}", "{dag}", "{run}")


def test_a_viewer_can_only_get() -> None:
    open_to_viewers = [route for route in AFTER_SIGN_IN if Role.VIEWER in PERMITTED[route.permission]]

    assert {route.method for route in open_to_viewers} == {"GET"}


def test_a_changing_route_never_needs_only_a_read_permission() -> None:
    changing = [route for route in AFTER_SIGN_IN if route.method != "GET"]

    assert {route.permission for route in changing} <= CHANGES


def test_a_worker_can_use_its_own_routes_and_fetch_content_and_nothing_that_changes_runs() -> None:
    open_to_workers = {route.path for route in AFTER_SIGN_IN if Role.WORKER in PERMITTED[route.permission]}

    assert {path for path in open_to_workers if not path.startswith("/api/workers")} == {
        "/api/health",
        "/api/blobs/{digest}",
        "/api/v1/actions",  # of the attempt that it names alone
        "/metrics",
    }


def test_the_owner_of_a_job_limited_route_is_in_its_path_or_query() -> None:
    asked = [(route.path, route.query, route.permission) for route in ROUTES]
    asked += [(route.path, route.query, route.permission) for route in SOCKETS]
    limited = [(path, query) for path, query, permission in asked if permission in LIMITED_FOR_JOBS]

    unfindable = [
        path
        for path, query in limited
        if not any(part in path for part in KNOWN_PARTS) and not {"run", "dag"} & set(query.__struct_fields__)
    ]

    assert unfindable == []


def test_no_job_handles_tokens_or_acts_as_a_worker() -> None:
    open_to_jobs = {route.path for route in ROUTES if Role.JOB in PERMITTED[route.permission]}

    assert not [path for path in open_to_jobs if path.startswith(("/api/tokens", "/api/workers"))]


def test_no_job_decides_the_gate_that_holds_it() -> None:
    deciding = {route.permission for route in ROUTES if route.path.endswith(("/approve", "/reject"))}

    assert deciding == {Permission.DECIDE}
    assert Role.JOB not in PERMITTED[Permission.DECIDE]


def test_who_has_no_token_can_sign_in_and_nothing_else() -> None:
    signing_in = [route.path for route in ROUTES if route.permission is Permission.SIGN_IN]

    assert set(signing_in) == {SESSION_PATH}
    assert {route.path for route in ROUTES if route.permission is Permission.PROBE} == PROBES


def test_no_token_of_a_project_looks_after_workers_or_the_server() -> None:
    concerning_all = {route.path for route in ROUTES if route.permission in OF_ALL_PROJECTS}
    of_workers = {route.path for route in ROUTES if route.path.startswith("/api/workers/")}

    assert concerning_all == of_workers | {"/metrics", "/api/settings", "/api/clean", "/api/v1/organisations"}


def test_only_recording_routes_take_the_project_of_their_token() -> None:
    assert not RECORDS & LIMITED_FOR_JOBS
    assert {route.method for route in ROUTES if route.permission in RECORDS} == {"POST"}
