"""Assignments as a server hands them to a worker."""

import hashlib
from pathlib import Path
from typing import cast

from titan.wire.protocol import Assignment
from titan.worker.blob_cache import BlobCache
from titan.worker.server_client import ServerClient

SCRIPT = b"print('hello')"


def an_assignment(
    lease_id: str = "lease1",
    *,
    filename: str = "job.py",
    workspace: str = "dag-d1",
    agent_run_id: str | None = None,
    env: dict[str, str] | None = None,
    timeout_seconds: float | None = None,
) -> Assignment:
    """Return the first attempt of a job called `train`; `msgspec.structs.replace` sets the rest."""
    return Assignment(
        lease_id=lease_id,
        attempt=1,
        job_id="d1.00000",
        job_name="train",
        dag_id="d1",
        dag_name="pipeline",
        agent_run_id=agent_run_id,
        workspace=workspace,
        filename=filename,
        script=hashlib.sha256(SCRIPT).hexdigest(),
        args=[],
        env=env or {},
        timeout_seconds=timeout_seconds,
        cold=False,
        token="secret",
    )


def a_blob_cache(folder: Path, *contents: bytes, server: object = None) -> BlobCache:
    """Return a cache in `folder` that holds these contents, SCRIPT where none is given, and fetches from `server`."""
    folder.mkdir(parents=True, exist_ok=True)
    for content in contents or (SCRIPT,):
        (folder / hashlib.sha256(content).hexdigest()).write_bytes(content)
    return BlobCache(cast("ServerClient", server), folder)
