"""What a program records of a project that keeps no bodies has none, at once or by way of the folder for bad times."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.programs import run_program
from tests.support.raw_http import ask, given
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.waiting import wait_until
from titan_sdk import TitanClient, TitanJob

CANARY = "zebracrossing"
AGENT = f"""
import multiprocessing
import titan_sdk
from titan_sdk import action, model

@action
def look(query):
    return "about " + query

def tell(number):
    look("{CANARY}")

if __name__ == "__main__":
    with titan_sdk.run("A", "A_1"):
        tell(0)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            pool.map(tell, [1])
    try:
        with titan_sdk.run("A", "A_2", project="HR"):
            tell(2)
            raise ValueError("no") from LookupError("{CANARY}")
    except ValueError:
        pass
"""
ASKING = f"""
import sys
import titan_sdk
from titan_sdk import model

if len(sys.argv) > 1:
    with titan_sdk.run("A", "A_3"):
        model.ask("{CANARY}?")
else:
    model.ask("{CANARY}?")
"""


@pytest.fixture
def titan(tmp_path: Path) -> Iterator[RunningTitan]:
    """A server at which the projects finance and hr keep no bodies."""
    script = tmp_path / "answers.json"
    script.write_text(json.dumps([{"contains": "", "answer": f"{CANARY}!", "repeat": True}]))
    environment = {"TITAN_RECORD_NO_BODIES_OF": "finance,hr"}
    with running_titan(tmp_path / "home", offers=(), model=f"scripted:{script}", environment=environment) as running:
        yield running


def run_agent(titan: RunningTitan, code: str, *arguments: str) -> str:
    """Run a program of the project finance; return what it wrote to stderr."""
    script = titan.home.parent / "agent.py"
    script.write_text(code)
    env = {**titan.environment, "TITAN_HOME": str(titan.home), "TITAN_PROJECT": "finance"}
    done = run_program(script, *arguments, cwd=titan.home.parent, env=env)
    assert done.returncode == 0, done.stderr
    return done.stderr


def calls_of(titan: RunningTitan, run: str) -> int:
    answer = ask(titan.sdk_port, "GET", f"/api/v1/runs/{run}")
    return answer.value["tally"]["calls"] if answer.status == 200 else 0


def told_of(titan: RunningTitan, run: str) -> object:
    return given(titan.sdk_port, f"/api/v1/runs/{run}")["details"]


def is_anywhere(titan: RunningTitan) -> bool:
    """Return whether the canary stands in any file of the server's home, its spool among them."""
    return any(CANARY.encode() in path.read_bytes() for path in titan.home.rglob("*") if path.is_file())


def test_a_program_says_its_project_by_its_environment_and_a_run_by_itself(titan: RunningTitan) -> None:
    run_agent(titan, AGENT)

    wait_until(lambda: (calls_of(titan, "A_1"), calls_of(titan, "A_2")) == (2, 1), "all calls")
    assert told_of(titan, "A_1") == [{"project": "finance"}]
    assert told_of(titan, "A_2") == [{"project": "HR"}]
    assert not is_anywhere(titan)


def test_what_waited_for_the_server_is_of_the_project_of_who_recorded_it(titan: RunningTitan) -> None:
    titan.terminate()
    assert "recorded entries wait" in run_agent(titan, AGENT)
    assert is_anywhere(titan)

    titan.start_again()

    wait_until(lambda: (calls_of(titan, "A_1"), calls_of(titan, "A_2")) == (2, 1), "all calls")
    wait_until(lambda: not is_anywhere(titan), "no byte is left")


@pytest.mark.parametrize("arguments", [(), ("in a run",)])
def test_a_call_of_the_model_is_of_the_program_s_project_in_a_run_and_outside(
    titan: RunningTitan, arguments: tuple[str, ...]
) -> None:
    run_agent(titan, ASKING, *arguments)

    def runs() -> list[str]:
        found = given(titan.sdk_port, "/api/v1/runs?window=all")["data"]
        return [run["run_id"] for run in found if run["tally"]["calls"]]

    wait_until(lambda: len(runs()) == 1, "the call")
    assert told_of(titan, runs()[0]) == [{"project": "finance"}]
    assert not is_anywhere(titan)


def test_a_job_is_of_the_project_of_its_worker_unless_it_is_submitted_with_one_of_its_own(tmp_path: Path) -> None:
    look = "from titan_sdk import action\nwith action('look'): pass"
    inherits = TitanJob("inherits", "a.py", script_content=look)
    own = TitanJob("own", "a.py", script_content=look, env={"TITAN_PROJECT": "travel"})

    with running_titan(tmp_path / "home", environment={"TITAN_PROJECT": "finance"}) as titan:
        client = TitanClient(port=titan.sdk_port)
        dags = [client.submit_dag(job.id, [job]).dag_id for job in (inherits, own)]

        wait_until(lambda: all(calls_of(titan, dag) for dag in dags), "both calls")
        assert [told_of(titan, dag) for dag in dags] == [[{"project": "finance"}], [{"project": "travel"}]]
