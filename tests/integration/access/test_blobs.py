"""Content is read, and named, by those within whose projects something names it."""

from __future__ import annotations

import base64
import hashlib
import os

import pytest

from tests.support.submissions import a_dag_body, a_job_body, a_name
from tests.support.token_holder import Holder, an_owner
from tests.support.wire_jobs import RunningJob, a_running_job


@pytest.fixture(scope="module")
def acme(admin: Holder) -> Holder:
    return an_owner(admin)


@pytest.fixture(scope="module")
def zeta(admin: Holder) -> Holder:
    return an_owner(admin)


def uploaded(holder: Holder, content: bytes, query: str = "") -> str:
    """Upload a file; return its digest."""
    assert holder.ask("PUT", f"/api/files/{a_name('file')}{query}", content).status == 201
    return hashlib.sha256(content).hexdigest()


def read(holder: Holder, digest: str) -> int:
    return holder.ask("GET", f"/api/blobs/{digest}").status


def noted(job: RunningJob, digest: str, size_bytes: int) -> list[str]:
    """Note a file of an attempt; return the digests whose content the server asks for."""
    file = {
        "path": "out.bin",
        "place": "workspace",
        "size_bytes": size_bytes,
        "digest": digest,
        "modified_at": "2026-01-01T00:00:00Z",
    }
    body = {"node": "n", "files": [file]}
    answer = job.worker.ask_json("PUT", f"{job.worker_path}/files/{job.lease_id}", body)
    assert answer.status == 200, answer.body
    missing: list[str] = answer.value["missing"]
    return missing


def test_a_file_is_read_within_its_organisation(admin: Holder, acme: Holder, zeta: Holder) -> None:
    digest = uploaded(acme, os.urandom(40))
    key = admin.make("key", scopes=["workflows:manage"])

    assert [read(holder, digest) for holder in (acme, acme.make("viewer"))] == [200, 200]
    assert [read(holder, digest) for holder in (admin, zeta, key, admin.make("worker"), zeta.make("worker"))] == [
        404
    ] * 5


def test_a_file_is_read_within_the_project_of_a_limited_token(acme: Holder) -> None:
    digest = uploaded(acme, os.urandom(40), "?project=finance")

    assert [read(acme.make("viewer", project=name), digest) for name in ("finance", "finance2", "default")] == [
        200,
        404,
        404,
    ]


def test_a_content_that_two_organisations_have_is_read_by_both(admin: Holder, acme: Holder, zeta: Holder) -> None:
    content = os.urandom(40)
    digest = uploaded(acme, content)
    before = read(admin, digest)
    uploaded(admin, content)

    assert (before, read(admin, digest), read(acme, digest), read(zeta, digest)) == (404, 200, 200, 404)


def test_a_worker_reads_the_script_of_its_running_job_and_no_other(admin: Holder, acme: Holder, zeta: Holder) -> None:
    job, other = a_running_job(acme.make("worker"), acme), a_running_job(admin.make("worker"), admin)
    script = a_job_body("main")["script"]
    content = f"print({a_name('secret')!r})".encode()
    secret = hashlib.sha256(content).hexdigest()
    scripts = {secret: base64.b64encode(content).decode()}
    body = a_dag_body([a_job_body("secret", script=secret)], scripts=scripts)

    assert read(job.worker, str(script)) == 200
    assert acme.ask_json("POST", "/api/dags", body).status == 201
    assert [read(holder, secret) for holder in (job.worker, other.worker, zeta.make("worker"), admin)] == [404] * 4
    for each in (job, other):
        each.end()
    assert read(job.worker, str(script)) == 404


def test_nobody_comes_to_a_content_by_naming_its_digest(admin: Holder, acme: Holder) -> None:
    digest = uploaded(acme, os.urandom(40))
    script = a_job_body("main") | {"script": digest}
    job = a_running_job(admin.make("worker"), admin)

    by_key = admin.ask_json("PUT", "/api/store", {"key": "k", "value": "v", "artifact": digest})
    unknown_key = admin.ask_json("PUT", "/api/store", {"key": "k", "value": "v", "artifact": "0" * 64})
    by_job = admin.ask_json("POST", "/api/dags", {**a_dag_body([script]), "scripts": {}})
    asked_for = noted(job, digest, 40)

    assert (by_key.refusal, by_job.status, asked_for) == ((404, "UnknownArtifact"), 400, [digest])
    assert unknown_key.refusal == by_key.refusal
    assert read(admin, digest) == 404
    job.end()


def test_a_worker_that_sends_a_content_may_name_it(admin: Holder, acme: Holder) -> None:
    content = os.urandom(40)
    digest = uploaded(acme, content)
    job = a_running_job(admin.make("worker"), admin)
    assert noted(job, digest, 40) == [digest]

    assert job.worker.ask("PUT", f"{job.worker_path}/files/{job.lease_id}/{digest}", content).status == 200

    assert noted(job, digest, 40) == []
    assert read(admin, digest) == 200
    job.end()
