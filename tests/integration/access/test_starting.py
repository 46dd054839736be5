"""Where a server may be started, with what, and who finds it by itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.forked import run_forked
from tests.support.raw_http import ask
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.sources import PACKAGES
from tests.support.token_holder import Holder
from tests.support.waiting import wait_until
from titan.settings import SWITCHES

ANOTHER_ADDRESS = "127.0.0.2"  # is not one of the three names of loopback, so it is taken for one others reach


def titan(home: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one command on a home."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TITAN_")}
    settings = {**inherited, "PYTHONPATH": PACKAGES, "TITAN_HOME": str(home), **environment}
    return run_forked(*words, env=settings, cwd=home.parent)


def test_an_address_that_others_reach_is_refused_without_a_token_and_names_the_remedy(tmp_path: Path) -> None:
    done = titan(tmp_path / "home", "up", "--host", ANOTHER_ADDRESS, "--port", "0", "--sdk-port", "0", "--no-worker")

    assert done.returncode == 5
    assert "expected a token in the store" in done.stderr
    assert "titan tokens create NAME --home" in done.stderr
    assert not (tmp_path / "home" / "token").exists()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("TITAN_INTERVENTIONS_LEAST", "0", "expected a whole number from 1 to 1,000,000; found '0'"),
        ("TITAN_INTERVENTIONS_RATE", "20 %", "expected a number from 0 to 1, as 0.5; found '20 %'"),
        ("TITAN_INTERVENTIONS_TIMES", "1001", "expected a number from 0 to 1000, as 0.5; found '1001'"),
    ],
)
def test_a_threshold_that_is_none_is_refused_by_name(tmp_path: Path, name: str, value: str, expected: str) -> None:
    done = titan(tmp_path / "home", "up", "--port", "0", "--sdk-port", "0", "--no-worker", **{name: value})

    assert done.returncode == 5
    assert f"setting {name}: {expected}" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_the_first_token_is_made_before_the_first_start(tmp_path: Path) -> None:
    home = tmp_path / "home"
    token = titan(home, "tokens", "create", "laptop").stdout.strip()

    with running_titan(home, offers=(), options=("--host", ANOTHER_ADDRESS)) as running:
        url = f"http://{ANOTHER_ADDRESS}:{running.sdk_port}"
        answers = [
            titan(tmp_path / "elsewhere", "workers", "--server", url, TITAN_TOKEN=shown)
            for shown in (token, "", token[:-1] + ("0" if token[-1] != "0" else "1"))
        ]
        by_the_home = titan(home, "workers")

    assert [answer.returncode for answer in answers] == [0, 5, 5]
    assert "titan tokens create" in answers[1].stderr
    assert by_the_home.returncode == 0, by_the_home.stderr


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_a_token_that_opens_nothing_does_not_count(tmp_path: Path, end: str) -> None:
    home = tmp_path / "home"
    made = json.loads(
        titan(home, "tokens", "create", "x", "--json", *(("--expires", "1ms") if end == "expired" else ())).stdout
    )
    if end == "revoked":
        assert titan(home, "tokens", "revoke", made["token_id"]).returncode == 0

    done = titan(home, "up", "--host", ANOTHER_ADDRESS, "--port", "0", "--sdk-port", "0", "--no-worker")

    assert done.returncode == 5


def test_the_homes_own_token_is_its_owners_alone_and_kept(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running_titan(home, offers=(), options=("--require-token",)) as running:
        first = running.home_token
        mode = (home / "token").stat().st_mode & 0o777
        running.terminate()
        running.start_again()
        second = running.home_token
        holder = Holder(running.sdk_port, second)
        holder.ask("POST", f"/api/tokens/{holder.token_id}/revoke")
        running.terminate()
        running.start_again()
        third = running.home_token

    assert mode == 0o600
    assert first == second != third


def test_a_home_token_alone_opens_no_address_to_others(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running_titan(home, offers=(), options=("--require-token",)):
        pass

    done = titan(home, "up", "--host", ANOTHER_ADDRESS, "--port", "0", "--sdk-port", "0", "--no-worker")

    assert done.returncode == 5


def test_the_local_worker_and_the_jobs_it_runs_are_let_in(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (tmp_path / "put.py").write_text(
        "import os\nfrom titan_sdk import TitanClient\n"
        "TitanClient().store_put('from-the-job', str(sorted(name for name in os.environ if 'TOKEN' in name)))\n"
    )
    with running_titan(home, options=("--require-token",)) as running:
        done = titan(home, "submit", str(tmp_path / "put.py"), "--wait")
        value = Holder(running.sdk_port, running.home_token).ask("GET", "/api/store?key=from-the-job").value["value"]

    assert done.returncode == 0, done.stderr
    assert value == "['TITAN_TOKEN']"


def test_a_worker_that_outlived_an_open_server_works_on_for_one_that_asks_for_tokens(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (tmp_path / "hello.py").write_text("print('hello')\n")
    with running_titan(home) as running:
        wait_until(lambda: connected(running) == 1, "the worker to join")
        running.terminate()
        running.options = ("--require-token",)
        running.start_again()

        done = titan(home, "submit", str(tmp_path / "hello.py"), "--follow")

    assert done.stdout.strip().endswith("hello"), done.stderr


def connected(running: RunningTitan) -> int:
    workers = ask(running.sdk_port, "GET", "/api/workers").value["workers"]
    return sum(worker["state"] == "connected" for worker in workers)


def test_a_worker_from_elsewhere_needs_a_token_that_may_work(tmp_path: Path) -> None:
    home = tmp_path / "home"
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "hello.py").write_text("print('hello')\n")
    with running_titan(home, offers=(), options=("--require-token",)) as running:
        admin = Holder(running.sdk_port, running.home_token)
        url = f"http://127.0.0.1:{running.sdk_port}"
        refused = [
            titan(elsewhere, "workers", "join", url, TITAN_TOKEN=holder.token or "")
            for holder in (Holder(running.sdk_port, None), admin.make("viewer"))
        ]
        worker = a_worker_process(elsewhere, url, admin.make("worker").token or "")
        try:
            done = titan(home, "submit", str(tmp_path / "hello.py"), "--follow")
        finally:
            worker.terminate()
            worker.wait(30)

    assert [each.returncode for each in refused] == [2, 2]
    assert "refuses this worker" in refused[0].stderr
    assert done.stdout.strip().endswith("hello"), done.stderr


def a_worker_process(home: Path, url: str, token: str) -> subprocess.Popen[bytes]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TITAN_")}
    with (home.parent / "worker.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "titan.cli", "workers", "join", url, "--offer", "GENERAL:1"],
            env={**inherited, "PYTHONPATH": PACKAGES, "TITAN_HOME": str(home), "TITAN_TOKEN": token},
            stdout=log,
            stderr=log,
        )


def test_tokens_are_kept_by_the_running_server_or_straight_in_the_store(tmp_path: Path) -> None:
    home = tmp_path / "home"
    offline = json.loads(titan(home, "tokens", "create", "a", "--role", "viewer", "--json").stdout)
    with running_titan(home, offers=()):
        online = json.loads(titan(home, "tokens", "create", "b", "--expires", "30d", "--json").stdout)
        listed_online = json.loads(titan(home, "tokens", "list", "--json").stdout)
    listed_offline = json.loads(titan(home, "tokens", "list", "--json").stdout)
    table = titan(home, "tokens", "list").stdout.splitlines()
    revoked = titan(home, "tokens", "revoke", offline["token_id"])
    unknown = titan(home, "tokens", "revoke", "0" * 12)
    bad_name = titan(home, "tokens", "create", "a\tb")

    assert offline.keys() == online.keys()
    assert listed_online == listed_offline
    assert [token["name"] for token in listed_offline["tokens"]] == ["b", "a"]
    assert [line.split()[1:4] for line in table[1:]] == [["b", "admin", "GOOD"], ["a", "viewer", "GOOD"]]
    assert "Revoked token" in revoked.stdout
    assert unknown.returncode == 3
    assert bad_name.returncode == 5
    assert "REVOKED" in titan(home, "tokens", "list").stdout


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_that_is_neither_on_nor_off_is_refused_by_every_command(tmp_path: Path, name: str) -> None:
    for words in (("up", "--port", "0", "--sdk-port", "0", "--no-worker"), ("doctor",)):
        done = titan(tmp_path / "home", *words, **{name: "maybe"})

        assert done.returncode == 5, words
        assert f"setting {name}: expected 1, true, yes or on, or 0, false, no, off or nothing; found 'maybe'" in (
            " ".join(done.stderr.split())
        )
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("value", "status"), [("0", 200), ("Off", 200), ("1", 401), ("TRUE", 401)])
def test_a_server_needs_a_token_only_where_the_switch_is_on(tmp_path: Path, value: str, status: int) -> None:
    with running_titan(tmp_path / "home", offers=(), environment={"TITAN_REQUIRE_TOKEN": value}) as running:
        assert ask(running.sdk_port, "GET", "/api/health").status == status
