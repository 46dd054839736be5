"""The determinism of a run over HTTP: predicted and measured, what people accept, lists, versions, the report."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.support.raw_http import ask, ask_json
from tests.support.submissions import NOBODY, a_name
from tests.support.waiting import wait_until
from titan_sdk import TitanClient, TitanJob

AT_NS = 1_735_396_200_000_000_000  # 2024-12-28T14:30:00Z
KEY = "timestamp:generate_report:outputs:$.generated_at"

AGENT = """
from datetime import UTC, datetime

from titan_sdk import action


@action
def generate_report(topic):
    return {"topic": topic, "at": datetime.now(UTC).isoformat()}


generate_report("agents")
"""


def a_run(port: int, *, agent: str, at_ns: int = AT_NS, **outputs: object) -> str:
    """Record a run of one call that has ended; return its id."""
    run_id = a_name("run")
    call = {"type": "action", "kind": "call", "started_at_ns": at_ns, "ended_at_ns": at_ns, "outcome": "success"}
    entries = [
        {"type": "run", "at_ns": at_ns, "agent_id": agent},
        {**call, "id": "a1", "name": "generate_report", **outputs},
        {"type": "run", "at_ns": at_ns + 1, "end": "completed"},
    ]
    answer = ask_json(port, "POST", "/api/v1/actions", {"run_id": run_id, "entries": entries})
    assert answer.status == 200, answer.body
    return run_id


def determinism(port: int, run: str) -> dict[str, Any]:
    found: dict[str, Any] = ask(port, "GET", f"/api/v1/runs/{run}/determinism").value
    return found


def listed(port: int, agent: str, more: str = "") -> list[tuple[str, int | None]]:
    runs = ask(port, "GET", f"/api/v1/runs?window=all&agent_id={agent}{more}").value["data"]
    return [(run["run_id"], run["determinism"]) for run in runs]


def test_the_example_of_the_seed(port: int) -> None:
    run = a_run(port, agent=a_name("agent"), outputs={"generated_at": "2024-12-28T14:30:00Z"})

    found = determinism(port, run)

    assert (found["score"], found["band"], found["source"]) == (40, "highly_non_deterministic", "predicted")
    assert (found["measured"], found["unavailable"]) == (None, None)
    [issue] = found["issues"]
    assert (issue["title"], issue["action_name"], issue["severity"]) == (
        "Timestamp in output",
        "generate_report",
        "high",
    )
    assert issue["description"] == (
        'Output contains current timestamp ("2024-12-28T14:30:00Z") which will differ on replay.'
    )
    assert issue["recommendation"]["text"] == "Pass timestamp as input parameter instead."
    assert issue["recommendation"]["docs"] == "/help/determinism#timestamp"


def test_a_run_without_content_or_calls_has_no_score(port: int) -> None:
    bare = a_run(port, agent=a_name("agent"))
    empty = a_name("run")
    ended = {"type": "run", "at_ns": AT_NS, "end": "completed"}
    ask_json(port, "POST", "/api/v1/actions", {"run_id": empty, "entries": [ended]})

    assert [determinism(port, run)["unavailable"] for run in (bare, empty)] == ["outputs_missing", "no_calls"]
    assert determinism(port, bare)["score"] is None
    assert ask(port, "GET", "/api/v1/runs/nowhere/determinism").refusal == (404, "UnknownRun")


def test_an_accepted_issue_counts_in_no_run_of_the_agent_until_that_is_withdrawn(port: int) -> None:
    agent = a_name("agent")
    run, other = (a_run(port, agent=agent, outputs={"generated_at": "2024-12-28T14:30:00Z"}) for _ in range(2))
    path = f"/api/v1/runs/{run}/determinism/accepted/{quote(KEY, safe='')}"
    wait_until(lambda: {score for _, score in listed(port, agent)} == {40}, "the scores of both runs")
    assert len(listed(port, agent, "&determinism_below=70&sort=determinism")) == 2

    accepted = ask_json(port, "PUT", path, {"reason": "only a log"})

    assert accepted.status == 200
    assert accepted.value["reason"] == "only a log"
    found = determinism(port, other)
    assert (found["score"], found["issues"][0]["accepted"]) == (100, accepted.value)
    wait_until(lambda: {score for _, score in listed(port, agent)} == {100}, "new scores of both runs")
    assert ask(port, "DELETE", path).status == 200
    assert determinism(port, run)["score"] == 40
    assert ask(port, "DELETE", path).refusal == (404, "UnknownIssue")


def test_an_unknown_issue_of_the_run_is_not_accepted(port: int) -> None:
    run = a_run(port, agent=a_name("agent"), inputs={}, outputs="done")

    refused = ask_json(port, "PUT", f"/api/v1/runs/{run}/determinism/accepted/none", {"reason": "no"})
    unexplained = ask_json(port, "PUT", f"/api/v1/runs/{run}/determinism/accepted/none", {"reason": ""})

    assert refused.refusal == (404, "UnknownIssue")
    assert unexplained.refusal == (400, "InvalidInput")


def test_the_script_of_a_job_gives_the_line_and_the_line_rewritten(port: int, tmp_path: Path) -> None:
    program = tmp_path / "report.py"
    program.write_text(AGENT, "utf-8")
    run = a_run(port, agent=a_name("agent"), outputs={"at": "2024-12-28T14:30:00Z"})
    client = TitanClient("127.0.0.1", port, announce=lambda _: None)
    client.submit_dag("report", [TitanJob("report", str(program))], agent_run_id=run)

    [issue] = determinism(port, run)["issues"]
    assert issue["code"] == {"file": "report.py", "line": 9, "function": "generate_report"}
    assert issue["recommendation"]["after"].startswith("def generate_report(topic, *, as_of):\n    return {")
    assert "as_of.isoformat()" in issue["recommendation"]["after"]


# --- measured ---


def measure(port: int, run: str, *, score: int, executions: int = 5, changes: tuple[str, ...] = ()) -> None:
    """Report what several executions of a run's program showed, as `titan replay` does."""
    execution = {"command": "python <agent>.py", "score": score, "executions": executions, "differing": 1}
    report = {
        "metrics": {"calls": 1, "divergences": 0, "match_rate": 1.0},
        "comparison": {"verdict": "the same as recorded", "divergences": [], "rows": [], "has_more_rows": False},
        "re_execution": {**execution, "cause": None, "statement": None, "changes": list(changes)},
    }
    answer = ask_json(port, "POST", f"/api/v1/runs/{run}/replays", {"level": "re_execute", "report": report})
    assert answer.status == 202, answer.body


def test_a_measured_score_counts_if_lower_and_is_shown_beside_the_predicted_one(port: int) -> None:
    agent = a_name("agent")
    run = a_run(port, agent=agent, inputs={}, outputs="done")
    wait_until(lambda: listed(port, agent) == [(run, 100)], "the predicted score")
    measure(port, run, score=20, executions=1)  # one execution says nothing

    measure(port, run, score=60)

    found = determinism(port, run)
    assert (found["score"], found["band"], found["source"]) == (60, "low_determinism", "measured")
    assert found["predicted"]["score"] == 100
    measured = found["measured"]
    assert (measured["score"], measured["executions"], measured["interval"]) == (60, 5, {"low": 23, "high": 88})
    assert (measured["counts"], measured["command"]) == (True, "python <agent>.py")
    wait_until(lambda: listed(port, agent) == [(run, 60)], "the measured score")
    assert listed(port, agent, "&determinism_below=70") == [(run, 60)]


def test_a_measurement_of_other_code_is_shown_and_does_not_count(port: int) -> None:
    run = a_run(port, agent=a_name("agent"), inputs={}, outputs="done")
    measure(port, run, score=20, changes=("the code differs from the recording's in agent.py",))

    found = determinism(port, run)

    assert (found["score"], found["source"], found["measured"]["counts"]) == (100, "predicted", False)
    measure(port, run, score=90)
    measure(port, run, score=10, changes=("packages differ from the recording's: a 1 → 2",))
    assert determinism(port, run)["measured"]["score"] == 90, "that of the recorded program stands first"


# --- the program that a run reports ---


def test_reported_code_gives_the_line_and_distinguishes_versions(port: int) -> None:
    agent = a_name("agent")
    old = [a_program(port, agent, AGENT) for _ in range(3)]
    mended = AGENT.replace("datetime.now(UTC).isoformat()", "topic")
    new = [a_program(port, agent, mended, at_ns=AT_NS + 1_000_000) for _ in range(3)]
    wait_until(lambda: all(score is not None for _, score in listed(port, agent)), "all scores")

    [issue] = determinism(port, old[0])["issues"]
    found = ask(port, "GET", f"/api/v1/agents/{agent}/versions").value

    assert issue["code"] == {"file": "report.py", "line": 9, "function": "generate_report"}
    digests = {ask(port, "GET", f"/api/v1/runs/{run}").value["code_digest"]: None for run in (*new, *old)}
    assert [one["digest"] for one in found["data"]] == list(digests)
    assert [(one["runs"], one["mean"], one["interval"]) for one in found["data"]] == [
        (3, 100.0, {"low": 100.0, "high": 100.0}),
        (3, 40.0, {"low": 40.0, "high": 40.0}),
    ]
    assert (found["difference"]["verdict"], found["difference"]["change"]) == ("up", 60.0)
    first, second = digests
    back = ask(port, "GET", f"/api/v1/agents/{agent}/versions?before={first[:12]}&after={second}").value
    assert (back["difference"]["before"], back["difference"]["verdict"]) == (first, "down")
    assert ask(port, "GET", f"/api/v1/agents/{agent}/versions?before=none").refusal == (400, "InvalidInput")
    assert ask(port, "GET", "/api/v1/agents/nobody/versions").refusal == (404, "UnknownAgent")


def a_program(port: int, agent: str, source: str, *, at_ns: int = AT_NS) -> str:
    """Record a run of one call whose program reports its code; return its id."""
    at = "2024-12-28T14:30:00Z" if "now" in source else "none"
    run = a_run(port, agent=agent, at_ns=at_ns, inputs={"topic": "agents"}, outputs={"at": at})
    digest = hashlib.sha256(source.encode()).hexdigest()
    told = {
        "type": "run",
        "at_ns": at_ns,
        "process": {"command": ["python", "report.py"], "script": "report.py"},
        "program": {
            "interpreter": "CPython 3.11.7",
            "packages": {"httpx": "0.28"},
            "files": [{"path": "report.py", "sha256": digest, "text": source}],
        },
    }
    answer = ask_json(port, "POST", "/api/v1/actions", {"run_id": run, "entries": [told]})
    assert answer.status == 200, answer.body
    end = {"type": "run", "at_ns": at_ns + 2, "end": "completed"}
    ask_json(port, "POST", "/api/v1/actions", {"run_id": run, "entries": [end]})
    return run


# --- the report ---


def test_the_report_has_all_that_shows_how_far_a_run_can_be_repeated(port: int) -> None:
    run = a_program(port, a_name("agent"), AGENT)
    key = quote("timestamp:generate_report:outputs:$.at", safe="")
    ask_json(port, "PUT", f"/api/v1/runs/{run}/determinism/accepted/{key}", {"reason": "a <b>log</b>"})
    measure(port, run, score=60)

    answer = ask(port, "GET", f"/api/v1/runs/{run}/determinism/report?format=json")

    report = answer.value
    assert (report["run"]["run_id"], report["integrity"]["verified"]) == (run, True)
    assert (report["determinism"]["score"], report["determinism"]["source"]) == (60, "measured")
    assert report["determinism"]["issues"][0]["accepted"]["reason"] == "a <b>log</b>"
    [replay] = report["replays"]
    assert (replay["replay"]["level"], replay["result"]["comparison"]["verdict"]) == (
        "re_execute",
        "the same as recorded",
    )
    assert replay["result"]["comparison"]["rows"] == []
    [program] = report["programs"]
    assert (program["interpreter"], program["packages"]) == ("CPython 3.11.7", {"httpx": "0.28"})
    assert list(program["files"]) == ["report.py"]
    assert len(report["code_digest"]) == 64


def test_the_report_is_one_standalone_page_and_escapes_recorded_text(port: int) -> None:
    run = a_program(port, a_name("agent"), AGENT)
    key = quote("timestamp:generate_report:outputs:$.at", safe="")
    ask_json(port, "PUT", f"/api/v1/runs/{run}/determinism/accepted/{key}", {"reason": "a <b>log</b>"})
    measure(port, run, score=60)

    answer = ask(port, "GET", f"/api/v1/runs/{run}/determinism/report")

    page = answer.body.decode()
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-disposition"] == f'attachment; filename="reproducibility-{run}.html"'
    assert "a &lt;b&gt;log&lt;/b&gt;" in page
    assert "python &lt;agent&gt;.py" in page
    assert not re.search(r"<script|<b>|<agent>|https?://|src=|url\(", page)
    for said in ("✓ Verified", "60 of 100 in 5 executions, 95 % interval 23–88", "may miss issues", "CPython 3.11.7"):
        assert said in page
    assert ask(port, "GET", "/api/v1/runs/nobody/determinism/report").refusal == (404, "UnknownRun")
    assert ask(port, "GET", f"/api/v1/runs/{run}/determinism/report?format=pdf").refusal == (400, "InvalidInput")


def test_an_archive_that_cannot_be_read_harms_nobody_who_looks_at_its_run(port: int) -> None:
    archive, name, run_id = io.BytesIO(), f"{a_name('damaged')}.zip", a_name("run")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.py", "import time\n" * 500)
    content = bytearray(archive.getvalue())
    content[34:44] = b"\xff" * 10
    job = {"id": "a", "filename": "a.py", "archive": name, "requirement": NOBODY}
    assert ask(port, "PUT", f"/api/files/{name}", bytes(content)).status == 201
    submitted = ask_json(port, "POST", "/api/dags", {"name": "damaged", "agent_run_id": run_id, "jobs": [job]})
    assert submitted.status == 201, submitted.value

    found = ask_json(port, "GET", f"/api/v1/runs/{run_id}/determinism")

    assert (found.status, found.value["unavailable"]) == (200, "no_calls")
