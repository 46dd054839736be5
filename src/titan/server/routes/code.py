"""The code of a run: what its programs reported of themselves, and the stored scripts of its jobs."""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from titan.model.errors import UnknownArtifact
from titan.model.jobs import Job
from titan.model.runs import Run
from titan.ports.jobs_store import Reader
from titan.ports.runs_store import CallReader
from titan.ports.runtime import Blobs
from titan.rules.access import Permission
from titan.server.http.call import Call
from titan.server.http.route import Routes
from titan.server.lookup import open_blob
from titan.server.routes.registry import find_recorded
from titan.server.views.runs import processes_of_run
from titan.wire.runs import CodeAnswer, CodeFile, CodeView

S = TypeVar("S", bound=msgspec.Struct)

route = Routes()


class _Process(msgspec.Struct):
    """What a program reports: `titan_sdk.recording.program`. Others may report less."""

    command: list[str] = []
    script: str | None = None
    folder: str | None = None
    job_id: str | None = None
    left_out: str | None = None


class _Program(msgspec.Struct):
    interpreter: str | None = None
    packages: dict[str, str] | None = None
    files: list[CodeFile] = []


@route("GET /api/v1/runs/{run}/code", Permission.SEE_ALL)
async def show_code(call: Call) -> CodeAnswer:
    """Show what a run is made of: of each process and job its command, modules, interpreter and packages."""
    return await code_of(call)


async def code_of(call: Call) -> CodeAnswer:
    """Return the code of the run that the path names."""

    def find(reader: CallReader) -> tuple[Run, Sequence[tuple[str, str | None]]]:
        run = find_recorded(reader, call)
        processes = processes_of_run(reader, run)
        return run, [(entry.process or "{}", entry.program.blob if entry.program else None) for entry in processes]

    run, processes = await call.read_runs(find)
    jobs = await call.read(lambda reader: _jobs_of(reader, run))
    return await asyncio.to_thread(_answer, call.app.blobs, processes, jobs)


def _jobs_of(reader: Reader, run: Run) -> list[Job]:
    stages = reader.stages_of_runs(run.project_id, [run.id]).get(run.id, [])
    return [job for dag in stages for job in reader.jobs_of_dag(dag.id) if job.spec.filename is not None]


def _answer(blobs: Blobs, processes: Sequence[tuple[str, str | None]], jobs: Sequence[Job]) -> CodeAnswer:
    views = [_process_view(blobs, process, digest) for process, digest in processes]
    outside = [view for view in views if view.job_id is None]
    by_job = {view.job_id: view for view in views}
    of_jobs = (_job_view(blobs, job, by_job.get(job.id, CodeView(command=[], files=[]))) for job in jobs)
    return CodeAnswer(data=[*outside, *of_jobs])


def _process_view(blobs: Blobs, process: str, digest: str | None) -> CodeView:
    about = _read(process.encode(), _Process)
    program = _read(_content(blobs, digest) or b"{}", _Program)
    for file in program.files:
        file.is_redacted = file.text is not None and _sha256(file.text.encode()) != file.sha256
    left_out = about.left_out or (None if program.files else "its code is not stored")
    return CodeView(
        job_id=about.job_id,
        command=about.command,
        script=about.script,
        folder=about.folder,
        interpreter=program.interpreter,
        packages=program.packages,
        files=program.files,
        left_out=left_out,
    )


def _job_view(blobs: Blobs, job: Job, reported: CodeView) -> CodeView:
    spec, files = job.spec, reported.files
    content = _content(blobs, spec.script)
    if spec.script is not None and content is not None:
        text = content.decode("utf-8", "replace")
        own = CodeFile(path=spec.filename or "", sha256=spec.script, text=text)
        own.is_redacted = _sha256(text.encode()) != spec.script
        files = [own, *(file for file in files if file.path != own.path)]
    return CodeView(
        job_id=job.id,
        command=[spec.filename or "", *spec.args],
        script=spec.filename,
        interpreter=reported.interpreter,
        packages=reported.packages,
        files=files,
        archive=spec.archive,
        left_out=None if content is not None else "its script is in the archive" if spec.archive else "it was deleted",
    )


def _read(content: bytes, kind: type[S]) -> S:
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError:  # another program reported something else
        return kind()


def _content(blobs: Blobs, digest: str | None) -> bytes | None:
    if digest is None:
        return None
    try:
        with open_blob(blobs, digest) as file:
            return file.read()
    except UnknownArtifact:
        return None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
