"""The code of a run: what its program reported of itself, and the stored scripts of its jobs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tests.support.raw_http import ask, ask_json, given
from tests.support.replayed import AT_NS, a_call, record
from tests.support.running_titan import Two, running_titan
from tests.support.submissions import a_dag_body, a_job_body, a_name, submit

TEXT = "import helper\nprint(helper.answer)\n"
PROCESS = {"command": ["/usr/bin/python3", "agent.py", "--fast"], "script": "agent.py", "folder": "agents"}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def a_program(text: str = TEXT, **packages: str) -> dict[str, Any]:
    file = {"path": "agent.py", "sha256": digest(text), "size_bytes": len(text), "text": text}
    return {"interpreter": "CPython 3.11.7", "packages": packages, "files": [file]}


def tell(port: int, run: str, program: dict[str, Any], **process: str) -> dict[str, int]:
    """Report a process of a run; return what was stored of it."""
    entry = {"type": "run", "at_ns": AT_NS, "run_id": run, "process": PROCESS | process, "program": program}
    stored: dict[str, int] = ask_json(port, "POST", "/api/v1/actions", {"entries": [entry]}).value
    return stored


def code_of(port: int, run: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = given(port, f"/api/v1/runs/{run}/code")["data"]
    return found


def test_a_run_shows_the_code_that_its_program_reported(two: Two) -> None:
    run = a_name("coded")
    record(two.source, run, a_call("a1"))

    first, again = (tell(two.source, run, a_program(httpx="0.28")) for _ in range(2))

    assert (first["stored"], again["repeated"]) == (1, 1)
    [view] = code_of(two.source, run)
    assert view == {
        **PROCESS,
        "job_id": None,
        "interpreter": "CPython 3.11.7",
        "packages": {"httpx": "0.28"},
        "files": [{"path": "agent.py", "sha256": digest(TEXT), "text": TEXT, "is_redacted": False}],
        "archive": None,
        "left_out": None,
    }
    assert not given(two.source, f"/api/v1/runs/{run}")["has_details"]
    assert given(two.source, f"/api/v1/runs/{run}/chain")["verified"]


def test_a_secret_in_the_code_is_not_stored_and_the_file_says_so(two: Two) -> None:
    run = a_name("secret")
    tell(two.source, run, a_program('KEY = "AKIAIOSFODNN7EXAMPLF"\n'), folder="AKIAIOSFODNN7EXAMPLF")

    [view] = code_of(two.source, run)

    assert "AKIA" not in json.dumps(view)
    assert [file["is_redacted"] for file in view["files"]] == [True]


def test_an_import_of_an_export_has_the_same_code(two: Two) -> None:
    run = a_name("moved")
    record(two.source, run, a_call("a1"))
    tell(two.source, run, a_program(httpx="0.28"))
    tell(two.source, run, a_program("print(2)\n"))
    exported = ask(two.source, "GET", f"/api/v1/runs/export?format=jsonl&run_id={run}").body

    first = ask(two.target, "POST", "/api/v1/import", exported).value
    again = ask(two.target, "POST", "/api/v1/import", exported).value

    assert code_of(two.target, run) == code_of(two.source, run)
    assert (first["repeated"], again["stored"]) == (0, 0)


def test_a_run_without_content_keeps_no_code(tmp_path: Path) -> None:
    with running_titan(tmp_path / "home", offers=(), environment={"TITAN_RECORD_BODIES": "no"}) as titan:
        tell(titan.sdk_port, "R_1", a_program())

        assert code_of(titan.sdk_port, "R_1") == []
        assert not any("helper.answer" in path.read_text("latin-1") for path in titan.home.rglob("*") if path.is_file())


def test_the_code_of_a_deleted_run_leaves_no_byte_and_another_run_keeps_its_own(tmp_path: Path) -> None:
    with running_titan(tmp_path / "home", offers=()) as titan:
        for run in ("R_1", "R_2"):
            record(titan.sdk_port, run, a_call("a1"))
            tell(titan.sdk_port, run, a_program())
            ask_json(titan.sdk_port, "POST", f"/api/v1/runs/{run}/end", {"status": "completed"})
        blobs = [path for path in titan.home.rglob("*") if path.is_file() and b"helper.answer" in path.read_bytes()]

        assert ask(titan.sdk_port, "DELETE", "/api/v1/runs/R_1").status == 200
        [kept] = code_of(titan.sdk_port, "R_2")
        ask(titan.sdk_port, "DELETE", "/api/v1/runs/R_2")

        assert len(blobs) == 1
        assert kept["files"][0]["text"] == TEXT
        assert not blobs[0].exists()


def test_a_job_of_a_run_is_shown_with_its_stored_script(two: Two) -> None:
    run = a_name("staged")
    body = a_dag_body([a_job_body("collect", args=["--deep"])], agent_run_id=run)
    submit(two.source, body)
    job_id = given(two.source, f"/api/v1/runs/{run}")["stages"][0]["jobs"][0]["job_id"]
    tell(two.source, run, a_program("print(1)\n", httpx="0.28"), job_id=job_id)

    [view] = code_of(two.source, run)

    assert (view["job_id"], view["packages"]) == (job_id, {"httpx": "0.28"})
    assert (view["command"], view["script"], view["left_out"]) == ([view["script"], "--deep"], view["script"], None)
    own, reported = view["files"]
    assert (own["path"], digest(own["text"])) == (view["script"], own["sha256"])
    assert reported["path"] == "agent.py"
