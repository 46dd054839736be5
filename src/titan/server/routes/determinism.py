"""Routes of a run's determinism: score, accepted issues, report; and of its code."""

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import msgspec
from litestar import Response

from titan import __version__
from titan.insight.determinism.model import Issue, Measurement, band_of, interval
from titan.model.errors import UnknownArtifact, UnknownIssue
from titan.model.jobs import Job
from titan.model.runs import AcceptedIssue, Run
from titan.model.shaped import shaped
from titan.ports.jobs_store import Reader
from titan.ports.runs_store import CallReader, CallTransaction
from titan.ports.runtime import Blobs
from titan.recorder.determinism import Judged
from titan.rules.access import Permission
from titan.server.http.call import Call
from titan.server.http.responses import JSON
from titan.server.http.route import Routes
from titan.server.lookup import open_blob, unknown
from titan.server.reproducibility import METHOD, html_report
from titan.server.routes.registry import find_recorded_run
from titan.server.routes.replays import list_replays
from titan.server.routes.telemetry import verified
from titan.server.views.runs import processes_of_run, run_view
from titan.wire import determinism as wire
from titan.wire.base import IntervalView, OkAnswer
from titan.wire.replays import ReplayResult, ReplaysQuery
from titan.wire.runs import CodeAnswer, CodeFile, CodeView

route = Routes()

MOST_REPLAYS: Final = 50  # in a report
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9._-]")
_MEDIA: Final = {"html": "text/html", "json": JSON}


@route("GET /api/v1/runs/{run}/determinism", Permission.SEE_ALL)
async def show_determinism(call: Call) -> wire.DeterminismAnswer:
    """Show the determinism score of a run, and the issues behind it."""
    return _answer(*await _judged(call))


@route("PUT /api/v1/runs/{run}/determinism/accepted/{issue}", Permission.CURATE)
async def accept_issue(call: Call, body: wire.AcceptIssueBody) -> wire.AcceptedIssueView:
    """Accept an issue in all runs of the run's agent, so that it no longer lowers their scores."""
    key = call.path("issue")
    run, judged = await _judged(call)
    if key not in {issue.key for issue in judged.analysis.issues}:
        raise unknown(UnknownIssue, "issue", key, "List them with GET /api/v1/runs/{run}/determinism.")
    clean = call.app.recorder.without_secrets

    def act(tx: CallTransaction) -> AcceptedIssue:
        accepted = AcceptedIssue(
            project_id=run.project_id,
            agent_id=run.agent_id,
            key=key,
            author=clean(body.author) if body.author else call.caller.name,
            reason=clean(body.reason),
            at=tx.now,
        )
        tx.accept_issue(accepted)
        return accepted

    return shaped(wire.AcceptedIssueView, await call.change_runs(act))


@route("DELETE /api/v1/runs/{run}/determinism/accepted/{issue}", Permission.CURATE)
def withdraw_acceptance(call: Call, tx: CallTransaction) -> OkAnswer:
    """Let an accepted issue count again in all runs of the run's agent."""
    key, run = call.path("issue"), find_recorded_run(tx, call)
    accepted = next((one for one in tx.accepted_issues(run.project_id, run.agent_id) if one.key == key), None)
    if accepted is None:
        raise unknown(UnknownIssue, "issue", key, "List them with GET /api/v1/runs/{run}/determinism.")
    tx.withdraw_acceptance(accepted)
    return OkAnswer()


@route("GET /api/v1/runs/{run}/determinism/report", Permission.SEE_ALL, answer=wire.ReportAnswer)
async def report_determinism(call: Call, query: wire.ReportQuery) -> Response[bytes]:
    """Return a self-contained reproducibility report of a run as HTML or JSON."""
    run, judged = await _judged(call)
    code = await code_of(call)
    integrity = await verified(call)
    replays = await call.read_runs(lambda reader: _replays(call, reader, run))
    report = wire.ReportAnswer(
        generated_at=call.app.clock.now(),
        titan_version=__version__,
        method=METHOD,
        run=run_view(run),
        integrity=integrity,
        determinism=_answer(run, judged),
        replays=replays,
        code_digest=judged.code_digest,
        programs=[
            shaped(wire.ReportedProgram, view, files={file.path: file.sha256 for file in view.files})
            for view in code.data
        ],
    )
    content = await asyncio.to_thread(html_report, report) if query.format == "html" else msgspec.json.encode(report)
    name = f"reproducibility-{_NOT_IN_NAMES.sub('_', run.id)[:100]}.{query.format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=_MEDIA[query.format], headers=headers)


def _replays(call: Call, reader: CallReader, run: Run) -> list[wire.ReportedReplay]:
    found: list[wire.ReportedReplay] = []
    for view in list_replays(call, reader, ReplaysQuery(limit=MOST_REPLAYS)).data:
        stored = reader.replay(run.project_id, view.id)
        text = None if stored is None else stored.result
        result = None if text is None else msgspec.json.decode(text, type=ReplayResult)
        if result is not None and result.comparison is not None:
            result.comparison.rows, result.comparison.has_more_rows = (), True  # the report shows divergences only
        found.append(wire.ReportedReplay(replay=view, result=result))
    return found


async def _judged(call: Call) -> tuple[Run, Judged]:
    run = await call.read_runs(lambda reader: find_recorded_run(reader, call))
    return run, await asyncio.to_thread(call.app.determinism.judge, run)


def _answer(run: Run, judged: Judged) -> wire.DeterminismAnswer:
    analysis, predicted = judged.analysis, judged.predicted
    accepted = {one.key: one for one in judged.accepted}
    return wire.DeterminismAnswer(
        run_id=run.id,
        score=judged.score,
        band=_band(judged.score),
        source=judged.source,
        predicted=shaped(
            wire.PredictedView, analysis, score=predicted, band=_band(predicted), files=list(analysis.files)
        ),
        measured=None if judged.measured is None else _measured_view(judged.measured),
        unavailable=None if judged.score is not None else "outputs_missing" if analysis.attempts else "no_calls",
        issues=[_issue_view(issue, accepted) for issue in analysis.issues],
        accepted=[shaped(wire.AcceptedIssueView, one) for one in judged.accepted],
    )


def _band(score: int | None) -> wire.Band | None:
    return None if score is None else band_of(score).value


def _measured_view(measured: Measurement) -> wire.MeasuredView:
    low, high = interval(measured.score, measured.executions)
    return shaped(
        wire.MeasuredView,
        measured,
        band=band_of(measured.score).value,
        interval=IntervalView(low=low, high=high),
        changes=list(measured.changes),
        counts=measured.is_of_recorded_program,
    )


def _issue_view(issue: Issue, accepted: Mapping[str, AcceptedIssue]) -> wire.IssueView:
    place, acceptance = issue.place, accepted.get(issue.key)
    return shaped(
        wire.IssueView,
        issue,
        type=issue.kind.value,
        severity=issue.severity.value,
        side=issue.side.value,
        action_id=issue.action_ids[0],
        action_count=len(issue.action_ids),
        code=None if place is None else shaped(wire.CodePlaceView, place),
        flows=[shaped(wire.FlowView, flow, action_name=flow.name) for flow in issue.flows],
        recommendation=shaped(
            wire.RecommendationView,
            issue.advice,
            text=issue.advice.recommendation,
            docs=f"/help/determinism#{issue.kind.value}",
        ),
        accepted=None if acceptance is None else shaped(wire.AcceptedIssueView, acceptance),
    )


S = TypeVar("S", bound=msgspec.Struct)


class _Process(msgspec.Struct):
    """A program as `titan_sdk.recording.program` reports it; other clients may report less."""

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
    """Show a run's code: for each process and job its command, modules, interpreter and packages."""
    return await code_of(call)


async def code_of(call: Call) -> CodeAnswer:
    """Return the code of the run that the path names."""

    def find(reader: CallReader) -> tuple[Run, Sequence[tuple[str, str | None]]]:
        run = find_recorded_run(reader, call)
        processes = processes_of_run(reader, run)
        return run, [(entry.process or "{}", entry.program.blob if entry.program else None) for entry in processes]

    run, processes = await call.read_runs(find)
    jobs = await call.read(lambda reader: _jobs_of(reader, run))
    return await asyncio.to_thread(_code_answer, call.app.blobs, processes, jobs)


def _jobs_of(reader: Reader, run: Run) -> list[Job]:
    stages = reader.stages_of_runs(run.project_id, [run.id]).get(run.id, [])
    return [job for dag in stages for job in reader.jobs_of_dag(dag.id) if job.spec.filename is not None]


def _code_answer(blobs: Blobs, processes: Sequence[tuple[str, str | None]], jobs: Sequence[Job]) -> CodeAnswer:
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
    except msgspec.DecodeError:  # reported by another client in another form
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
