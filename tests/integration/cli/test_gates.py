"""`titan gates`, `approve` and `reject`: a person holds a DAG, and lets it go on."""

from pathlib import Path

from tests.support.command_line import CommandLine
from tests.support.waiting import wait_until


def submit_held(titan: CommandLine, scripts: Path, name: str) -> str:
    """Submit hello → gate → silent, and return the DAG's id once the gate is open."""
    words = ("submit", f"{scripts}/hello.py", f"{scripts}/silent.py", "--chain", "--name", name)
    dag_id = str(titan(*words, "--ask", "hello=Send it?", "--json").document["dag_id"])
    wait_until(lambda: name in titan("gates").text, "the gate opens")
    return dag_id


def test_an_open_gate_is_listed_with_its_question(titan: CommandLine, scripts: Path) -> None:
    dag_id = submit_held(titan, scripts, "listed")

    row = next(line for line in titan("gates").lines if "listed" in line)

    assert "hitl-gate-hello" in row
    assert "open" in row
    assert "Send it?" in row
    assert "WAITING_APPROVAL" in titan("dags", "show", dag_id).text
    titan("cancel", "--dag", dag_id)


def test_an_approval_lets_the_dag_complete(titan: CommandLine, scripts: Path) -> None:
    dag_id = submit_held(titan, scripts, "approved")

    done = titan("approve", "hello", "--dag", dag_id, "--comment", "well done", "--by", "ada")

    assert done.lines == ["Gate hitl-gate-hello of DAG approved is approved by ada: what waited for it starts."]
    assert titan("dags", "show", dag_id, "--wait").exit_code == 0
    assert "approved by ada: well done" in titan("jobs", "show", "--history", "hitl-gate-hello", "--dag", dag_id).text


def test_a_rejection_cancels_waiting_jobs(titan: CommandLine, scripts: Path) -> None:
    dag_id = submit_held(titan, scripts, "rejected")

    done = titan("reject", "hitl-gate-hello", "--dag", dag_id, "--comment", "too early", "--by", "ada")

    assert done.exit_code == 0
    outcome = titan("dags", "show", dag_id, "--wait")
    assert outcome.exit_code == 1
    assert "rejected by ada: too early" in outcome.text


def test_a_gate_is_decided_once(titan: CommandLine, scripts: Path) -> None:
    dag_id = submit_held(titan, scripts, "once")
    titan("approve", "hello", "--dag", dag_id, "--by", "ada")

    again = titan("reject", "hello", "--dag", dag_id)

    assert again.exit_code == 5
    assert "expected an open gate; found approved by ada" in again.stderr


def test_a_gate_that_is_none_is_not_found(titan: CommandLine) -> None:
    done = titan("approve", "nothing-of-that-name")

    assert done.exit_code == 3
    assert "titan gates" in done.stderr


def test_who_decides_is_the_person_at_the_keyboard(titan: CommandLine, scripts: Path) -> None:
    dag_id = submit_held(titan, scripts, "whoami")

    done = titan("approve", "hello", "--dag", dag_id, "--json")

    assert done.document["decided_by"]
    assert titan("dags", "show", dag_id, "--wait").exit_code == 0


def test_an_approval_that_several_gates_could_mean_says_how_to_choose(titan: CommandLine, scripts: Path) -> None:
    one, other = (submit_held(titan, scripts, name) for name in ("either", "or"))

    unclear = titan("approve", "hello")
    clear = titan("approve", "hello", "--dag", "or")

    assert unclear.exit_code != 0
    assert f"{other}.00001 of DAG or" in unclear.stderr
    assert "--dag, --run" in unclear.stderr
    assert "of DAG or is approved" in clear.text
    titan("cancel", "--dag", one)


def test_the_one_open_gate_of_a_dag_is_approved_by_the_name_of_the_dag(titan: CommandLine, scripts: Path) -> None:
    submit_held(titan, scripts, "letters")

    done = titan("approve", "letters")

    assert done.text.startswith("Gate hitl-gate-hello of DAG letters is approved by ")
    assert titan("approve", "letters").exit_code == 3
