"""What a program records and asks is of its project: at once, by way of the offline spool, and through the client."""

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
from titan_sdk.errors import NotFound

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
    """A server that stores no content of the projects finance and HR."""
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


def calls_of(titan: RunningTitan, run: str, project: str) -> int:
    answer = ask(titan.sdk_port, "GET", f"/api/v1/runs/{run}?project={project}")
    return answer.value["tally"]["calls"] if answer.status == 200 else 0


def has_all(titan: RunningTitan) -> bool:
    return (calls_of(titan, "A_1", "finance"), calls_of(titan, "A_2", "HR")) == (2, 1)


def is_anywhere(titan: RunningTitan) -> bool:
    """Return whether the canary stands in any file of the server's home, its spool among them."""
    return any(CANARY.encode() in path.read_bytes() for path in titan.home.rglob("*") if path.is_file())


def test_a_program_says_its_project_by_its_environment_and_a_run_by_itself(titan: RunningTitan) -> None:
    run_agent(titan, AGENT)

    wait_until(lambda: has_all(titan), "all calls")
    assert not is_anywhere(titan)
    assert given(titan.sdk_port, "/api/v1/runs?window=all")["data"] == []


def test_spooled_entries_belong_to_the_project_that_recorded_them(titan: RunningTitan) -> None:
    titan.terminate()
    assert "recorded entries wait" in run_agent(titan, AGENT)
    assert is_anywhere(titan)

    titan.start_again()

    wait_until(lambda: has_all(titan), "all calls")
    wait_until(lambda: not is_anywhere(titan), "no byte is left")


@pytest.mark.parametrize("arguments", [(), ("in a run",)])
def test_a_call_of_the_model_is_of_the_program_s_project_in_a_run_and_outside(
    titan: RunningTitan, arguments: tuple[str, ...]
) -> None:
    run_agent(titan, ASKING, *arguments)

    def runs(project: str) -> list[str]:
        found = given(titan.sdk_port, f"/api/v1/runs?window=all&project={project}")["data"]
        return [run["run_id"] for run in found if run["tally"]["calls"]]

    wait_until(lambda: len(runs("finance")) == 1, "the call")
    assert runs("default") == []
    assert not is_anywhere(titan)


def test_a_client_asks_about_one_project_and_submits_to_it(titan: RunningTitan) -> None:
    run_agent(titan, "import titan_sdk\ntitan_sdk.TitanClient().store_put('k', 'f')")  # of TITAN_PROJECT
    finance, shop = (TitanClient(port=titan.sdk_port, project=name) for name in ("finance", "Crème/brûlée"))

    shop.store_put("k", "s")
    dag = shop.submit_dag("d", [TitanJob("a", "a.py", script_content="1", requirement="NOBODY")]).dag_id

    assert (finance.store_get("k"), shop.store_get("k")) == ("f", "s")
    assert ask(titan.sdk_port, "GET", "/api/store?key=k&project=finance").value["value"] == "f"
    assert shop.get_dag(dag)["status"] == "WAITING"
    with pytest.raises(NotFound):
        finance.get_dag(dag)


def test_a_job_belongs_to_the_project_of_its_dag_whatever_project_its_worker_or_code_names(tmp_path: Path) -> None:
    code = "import titan_sdk\nwith titan_sdk.run(project='travel'), titan_sdk.action('look'): pass"
    with running_titan(tmp_path / "home", environment={"TITAN_PROJECT": "travel"}) as titan:
        client = TitanClient(port=titan.sdk_port, project="finance")

        dag = client.submit_dag("d", [TitanJob("a", "a.py", script_content=code)]).dag_id

        wait_until(lambda: calls_of(titan, dag, "finance") == 1, "its call")
        assert calls_of(titan, dag, "travel") == 0
