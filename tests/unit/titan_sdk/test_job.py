"""A job as it is written, and as it travels."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from titan_sdk import TitanGate, TitanJob
from titan_sdk.api import submission_body
from titan_sdk.errors import InvalidDag, InvalidInput, NotSupported
from titan_sdk.job import wire_item

SCRIPT = "print('hello')\n"


def a_job(job_id: str = "extract", **changes: object) -> TitanJob:
    arguments: dict[str, object] = {"filename": "extract.py", "script_content": SCRIPT, **changes}
    return TitanJob(job_id, **arguments)  # type: ignore[arg-type]  # what each test changes, it types


def wire(job: TitanJob) -> dict[str, object]:
    return {**wire_item(job, script_digest="d")}


def test_the_arguments_keep_the_originals_order_and_names(tmp_path: Path) -> None:
    script = tmp_path / "s.py"
    script.write_text(SCRIPT)

    job = TitanJob("j", str(script), "TASK", "a b", ["p"], 1, False, 5, 250, True, "GPU", "ok?", 60)

    assert (job.id, job.filename, job.job_type, job.args, job.parents) == (
        "j",
        str(script),
        "TASK",
        "a b",
        ["p"],
    )
    assert (job.port, job.is_archive, job.priority, job.delay, job.affinity) == (1, False, 5, 250, True)
    assert (job.requirement, job.hitl_message, job.max_wait_seconds) == ("GPU", "ok?", 60)
    assert base64.b64decode(job.payload_b64).decode() == SCRIPT


def test_omitted_fields_have_the_defaults_of_the_original() -> None:
    job = a_job()

    assert (job.job_type, job.args, job.parents, job.port, job.is_archive) == (
        "RUN_PAYLOAD",
        "",
        [],
        0,
        False,
    )
    assert (job.priority, job.delay, job.affinity, job.requirement) == (1, 0, False, "GENERAL")
    assert (job.hitl_message, job.max_wait_seconds) == (None, 172_800)


def test_the_file_is_read_at_once_and_may_go_then(tmp_path: Path) -> None:
    script = tmp_path / "gone.py"
    script.write_text(SCRIPT)
    job = TitanJob("j", str(script))

    script.unlink()

    assert (job.script, wire(job)["filename"]) == (SCRIPT.encode(), "gone.py")


def test_a_missing_file_has_the_originals_words() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        TitanJob("j", "no/such/script.py")

    assert str(caught.value) == ("❌ File 'no/such/script.py' not found. Please provide the correct absolute path.")


def test_an_archive_is_not_looked_for() -> None:
    assert TitanJob("j", "project.zip/main.py", is_archive=True).payload_b64 == "REMOTE_ASSET"


def test_all_that_a_job_says_travels() -> None:
    job = a_job(
        filename="etl/extract.py",
        args=["--day", 3, "it's | ; fine"],
        parents=["p"],
        priority=5,
        delay=250,
        affinity="required",
        requirement="GPU",
        retries=2,
        backoff=1.5,
        timeout=60.0,
        max_lost=1,
        env={"LANG": "C"},
        cold=True,
    )

    assert wire(job) == {
        "id": "extract",
        "filename": "extract.py",
        "script": "d",
        "args": ["--day", "3", "it's | ; fine"],
        "parents": ["p"],
        "priority": 5,
        "delay_ms": 250,
        "affinity": "required",
        "requirement": "GPU",
        "retries": 2,
        "backoff_seconds": 1.5,
        "timeout_seconds": 60.0,
        "max_lost": 1,
        "env": {"LANG": "C"},
        "cold": True,
    }


def test_a_question_and_a_shared_place_travel_where_they_are_asked_for() -> None:
    job = a_job(hitl_message="Ship it?", max_wait_seconds=60, concurrency_key="db", concurrency_limit=2)

    item = wire(job)

    assert [item[name] for name in ("hitl_message", "max_wait_seconds", "concurrency_key", "concurrency_limit")] == [
        *("Ship it?", 60, "db", 2)
    ]
    assert set(item) - set(wire(a_job())) == {
        *("hitl_message", "max_wait_seconds", "concurrency_key", "concurrency_limit")
    }


def test_a_gate_is_a_question_and_no_script() -> None:
    gate = TitanGate("allow", "May I?", parents=["build"])

    body = submission_body("d", [gate], agent_run_id=None, agent_id=None, on_failure="continue")

    assert (body["scripts"], body["jobs"]) == (
        {},
        [
            {
                "kind": "gate",
                "id": "allow",
                "filename": "",
                "parents": ["build"],
                "hitl_message": "May I?",
                "max_wait_seconds": 172_800,
            }
        ],
    )


@pytest.mark.parametrize(
    ("filename", "archive", "entry"),
    [
        ("project.zip/main.py", "project.zip", "main.py"),
        ("out/project.zip/jobs/load.py", "project.zip", "jobs/load.py"),
    ],
)
def test_a_job_of_an_archive_names_the_archive_and_its_file_and_keeps_its_arguments(
    filename: str, archive: str, entry: str
) -> None:
    job = TitanJob("j", filename, args="a 'b c'", is_archive=True)

    body = submission_body("d", [job], agent_run_id=None, agent_id=None, on_failure="continue")
    item = wire(job)

    assert (item["archive"], item["filename"], item["args"]) == (archive, entry, ["a", "b c"])
    assert ("script" in item, body["scripts"]) == (False, {})


@pytest.mark.parametrize("filename", ["main.py", "project.zip", "project.zip/", "folder/main.py"])
def test_a_job_of_an_archive_without_an_archive_is_refused(filename: str) -> None:
    with pytest.raises(InvalidInput, match=r"project\.zip/folder/main\.py"):
        wire(TitanJob("j", filename, is_archive=True))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("", []),
        ("  a \t b\n", ["a", "b"]),
        ("--title 'two words' x", ["--title", "two words", "x"]),
        (r"a\ b", ["a b"]),
        ("no\u00a0break", ["no\u00a0break"]),
    ],
)
def test_a_string_of_arguments_is_read_as_a_shell_would(written: str, read: list[str]) -> None:
    assert wire(a_job(args=written))["args"] == read


def test_a_string_with_an_open_quote_is_refused_and_a_list_advised() -> None:
    with pytest.raises(InvalidInput, match="Pass a list"):
        wire(a_job(args="it's open"))


@pytest.mark.parametrize(("affinity", "on_the_wire"), [(False, "none"), (True, "soft"), ("required", "required")])
def test_affinity_is_one_of_three(affinity: object, on_the_wire: str) -> None:
    assert wire(a_job(affinity=affinity))["affinity"] == on_the_wire


@pytest.mark.parametrize("affinity", ["soft", None, []])
def test_any_other_affinity_is_refused(affinity: object) -> None:
    with pytest.raises(InvalidInput, match="affinity"):
        wire(a_job(affinity=affinity))


def test_parents_as_one_string_are_refused_rather_than_read_letter_by_letter() -> None:
    with pytest.raises(InvalidInput, match=r"parents=\['extract'\]"):
        a_job("train", parents="extract")


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("job_type", "SERVICE"),
        ("job_type", "DEPLOY_PAYLOAD"),
        ("port", 8080),
    ],
)
def test_unsupported_fields_can_be_written_but_not_submitted(argument: str, value: object) -> None:
    job = a_job("deploy", **{argument: value})

    with pytest.raises(NotSupported, match=argument) as caught:
        wire(job)

    assert "Nothing was submitted" in caught.value.next_step


def test_equal_scripts_travel_once() -> None:
    jobs = [a_job("a"), a_job("b"), a_job("c", script_content=b"other")]

    body = submission_body("d", jobs, agent_run_id=None, agent_id=None, on_failure="stop")

    digests = [hashlib.sha256(content).hexdigest() for content in (SCRIPT.encode(), b"other")]
    assert body["scripts"] == {
        digests[0]: base64.b64encode(SCRIPT.encode()).decode(),
        digests[1]: base64.b64encode(b"other").decode(),
    }
    assert (body["name"], body["on_failure"], body["agent_run_id"]) == ("d", "stop", None)


def test_an_object_that_is_no_job_is_refused() -> None:
    with pytest.raises(InvalidDag, match="a list of TitanJob"):
        submission_body("d", ["extract.py"], agent_run_id=None, agent_id=None, on_failure="continue")  # type: ignore[list-item]  # the mistake under test
