"""The routes of runs and of what is recorded of them: a part of the list in `table`."""

from typing import Final

from titan.rules.access import Permission
from titan.server.route import Route
from titan.server.routes import (
    again,
    determinism,
    exporting,
    importing,
    intercepts,
    ledger_export,
    left_files,
    notes,
    otlp,
    recording,
    registry,
    runs,
    scores,
    tapes,
    telemetry,
)
from titan.wire.actions import (
    ActionDetailView,
    BodiesAnswer,
    BodiesQuery,
    CallsQuery,
    FindAnswer,
    FindQuery,
    LedgerAnswer,
    LedgerExportQuery,
    LedgerQuery,
    SkeletonAnswer,
    SkeletonQuery,
)
from titan.wire.agents import AgentsAnswer, AgentsQuery, AgentStatsView
from titan.wire.base import OkAnswer
from titan.wire.determinism import AcceptedIssueView, AcceptIssueBody, DeterminismAnswer
from titan.wire.files import FilesQuery, LeftFilesAnswer
from titan.wire.notes import InterceptsAnswer, InterceptsQuery, NewNoteBody, NotesAnswer, NoteView, UnmuteAnswer
from titan.wire.recording import EndRunBody, RecordAnswer, RecordBody, RecordQuery
from titan.wire.runs import (
    ChainAnswer,
    ExportQuery,
    ImportAnswer,
    ImportQuery,
    RegistryAnswer,
    RegistryQuery,
    RunDetailView,
    RunView,
    TallyView,
)
from titan.wire.scores import IngestionAnswer
from titan.wire.work import Cancelled, Resumed, Retried

RUN: Final = "/api/v1/runs/{run:str}"
ACTION: Final = RUN + "/actions/{action:str}"

#: Where exporters of OpenTelemetry send; the last is Langfuse's name for the first.
OTLP: Final = (
    ("/v1/traces", otlp.take_traces),
    ("/v1/logs", otlp.take_logs),
    ("/v1/metrics", otlp.take_metrics),
    ("/api/public/otel/v1/traces", otlp.take_traces),
)

RECORDING_ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="POST",
        path="/api/v1/actions",
        handler=recording.record_actions,
        permission=Permission.DELIVER,
        query=RecordQuery,
        body=RecordBody,
        answer=RecordAnswer,
        adds=True,
    ),
    *(
        Route(
            method="POST", path=path, handler=handler, permission=Permission.RECORD, body=bytes, answer=bytes, adds=True
        )
        for path, handler in OTLP
    ),
    Route(
        method="POST",
        path="/api/public/scores",
        handler=scores.add_scores,
        permission=Permission.RECORD,
        body=dict,  # or a list of them
        answer=dict,  # of one score or of a list: see titan.wire.scores
        adds=True,
    ),
    Route(
        method="POST",
        path="/api/public/ingestion",
        handler=scores.take_ingestion,
        permission=Permission.RECORD,
        body=dict,
        answer=IngestionAnswer,
        status_code=207,
        adds=True,
    ),
    Route(
        method="POST",
        path="/v1/traces/ingest",
        handler=otlp.take_openai_agents,
        permission=Permission.RECORD,
        body=dict,
        answer=dict,
        adds=True,
    ),
    Route(
        method="GET",
        path="/api/v1/runs",
        handler=runs.list_runs,
        permission=Permission.SEE_ALL,
        query=RegistryQuery,
        answer=RegistryAnswer,
    ),
    Route(
        method="GET",
        path="/api/v1/runs/export",
        handler=exporting.export_runs,
        permission=Permission.SEE_ALL,
        query=ExportQuery,
        answer=bytes,
    ),
    Route(
        method="POST",
        path="/api/v1/import",
        handler=importing.import_runs,
        permission=Permission.ADMINISTER,
        query=ImportQuery,
        body=bytes,
        answer=ImportAnswer,
        adds=True,
    ),
    Route(
        method="GET",
        path="/api/v1/replay/{run:str}/bundle",
        handler=exporting.show_bundle,
        permission=Permission.SEE_ALL,
        answer=dict,
    ),
    Route(
        method="GET",
        path="/api/v1/intercepts",
        handler=intercepts.list_intercepts,
        permission=Permission.SEE_ALL,
        query=InterceptsQuery,
        answer=InterceptsAnswer,
    ),
    Route(
        method="GET",
        path=RUN,
        handler=runs.show_run,
        permission=Permission.SEE_WORK,
        answer=RunDetailView,
    ),
    Route(
        method="DELETE",
        path=RUN,
        handler=runs.delete_run,
        permission=Permission.ADMINISTER,
        answer=OkAnswer,
    ),
    Route(
        method="POST",
        path=RUN + "/end",
        handler=runs.end_run,
        permission=Permission.CHANGE_WORK,
        body=EndRunBody,
        answer=RunView,
        mutates=True,
    ),
    Route(
        method="POST",
        path=RUN + "/pin",
        handler=runs.pin_run,
        permission=Permission.CHANGE_WORK,
        answer=RunView,
    ),
    Route(
        method="POST",
        path=RUN + "/unpin",
        handler=runs.unpin_run,
        permission=Permission.CHANGE_WORK,
        answer=RunView,
    ),
    Route(
        method="POST",
        path=RUN + "/cancel",
        handler=runs.cancel_run,
        permission=Permission.CHANGE_WORK,
        answer=Cancelled,
        mutates=True,
    ),
    Route(
        method="POST",
        path=RUN + "/retry",
        handler=again.retry_a_run,
        permission=Permission.CHANGE_WORK,
        answer=Retried,
        mutates=True,
        adds=True,
    ),
    Route(
        method="POST",
        path=RUN + "/resume",
        handler=again.resume_a_run,
        permission=Permission.CHANGE_WORK,
        answer=Resumed,
        mutates=True,
        adds=True,
    ),
    Route(
        method="GET",
        path=RUN + "/files",
        handler=left_files.files_of_run,
        permission=Permission.SEE_WORK,
        query=FilesQuery,
        answer=LeftFilesAnswer,
    ),
    Route(
        method="POST",
        path=RUN + "/archive",
        handler=runs.archive_run,
        permission=Permission.ADMINISTER,
        answer=RunView,
    ),
    Route(
        method="POST",
        path=RUN + "/restore",
        handler=runs.restore_run,
        permission=Permission.ADMINISTER,
        answer=RunView,
    ),
    Route(
        method="GET",
        path=RUN + "/skeleton",
        handler=telemetry.show_skeleton,
        permission=Permission.SEE_ALL,
        query=SkeletonQuery,
        answer=SkeletonAnswer,
    ),
    Route(
        method="GET",
        path=RUN + "/bodies",
        handler=telemetry.show_bodies,
        permission=Permission.SEE_ALL,
        query=BodiesQuery,
        answer=BodiesAnswer,
    ),
    Route(
        method="GET",
        path=RUN + "/find",
        handler=telemetry.find_in_run,
        permission=Permission.SEE_ALL,
        query=FindQuery,
        answer=FindAnswer,
    ),
    Route(
        method="GET",
        path=RUN + "/chain",
        handler=tapes.verify_tape,
        permission=Permission.SEE_ALL,
        answer=ChainAnswer,
    ),
    Route(
        method="GET",
        path=RUN + "/determinism",
        handler=determinism.show_determinism,
        permission=Permission.SEE_ALL,
        answer=DeterminismAnswer,
    ),
    Route(
        method="PUT",
        path=RUN + "/determinism/accepted/{issue:str}",
        handler=determinism.accept_issue,
        permission=Permission.ADMINISTER,
        body=AcceptIssueBody,
        answer=AcceptedIssueView,
    ),
    Route(
        method="DELETE",
        path=RUN + "/determinism/accepted/{issue:str}",
        handler=determinism.withdraw_acceptance,
        permission=Permission.ADMINISTER,
        answer=OkAnswer,
    ),
    Route(
        method="GET",
        path=RUN + "/notes",
        handler=notes.list_notes,
        permission=Permission.SEE_ALL,
        answer=NotesAnswer,
    ),
    Route(
        method="POST",
        path=RUN + "/notes",
        handler=notes.add_note,
        permission=Permission.ADMINISTER,
        body=NewNoteBody,
        answer=NoteView,
        status_code=201,
        mutates=True,
    ),
    Route(
        method="DELETE",
        path=RUN + "/notes/{note:str}",
        handler=notes.take_back_note,
        permission=Permission.ADMINISTER,
        answer=OkAnswer,
    ),
    Route(
        method="POST",
        path=RUN + "/unmute",
        handler=notes.unmute_run,
        permission=Permission.ADMINISTER,
        answer=UnmuteAnswer,
    ),
    Route(
        method="GET",
        path=ACTION,
        handler=telemetry.show_action,
        permission=Permission.SEE_ALL,
        answer=ActionDetailView,
    ),
    Route(
        method="GET",
        path=ACTION + "/inputs",
        handler=telemetry.download_inputs,
        permission=Permission.SEE_ALL,
        answer=bytes,
    ),
    Route(
        method="GET",
        path=ACTION + "/outputs",
        handler=telemetry.download_outputs,
        permission=Permission.SEE_ALL,
        answer=bytes,
    ),
    Route(
        method="GET",
        path="/api/v1/ledger",
        handler=telemetry.show_ledger,
        permission=Permission.SEE_ALL,
        query=LedgerQuery,
        answer=LedgerAnswer,
    ),
    Route(
        method="GET",
        path="/api/v1/ledger/stats",
        handler=telemetry.show_ledger_stats,
        permission=Permission.SEE_ALL,
        query=CallsQuery,
        answer=TallyView,
    ),
    Route(
        method="GET",
        path="/api/v1/ledger/export",
        handler=ledger_export.export_ledger,
        permission=Permission.SEE_ALL,
        query=LedgerExportQuery,
        answer=bytes,
    ),
    Route(
        method="GET",
        path="/api/v1/agents",
        handler=registry.list_agents,
        permission=Permission.SEE_ALL,
        query=AgentsQuery,
        answer=AgentsAnswer,
    ),
    Route(
        method="GET",
        path="/api/v1/agents/{agent:str}/stats",
        handler=registry.show_agent,
        permission=Permission.SEE_ALL,
        answer=AgentStatsView,
    ),
)
