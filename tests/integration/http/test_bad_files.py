"""What workers may not say of files is refused by name; what comes too late changes nothing."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from tests.support.raw_http import Answer, ask, ask_json
from tests.support.running_titan import RunningTitan
from tests.support.stored_facts import stored_facts
from tests.support.submissions import WireWorker

CONTENT = b"left by a job"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
HUGE = 10**30

BAD_FILES: dict[str, dict[str, object]] = {
    "an absolute path": {"path": "/etc/passwd"},
    "a way up": {"path": "a/../../b"},
    "an empty path": {"path": ""},
    "an empty part": {"path": "a//b"},
    "a control character": {"path": "a\nb"},
    "a NUL": {"path": "a\0b"},
    "a path without end": {"path": "a" * 20_000},
    "a negative size": {"size_bytes": -1},
    "a size beyond all": {"size_bytes": HUGE},
    "no time zone": {"modified_at": "2026-01-01T00:00:00"},
    "a time before all": {"modified_at": "0001-01-01T00:00:00Z"},
    "a digest that is none": {"digest": "xyz"},
    "a digest in capitals": {"digest": DIGEST.upper()},
    "neither digest nor reason": {"digest": None},
    "digest and reason": {"reason": "larger than the limit"},
    "a reason without end": {"digest": None, "reason": "x" * 2000},
    "a reason with a NUL": {"digest": None, "reason": "a\0"},
    "an artifact, which no worker finds": {"place": "artifact"},
    "a place nobody knows": {"place": "attic"},
}


def a_file(**fields: object) -> dict[str, object]:
    return {
        "path": "out/a.txt",
        "size_bytes": len(CONTENT),
        "modified_at": "2026-01-01T00:00:00Z",
        "digest": DIGEST,
        **fields,
    }


def note(worker: WireWorker, lease_id: str, *files: dict[str, object], **more: Any) -> Answer:
    return ask_json(worker.port, "PUT", f"{worker.path}/files/{lease_id}", {"node": "n1", "files": files, **more})


def send(worker: WireWorker, lease_id: str, content: bytes, digest: str) -> Answer:
    return ask(worker.port, "PUT", f"{worker.path}/files/{lease_id}/{digest}", content)


def listed(port: int, job_id: str) -> list[tuple[str, str | None, str | None]]:
    files = ask(port, "GET", f"/api/jobs/{job_id}/files").value["files"]
    return [(file["path"], file["digest"], file["reason"]) for file in files]


def test_a_file_is_listed_without_its_content_until_that_has_come(port: int) -> None:
    worker = WireWorker(port)
    job_id, lease_id = worker.a_running_job()
    content = lease_id.encode()  # which nobody else has sent
    digest = hashlib.sha256(content).hexdigest()
    file = a_file(digest=digest)

    assert note(worker, lease_id, file).value == {"missing": [digest]}
    assert listed(port, job_id) == [("out/a.txt", None, "its content has not arrived")]
    assert send(worker, lease_id, content, digest).value == {"digest": digest, "size_bytes": len(content)}
    assert note(worker, lease_id, file).value == {"missing": []}
    assert listed(port, job_id) == [("out/a.txt", digest, None)]


def test_a_small_content_travels_with_its_note(port: int) -> None:
    worker = WireWorker(port)
    job_id, lease_id = worker.a_running_job()

    answer = note(worker, lease_id, a_file(), contents=[base64.b64encode(CONTENT).decode()])

    assert answer.value == {"missing": []}
    assert listed(port, job_id) == [("out/a.txt", DIGEST, None)]


@pytest.mark.parametrize("fields", BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_note_that_cannot_be_meant_is_refused_whole(titan: RunningTitan, fields: dict[str, object]) -> None:
    worker = WireWorker(titan.sdk_port)
    _, lease_id = worker.a_running_job()
    before = stored_facts(titan.home)

    answer = note(worker, lease_id, a_file(path="fine.txt"), a_file(**fields))

    assert answer.refusal in ((400, "InvalidInput"), (400, "InvalidName"))
    assert stored_facts(titan.home) == before


def test_too_many_files_and_too_large_contents_in_one_note_are_refused(titan: RunningTitan) -> None:
    worker = WireWorker(titan.sdk_port)
    _, lease_id = worker.a_running_job()
    large, many = base64.b64encode(b"x" * 65_537).decode(), [base64.b64encode(b"x" * 65_536).decode()] * 17
    before = stored_facts(titan.home)

    assert note(worker, lease_id, *(a_file(path=str(n)) for n in range(1001))).refusal == (400, "InvalidInput")
    assert note(worker, lease_id, a_file(), contents=[large]).refusal == (413, "TooLarge")
    assert note(worker, lease_id, a_file(), contents=many).refusal == (413, "TooLarge")
    assert note(worker, lease_id, a_file(), node="../x").refusal == (400, "InvalidName")
    assert stored_facts(titan.home) == before


def test_content_that_does_not_match_its_digest_is_refused(port: int) -> None:
    worker = WireWorker(port)
    _, lease_id = worker.a_running_job()

    assert send(worker, lease_id, b"something else", DIGEST).refusal == (400, "InvalidInput")


def test_only_the_worker_of_a_lease_reports_its_files(titan: RunningTitan) -> None:
    worker, other = WireWorker(titan.sdk_port), WireWorker(titan.sdk_port)
    _, lease_id = worker.a_running_job()
    before = stored_facts(titan.home)

    for answer in (
        note(other, lease_id, a_file()),
        note(worker, "unknown", a_file()),
        send(other, lease_id, b"foreign", DIGEST),
        send(worker, "unknown", b"foreign", DIGEST),
    ):
        assert answer.refusal == (409, "StaleLease")
    assert stored_facts(titan.home) == before


def test_files_are_taken_after_a_reported_end_and_never_after_a_lost_one(titan: RunningTitan) -> None:
    worker = WireWorker(titan.sdk_port)
    job_id, lease_id = worker.a_running_job()
    worker.report(lease_id)
    returning = WireWorker(titan.sdk_port)
    _, returned = returning.a_running_job()
    ask(titan.sdk_port, "POST", f"{returning.path}/leave")
    before = stored_facts(titan.home)["attempt_files"]

    refused = note(returning, returned, a_file(digest=None, reason="too large"))
    taken = note(worker, lease_id, a_file(digest=None, reason="too large"))

    assert refused.refusal == (409, "StaleLease")
    assert taken.status == 200
    assert listed(titan.sdk_port, job_id) == [("out/a.txt", None, "too large")]
    assert stored_facts(titan.home)["attempt_files"] == before + 1
