"""An administrator sees what the server runs with, and nobody sees a secret."""

from __future__ import annotations

from pathlib import Path

from tests.support.postgres import a_database
from tests.support.raw_http import ask
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.token_holder import Holder


def test_an_administrator_sees_the_settings_of_the_server(titan: RunningTitan, admin: Holder) -> None:
    view = admin.ask("GET", "/api/settings").value

    assert view["home"] == str(titan.home.resolve())
    assert view["store"]["kind"] == "sqlite"
    assert (view["needs_token"], view["is_encrypted"], view["runs_local_workers"]) == (True, False, False)
    assert view["urls"][-1] == f"http://127.0.0.1:{titan.sdk_port}"
    told = [*view["retention"], *view["limits"], *view["thresholds"]]
    rules = {rule["name"]: (rule["value"], rule["unit"]) for rule in told}
    assert rules["TITAN_KEEP_RUNS_DAYS"] == (90, "days")
    assert rules["TITAN_KEEP_FILES_DAYS"] == (0, "days")
    assert rules["TITAN_MAX_FILE_BYTES"] == (1073741824, "bytes")
    assert rules["TITAN_MAX_LOG_BYTES"] == (100000000, "bytes")
    assert rules["TITAN_INTERVENTIONS_LEAST"] == (3, "actions")
    assert rules["TITAN_INTERVENTIONS_RATE"] == (0.2, "share")
    assert rules["TITAN_INTERVENTIONS_TIMES"] == (3, "times")


def test_nobody_else_does(admin: Holder) -> None:
    for role in ("viewer", "worker"):
        assert admin.make(role).ask("GET", "/api/settings").refusal == (403, "Forbidden")


def test_no_password_and_no_secret_address_is_shown(tmp_path: Path) -> None:
    environment = {
        "TITAN_NOTIFY": "http://127.0.0.1:9/hook/TOPSECRET?token=TOPSECRET",
        "TITAN_NOTIFY_SECRET": "TOPSECRET",
    }
    with a_database() as url:
        secret_url = url.replace("titan@", "titan:TOPSECRET@", 1)
        with running_titan(tmp_path / "home", offers=(), store=secret_url, environment=environment) as titan:
            answer = ask(titan.sdk_port, "GET", "/api/settings")

    assert answer.value["store"]["kind"] == "postgresql"
    assert len(answer.value["notifications"]) == 1
    assert b"TOPSECRET" not in answer.body
