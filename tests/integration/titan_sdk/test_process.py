"""What the SDK is to the process it runs in: cheap to import, aware of its environment, safe over a fork."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_titan import FakeTitan, fake_titan
from tests.support.ports import held_ports
from tests.support.programs import run_program
from tests.support.recorded_calls import RecordedCalls
from tests.support.running_titan import RunningTitan

SUBMIT = """
from titan_sdk import TitanClient, TitanJob
client = TitanClient()
plan = TitanJob("plan", "plan.py", script_content="")
client.submit_dag("RESEARCH_1_PLAN", [plan], agent_run_id="RESEARCH_1")
"""
HEAVY_MODULES = ("http", "ssl", "typing", "dataclasses", "inspect", "threading", "urllib", "logging")


@pytest.fixture
def fake() -> Iterator[FakeTitan]:
    with fake_titan() as running:
        yield running


def outcome_of(program: str, tmp_path: Path, **env: str) -> tuple[int, str]:
    """Run a program; return its exit code and what it printed, errors included."""
    script = tmp_path / "program.py"
    script.write_text(program)
    done = run_program(script, cwd=tmp_path, env=env)
    return done.returncode, done.stdout + done.stderr


def test_importing_it_imports_nothing_heavy(tmp_path: Path) -> None:
    program = f"""
import sys
before = set(sys.modules)
import titan_sdk
print([name for name in {HEAVY_MODULES!r} if name in set(sys.modules) - before])
"""

    assert outcome_of(program, tmp_path) == (0, "[]\n")


def test_the_originals_modules_and_names_can_be_imported(tmp_path: Path) -> None:
    program = """
from titan_sdk import TitanClient, TitanJob
from titan_sdk.titan_sdk import TitanClient as Client, TitanJob as Job, TITAN_HOST, TITAN_PORT
print(Client is TitanClient, Job is TitanJob, TITAN_HOST, TITAN_PORT)
"""

    assert outcome_of(program, tmp_path) == (0, "True True 127.0.0.1 9090\n")
    assert outcome_of(program, tmp_path, TITAN_HOST="h", TITAN_PORT="1") == (0, "True True h 1\n")


def test_arguments_win_over_constants_over_the_environment_over_the_default(tmp_path: Path) -> None:
    program = """
import titan_sdk.titan_sdk as original
early = original.TitanClient()
def address(client):
    return client.transport.host, client.transport.port
print(address(early), address(original.TitanClient("other", 4)))
original.TITAN_PORT = 19999
print(address(early), address(original.TitanClient()), address(original.TitanClient(port=4)))
"""

    assert outcome_of(program, tmp_path) == (
        0,
        "('127.0.0.1', 9090) ('other', 4)\n('127.0.0.1', 19999) ('127.0.0.1', 19999) ('127.0.0.1', 4)\n",
    )
    assert outcome_of(program, tmp_path, TITAN_HOST="h", TITAN_PORT="1") == (
        0,
        "('h', 1) ('other', 4)\n('h', 19999) ('h', 19999) ('h', 4)\n",
    )


def test_an_environment_that_names_no_port_is_said_so(tmp_path: Path) -> None:
    code, output = outcome_of("import titan_sdk\ntitan_sdk.TitanClient()", tmp_path, TITAN_PORT="http")

    assert code == 1
    assert "TITAN_PORT: expected a port number from 1 to 65535; found 'http'" in output


def test_the_attempts_token_is_sent(fake: FakeTitan, tmp_path: Path) -> None:
    program = "import titan_sdk\ntitan_sdk.TitanClient().store_get('k')"

    outcome_of(program, tmp_path, TITAN_PORT=str(fake.port), TITAN_TOKEN="attempts")

    assert fake.received[0].headers["authorization"] == "Bearer attempts"


def test_a_script_is_also_looked_for_beside_the_running_program(tmp_path: Path) -> None:
    beside, here = tmp_path / "beside", tmp_path / "here"
    for folder in (beside, here):
        folder.mkdir()
    (beside / "agent.py").write_text(
        "from titan_sdk import TitanJob\nprint(TitanJob('again', 'agent.py').script.decode())"
    )

    first = run_program(beside / "agent.py", cwd=here)
    (here / "agent.py").write_text("nearer")
    second = run_program(beside / "agent.py", cwd=here)

    assert first.stdout.startswith("from titan_sdk import TitanJob")
    assert second.stdout == "nearer\n"


def test_a_run_ends_with_the_process_that_submitted_its_stages(fake: FakeTitan, tmp_path: Path) -> None:
    assert outcome_of(SUBMIT, tmp_path, TITAN_PORT=str(fake.port))[0] == 0

    assert fake.facts.ended_runs == {"RESEARCH_1": {"status": "completed", "error": ""}}


def test_a_run_fails_when_an_uncaught_exception_ends_its_process(fake: FakeTitan, tmp_path: Path) -> None:
    code, output = outcome_of(f"{SUBMIT}\nraise ValueError('no plan')", tmp_path, TITAN_PORT=str(fake.port))

    assert (code, "ValueError: no plan" in output) == (1, True)
    assert fake.facts.ended_runs == {"RESEARCH_1": {"status": "failed", "error": "ValueError: no plan"}}


def test_a_job_inside_the_run_does_not_end_it(fake: FakeTitan, tmp_path: Path) -> None:
    outcome_of(SUBMIT, tmp_path, TITAN_PORT=str(fake.port), TITAN_AGENT_RUN_ID="RESEARCH_1")

    assert (len(fake.facts.dags), fake.facts.ended_runs) == (1, {})


def test_a_run_that_was_ended_on_purpose_is_not_ended_again(fake: FakeTitan, tmp_path: Path) -> None:
    program = f"{SUBMIT}\nclient.end_run('RESEARCH_1', 'failed', 'nothing found')"

    outcome_of(program, tmp_path, TITAN_PORT=str(fake.port))

    assert fake.facts.ended_runs == {"RESEARCH_1": {"status": "failed", "error": "nothing found"}}


def test_a_server_that_is_away_does_not_disturb_the_exit(fake: FakeTitan, tmp_path: Path) -> None:
    program = f"""
import pathlib, time
{SUBMIT}
client.store_put("stop", "now")
while not pathlib.Path("away").exists():
    time.sleep(0.01)
"""

    def stop_when_asked() -> None:
        with fake.changed:
            fake.changed.wait_for(lambda: "stop" in fake.facts.values, timeout=30)
        fake.stop()
        (tmp_path / "away").touch()

    stopper = threading.Thread(target=stop_when_asked)
    stopper.start()
    code, output = outcome_of(program, tmp_path, TITAN_PORT=str(fake.port))
    stopper.join()
    fake.start_again()

    said, waiting = output.splitlines()
    assert (code, said) == (0, "[SDK] Submitting DAG: RESEARCH_1_PLAN")
    assert waiting.startswith("titan_sdk: 1 recorded entry waits in ")  # what the program is made of
    assert fake.facts.ended_runs == {}


def test_a_recorded_function_that_the_interpreter_calls_at_its_end_runs_as_it_would_without(tmp_path: Path) -> None:
    program = """
import atexit, titan_sdk
atexit.register(titan_sdk.action(print), "said at the end")
print("said before", flush=True)
"""

    code, output = outcome_of(program, tmp_path)

    assert (code, "said before\nsaid at the end\n" in output, "Traceback" in output) == (0, True, False)


def test_a_forked_child_ends_its_own_runs_and_not_its_parents(fake: FakeTitan, tmp_path: Path) -> None:
    program = f"""
import atexit, os, sys
{SUBMIT}
child = os.fork()
if child == 0:
    job = TitanJob("plan", "plan.py", script_content="")
    client.submit_dag("CHILD_1_PLAN", [job], agent_run_id="CHILD_1")
    client.store_put("ended by the child", "")
    sys.exit()
os.waitpid(child, 0)
client.store_put("child is gone", "")
"""

    outcome_of(program, tmp_path, TITAN_PORT=str(fake.port))

    ends = [request.path for request in fake.received if request.path.endswith(("/end", "/store"))]
    assert ends == ["/api/store", "/api/v1/runs/CHILD_1/end", "/api/store", "/api/v1/runs/RESEARCH_1/end"]


def test_a_forked_child_opens_its_own_connection_and_leaves_its_parents_alone(fake: FakeTitan, tmp_path: Path) -> None:
    program = """
import os
from titan_sdk import TitanClient
client = TitanClient()
client.store_get("k")
child = os.fork()
client.store_get("k")
if child:
    os.waitpid(child, 0)
    client.store_get("k")
"""

    assert outcome_of(program, tmp_path, TITAN_PORT=str(fake.port)) == (0, "")

    ports = [request.client_port for request in fake.received]
    assert sorted(ports.count(port) for port in set(ports)) == [1, 3]


def test_a_long_absence_is_mentioned_once(tmp_path: Path) -> None:
    with held_ports(1) as [port]:
        program = f"from titan_sdk import TitanClient\nTitanClient(port={port}, retry_for_seconds=1.3).store_get('k')"

        code, output = outcome_of(program, tmp_path)

    assert (code, output.count("trying for another")) == (1, 1)
    assert "Connection refused for 1.3 s. Start it with `titan up`" in output


def test_a_program_beside_a_server_finds_it_by_the_home_alone(titan: RunningTitan, tmp_path: Path) -> None:
    program = """
import titan_sdk
with titan_sdk.run(run_id="beside"), titan_sdk.action("call"):
    pass
print(titan_sdk.TitanClient().store_put("found-by", "home"), titan_sdk.flush(30))
"""

    done = outcome_of(program, tmp_path, TITAN_HOME=str(titan.home))

    assert done == (0, "OK True\n")
    assert [each["action"]["name"] for each in RecordedCalls(titan).actions("beside")] == ["call"]
