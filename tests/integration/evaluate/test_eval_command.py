"""`titan eval` against a running server."""

import csv
import json
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, run_titan
from tests.support.evaluations import AGENT
from tests.support.raw_http import given
from tests.unit.world.a_shop import DEFINITION

CANCEL = 'return call("cancel_order", order_id=task["input"]["input"]["order"])["order_id"]'
SUITE = """
workflow: NAME
world: world.json
agents:
  careful: {kind: python, file: careful.py}
  idle: {kind: python, file: idle.py}
tasks:
  - id: cancel-1
    odyssey_seed: {user_instruction: "Cancel O1.", current_state: {order: O1}}
    scorers: [{type: flag_set, flag: "order_cancelled:O1"}]
  - id: leave-2
    odyssey_seed: {user_instruction: "Leave it.", current_state: {order: O2}}
    scorers: [{type: reference_calls, calls: []}]
"""


@pytest.fixture
def typed(port: int) -> CommandLine:
    """`titan` with the shared server."""
    return CommandLine(f"http://127.0.0.1:{port}")


@pytest.fixture
def suite(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The folder of a suite whose workflow has the test's name."""
    name = request.node.name.replace("_", "-")[:60]
    (tmp_path / "suite.yaml").write_text(SUITE.replace("NAME", name), "utf-8")
    (tmp_path / "world.json").write_text(json.dumps(DEFINITION), "utf-8")
    (tmp_path / "careful.py").write_text(AGENT.replace("BODY", CANCEL), "utf-8")
    (tmp_path / "idle.py").write_text(AGENT.replace("BODY", 'return "done"'), "utf-8")
    return tmp_path


def workflow(suite: Path) -> str:
    """The name of the suite's workflow."""
    return (suite / "suite.yaml").read_text("utf-8").splitlines()[1].removeprefix("workflow: ")


def test_it_shows_who_failed_where_and_why_and_writes_it(typed: CommandLine, suite: Path, tmp_path: Path) -> None:
    files = {kind: tmp_path / f"out.{kind}" for kind in ("csv", "jsonl", "junit")}

    done = typed("eval", str(suite), *(word for kind, path in files.items() for word in (f"--{kind}", str(path))))

    assert done.exit_code == 0
    assert "4 of 4 agent runs have ended: 2 passed, 2 failed" in done.stderr
    # The tool refuses to cancel O2, and the agent has no answer for that: it raises.
    assert [line.split()[:4] for line in done.lines[1:3]] == [["careful", "1", "of", "2"], ["idle", "1", "of", "2"]]
    at = done.lines.index("idle: hallucinated_result, 1 run")
    assert done.lines[at + 1] == "  cancel-1  the flag 'order_cancelled:O1' is not set"
    rows = list(csv.DictReader(files["csv"].read_text("utf-8").splitlines()))
    assert sorted((row["task_id"], row["field"], row["verdict"]) for row in rows) == [
        ("cancel-1", "careful", "PASS"),
        ("cancel-1", "idle", "FAIL"),
        ("leave-2", "careful", "PENDING"),
        ("leave-2", "idle", "PASS"),
    ]
    assert len(files["jsonl"].read_text("utf-8").splitlines()) == 4
    assert 'tests="2" failures="1" errors="0"' in files["junit"].read_text("utf-8")


def test_a_suite_tries_its_own_agent_though_another_one_has_an_agent_of_that_name(
    typed: CommandLine, suite: Path, port: int
) -> None:
    """The sequence of the guide: one suite, another one, and a re-run of the first."""
    first, only = workflow(suite), ("--task", "cancel-1")
    typed("eval", str(suite), "--agent", "careful", *only)
    (suite / "suite.yaml").write_text((suite / "suite.yaml").read_text("utf-8").replace(first, f"{first}-2"), "utf-8")
    (suite / "careful.py").write_text(AGENT.replace("BODY", 'return "the other one"'), "utf-8")
    typed("eval", str(suite), "--agent", "careful", *only)

    again = typed("eval", "rerun", first, "cancel-1", "--agent", "careful", "--json")

    [run] = json.loads(again.stdout)["agent_runs"]
    assert run["verdict"] == "PASS"
    named = {one["workflow"]: one for one in given(port, "/api/v1/agents/careful/stats")["agent"]["registered"]}
    assert named[first]["version"] == run["agent_version"]
    assert named[f"{first}-2"]["version"] > run["agent_version"]
    listed = given(port, "/api/projects/default/agents")["agents"]
    assert {first, f"{first}-2"} <= {one["workflow_id"] for one in listed if one["id"] == "careful"}


def test_the_exit_code_says_whether_the_rate_was_reached(typed: CommandLine, suite: Path) -> None:
    only = ("--task", "cancel-1", "--min-pass-rate", "1")

    assert typed("eval", str(suite), "--agent", "careful", *only).exit_code == 0
    assert typed("eval", str(suite), *only).exit_code == 1

    text = (suite / "suite.yaml").read_text("utf-8")
    away = text.replace(
        "{kind: python, file: idle.py}", "{kind: http, url: 'http://127.0.0.1:1', allow_loopback: true}"
    )
    (suite / "suite.yaml").write_text(away + "auto_redispatch: false\n", "utf-8")
    not_reached = typed("eval", str(suite), *only)
    assert (not_reached.exit_code, "1 agent_unreachable" in not_reached.text) == (2, True)
    alone = typed("eval", str(suite), "--agent", "idle", *only)
    assert (alone.exit_code, "grader unavailable: nothing graded" in alone.text) == (2, True)


def test_tries_in_a_row_have_a_column_of_their_own(typed: CommandLine, suite: Path) -> None:
    done = typed("eval", str(suite), "--agent", "idle", "--repeat", "3")

    assert "ALL 3 PASS" in done.lines[0]
    assert done.lines[1].split()[:6] == ["idle", "3", "of", "6", "50", "%"]
    assert (
        done.lines[2]
        == "Of several tries of a task, the rate is the mean over tasks, and the interval's unit is the task."
    )
    assert done.lines[5] == "  cancel-1 ×3  the flag 'order_cancelled:O1' is not set"


def test_results_are_shown_compared_and_rerun(typed: CommandLine, suite: Path) -> None:
    typed("eval", str(suite))
    name = workflow(suite)

    shown = typed("eval", "show", name, "--agent", "idle")
    details = typed("eval", "show", name, "--task", "cancel-1")
    compared = typed("eval", "compare", name, "careful", "idle")
    rerun = typed("eval", "rerun", name, "cancel-1", "--agent", "idle", "--json")
    missing = typed("eval", "show", name, "--task", "gone")

    assert [line.split()[0] for line in shown.lines[1:3] if line] == ["idle"]
    assert '  0 cancel_order {"order_id":"O1"}' in details.text
    assert "        set_flag order_cancelled:O1" in details.text
    assert compared.lines[-1] == "2 of 2 tasks differ"
    assert [(run["attempt"], run["trigger"]) for run in rerun.document["agent_runs"]] == [(2, "rerun")]  # type: ignore[attr-defined]  # JSON
    assert (missing.exit_code, "a task of" in missing.stderr) == (3, True)


def test_an_agent_that_was_never_tried_is_named(typed: CommandLine, suite: Path) -> None:
    typed("eval", str(suite), "--task", "cancel-1")
    name = workflow(suite)

    all_done = (
        typed("eval", "show", name, "--agent", "nobody"),
        typed("eval", "compare", name, "idle", "nobody"),
        typed("eval", "rerun", name, "cancel-1", "--agent", "nobody"),
    )

    for done in all_done:
        said = f"agent field 'nobody': expected one of {name} that was tried: careful, idle; found no run."
        assert (done.exit_code, said in done.stderr) == (3, True), done.stderr


def test_an_imported_domain_is_tried_with_the_tools_that_need_no_model(typed: CommandLine, tmp_path: Path) -> None:
    domain = tmp_path / "parcels"
    domain.mkdir()
    (domain / "policy.md").write_text("Say where it is.", "utf-8")
    (domain / "db.json").write_text(json.dumps({"parcels": {"p1": {"parcel_id": "p1", "place": "Graz"}}}), "utf-8")
    (domain / "tools.py").write_text(
        "class Tools:\n"
        "    @is_tool(ToolType.READ)\n"
        "    def get_parcel(self, parcel_id: str) -> Parcel:\n"
        "        return self.db.parcels[parcel_id]\n",
        "utf-8",
    )
    criteria = {"actions": [], "communicate_info": ["Graz"]}
    task = {"id": "1", "user_scenario": {"instructions": ""}, "ticket": "Where is p1?", "evaluation_criteria": criteria}
    (domain / "tasks.json").write_text(json.dumps([task]), "utf-8")
    suite = tmp_path / "suite"

    done = run_titan("import", "tau2", str(domain), "--output", str(suite))
    again = run_titan("import", "tau2", str(domain), "--output", str(suite))
    body = 'return call("get_parcel", parcel_id="p1")["place"]'
    (suite / "agent.py").write_text(AGENT.replace("BODY", body), "utf-8")
    text = (suite / "suite.yaml").read_text("utf-8")
    (suite / "suite.yaml").write_text(text.replace("{}", "{finder: {kind: python, file: agent.py}}", 1), "utf-8")
    tried = typed("eval", str(suite), "--min-pass-rate", "1")

    assert (done.exit_code, done.lines[0]) == (0, f"{suite / 'suite.yaml'}: 1 task, 1 tool, of which 1 declared")
    assert (again.exit_code, "--force" in again.stderr) == (2, True)
    assert (tried.exit_code, tried.lines[1].split()[:4]) == (0, ["finder", "1", "of", "1"])
