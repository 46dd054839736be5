"""`titan cancel`: a job, a DAG, a run; and nothing that was not meant."""

from pathlib import Path

from tests.support.command_line import CommandLine
from tests.support.waiting import wait_until


def submit_forever(titan: CommandLine, scripts: Path, *words: str) -> str:
    """Submit `forever` with `after_it` behind it, and return the DAG's id once it runs."""
    submitted = titan(*("submit", f"{scripts}/forever.py", f"after_it={scripts}/hello.py", "--chain", "--json", *words))
    dag_id = str(submitted.document["dag_id"])
    wait_until(lambda: b"started" in titan("logs", "forever", "--dag", dag_id).stdout, "forever runs")
    return dag_id


def test_cancelling_a_job_ends_it_and_its_descendants(titan: CommandLine, scripts: Path) -> None:
    dag_id = submit_forever(titan, scripts)

    done = titan("cancel", "forever", "--dag", dag_id)

    assert done.exit_code == 0
    assert "Stopping 1 job (forever): what runs is being ended with all its processes." in done.lines
    assert titan("dags", "show", dag_id, "--wait").exit_code == 1


def test_cancelling_a_dag_ends_all_of_it(titan: CommandLine, scripts: Path) -> None:
    dag_id = submit_forever(titan, scripts)

    done = titan("cancel", "--dag", dag_id, "--json")

    assert done.document == {"cancelled": ["after_it"], "stopping": ["forever"], "skipped": []}
    assert "CANCELLED" in titan("dags", "show", dag_id, "--wait").text


def test_cancelling_a_run_ends_all_of_it(titan: CommandLine, scripts: Path) -> None:
    dag_id = submit_forever(titan, scripts, "--run", "ENDLESS_1")

    done = titan("cancel", "--run", "ENDLESS_1")

    assert done.lines == [
        "Cancelled 1 job (after_it).",
        "Stopping 1 job (forever): what runs is being ended with all its processes.",
    ]
    assert titan("dags", "show", dag_id, "--wait").exit_code == 1


def test_cancelling_an_ended_dag_changes_nothing(titan: CommandLine, scripts: Path) -> None:
    titan("submit", f"{scripts}/hello.py", "--name", "over", "--wait")

    done = titan("cancel", "--dag", "over")

    assert done.text == "Nothing to cancel: 1 job (hello) had ended already.\n"
    assert titan("dags", "show", "over").lines[0].startswith("DAG over  COMPLETED")


def test_a_job_of_another_dag_is_never_cancelled_instead(titan: CommandLine, scripts: Path) -> None:
    running = submit_forever(titan, scripts)
    titan("submit", f"{scripts}/hello.py", "--name", "other", "--wait")

    done = titan("cancel", "forever", "--dag", "other")

    assert done.exit_code == 3
    assert titan("jobs", "show", "forever", "--dag", running, "--json").document["status"] == "RUNNING"
    titan("cancel", "--dag", running)


def test_cancelling_nothing_in_particular_is_refused(titan: CommandLine) -> None:
    nothing, too_much = titan("cancel"), titan("cancel", "--dag", "x", "--run", "y")

    assert (nothing.exit_code, too_much.exit_code) == (2, 2)
    assert "expected a job, a DAG or an agent run; found none of them" in nothing.stderr
