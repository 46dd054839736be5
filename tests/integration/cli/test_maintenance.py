"""Keeping house by hand: pin, clean, backup and restore, as typed."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.command_line import CommandLine, run_titan
from tests.support.raw_http import ask
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.submissions import a_dag_body, a_name, submit


def a_run(server: RunningTitan) -> str:
    run_id = a_name("run")
    submit(server.sdk_port, a_dag_body(agent_run_id=run_id))
    return run_id


def test_a_run_is_pinned_and_unpinned(server: RunningTitan, titan: CommandLine) -> None:
    run_id = a_run(server)

    pinned = titan("runs", "edit", run_id, "--pin")
    listed = titan("runs", "--search", run_id)
    as_json = titan("runs", "edit", run_id, "--pin", "--json")
    unpinned = titan("runs", "edit", run_id, "--no-pin")

    assert pinned.text == f"{run_id} is pinned: nothing of it is deleted.\n"
    assert f"{run_id} (pinned)" in listed.text
    assert as_json.document["is_pinned"] is True
    assert unpinned.text == f"{run_id} is not pinned: it is deleted when it is old enough.\n"


def test_a_run_nobody_knows_is_not_found(titan: CommandLine) -> None:
    assert titan("runs", "edit", "nobody", "--pin").exit_code == 3


def test_clean_reports_the_deleted_objects(titan: CommandLine) -> None:
    dry, real = titan("clean", "--dry-run"), titan("clean")
    as_json = titan("clean", "--dry-run", "--json")

    assert dry.lines[0].startswith("Would delete at least: 0 runs, 0 DAGs, 0 jobs")
    assert real.lines[0].startswith("Deleted: 0 runs, 0 DAGs, 0 jobs")
    assert real.lines[1].startswith("The database keeps its size on disk")
    assert as_json.document["is_dry_run"] is True


def test_a_backup_is_written_and_put_back(server: RunningTitan, tmp_path: Path) -> None:
    run_id = a_run(server)

    done = run_titan("backup", str(tmp_path / "copy"), "--home", str(server.home))
    twice = run_titan("backup", str(tmp_path / "copy"), "--home", str(server.home), "--json")
    restored = run_titan("restore", str(tmp_path / "copy"), "--home", str(tmp_path / "again"))
    with running_titan(tmp_path / "again", offers=()) as again:
        found = ask(again.sdk_port, "GET", f"/api/v1/runs/{run_id}")

    assert done.text.startswith(f"Wrote {tmp_path / 'copy'}: the database, ")
    assert (twice.exit_code, twice.document["error"]["type"]) == (5, "InvalidInput")  # type: ignore[index]
    assert restored.text.endswith(f"Start it: titan up --home {tmp_path / 'again'}\n")
    assert found.status == 200


def test_titan_up_and_its_worker_log_json_if_configured(tmp_path: Path) -> None:
    with running_titan(tmp_path / "home", log_format="json") as titan:
        submit(titan.sdk_port, {**a_dag_body(), "name": "unheard"})
        done = run_titan("submit", str(a_script(tmp_path)), "--wait", "--server", f"http://127.0.0.1:{titan.sdk_port}")

    server = [json.loads(line) for line in (tmp_path / "home.log").read_text().splitlines()]
    worker = [json.loads(line) for line in (tmp_path / "home" / "worker" / "worker.log").read_text().splitlines()]
    assert done.exit_code == 1
    assert [line["message"] for line in server if line.get("job_id") and line["level"] == "warning"] != []
    attempts = [line for line in worker if line.get("lease_id")]
    assert [line["message"] for line in attempts] == [
        "attempt 1 of job fails began",
        "attempt 1 of job fails ended: failed",
    ]
    assert attempts[0]["job_id"] == attempts[1]["job_id"]
    assert {line["message"] for line in server if line.get("worker_id")} >= {f"worker {worker_name(server)} joined"}


def a_script(folder: Path) -> Path:
    """Return a script that fails."""
    script = folder / "fails.py"
    script.write_text("raise SystemExit(3)\n")
    return script


def worker_name(lines: list[dict[str, str]]) -> str:
    """Return the name of the worker that joined."""
    (name,) = {line["message"].split()[1] for line in lines if line["message"].endswith("joined")}
    return name
