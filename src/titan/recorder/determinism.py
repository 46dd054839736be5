"""Predicts the determinism of runs: on request, and in the background for each that ended.

When a run's program was executed again, the measured score counts too.
"""

import asyncio
import logging
import time
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from titan.insight.bodies import bodies_of, processes_of
from titan.insight.determinism.analysis import analyse, score_of
from titan.insight.determinism.code import LONGEST_SOURCE
from titan.insight.determinism.model import (
    FEWEST_EXECUTIONS,
    Analysis,
    Measurement,
    Recorded,
    Source,
    shown,
)
from titan.insight.trends import code_digest
from titan.model.actions import ActionEntry, Entry, RunEntry
from titan.model.errors import StoreError
from titan.model.runs import AcceptedIssue, Replay, ReplayLevel, ReplayState, Run
from titan.ports.jobs_store import Store
from titan.ports.runs_store import CallReader, CallStore
from titan.ports.runtime import Blobs
from titan.wire.replays import ReplayResult

SWEEP_SECONDS: Final = 5.0
SCORED_AT_ONCE: Final = 20
RESTS: Final = 4  # times as long as it computed: a fifth of a core at most
PAGE: Final = 500  # entries that are read at once
MOST_BYTES: Final = (
    64 * 2**20
)  # of inputs and outputs; of a longer run only the actions that were reported first are read
MOST_JOBS: Final = 1000  # the newest, whose scripts are looked at
MOST_SCRIPTS: Final = 50
MOST_REPLAYS: Final = 200  # the newest, among which the last measurement is looked for
MOST_MEASUREMENTS: Final = 20  # whose results are read: those of a regression suite are of one execution each

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The predicted and measured determinism of a run."""

    analysis: Analysis
    accepted: Sequence[AcceptedIssue]  #: in all runs of the agent
    predicted: int | None  #: None: the run made no calls, or their content is not stored
    measured: Measurement | None  #: the newest one of the recorded program, else of another
    score: int | None
    source: Source
    code_digest: str | None


class Determinism:
    """Predicts determinism from a run's recording, code and replays."""

    def __init__(self, calls: CallStore, store: Store, blobs: Blobs) -> None:
        self._calls = calls
        self._store = store
        self._blobs = blobs

    def judge(self, run: Run) -> Judged:
        """Return the determinism of a run; this reads all that the run recorded."""
        read = self._calls.read(partial(_read, run=run))
        code = self._code(run, read.processes)
        analysis = analyse(read.recorded, code.scripts)
        predicted = score_of(analysis, {issue.key for issue in read.accepted})
        score, source = shown(predicted, read.measured)
        return Judged(
            analysis=analysis,
            accepted=read.accepted,
            predicted=predicted,
            measured=read.measured,
            score=score,
            source=source,
            code_digest=code_digest(code.files),
        )

    async def keep(self) -> None:
        """Store the scores of runs that ended, until cancelled."""
        while True:
            try:
                worked = await asyncio.to_thread(self.score_runs)
            except StoreError as error:
                logger.warning("the determinism of runs is predicted later: %s", error)
                worked = 0.0
            await asyncio.sleep(max(SWEEP_SECONDS, RESTS * worked))

    def score_runs(self) -> float:
        """Score some runs that changed since their last score; return the seconds that it took."""
        began = time.monotonic()
        for project_id, run_id, stamp in self._calls.read(lambda reader: reader.runs_to_score(limit=SCORED_AT_ONCE)):
            self._score(project_id, run_id, stamp)
        return time.monotonic() - began

    def _score(self, project_id: str, run_id: str, stamp: int) -> None:
        """Store a run's score and code digest; no score when it cannot be judged, which must not stop the others.

        A change after the version that is read here has the run scored again.
        """
        version, run = self._calls.read(lambda reader: (reader.newest_version(), reader.run(project_id, run_id)))
        score, digest = None, None if run is None else run.code_digest
        try:
            if run is not None:
                judged = self.judge(run)
                score, digest = judged.score, judged.code_digest
        except StoreError:
            raise
        except Exception:
            logger.exception("the determinism of run %r of project %r could not be predicted", run_id, project_id)
        self._calls.transact(
            lambda tx: tx.save_determinism(project_id, run_id, score, digest, version=version, stamp=stamp)
        ).result()

    def _code(self, run: Run, processes: Sequence[RunEntry]) -> "_Code":
        """Return the code of the run's jobs, and of its programs as they reported it."""
        jobs = self._store.read(lambda reader: reader.jobs(run.project_id, run_id=run.id, limit=MOST_JOBS))
        if not jobs:  # a run without stages may be named by one submission
            jobs = self._store.read(lambda reader: reader.jobs(run.project_id, dag_id=run.id, limit=MOST_JOBS))
        specs = {(job.spec.script, job.spec.archive): job.spec for job in jobs}
        code = _Code()
        for spec in specs.values():
            digest = spec.archive or spec.script
            if digest is None or spec.filename is None:
                continue
            code.files.add((spec.filename, digest))
            path = self._blobs.path(digest)
            if path is not None and len(code.scripts) < MOST_SCRIPTS:
                own = _in_archive(path) if spec.archive else {spec.filename: _source(path.read_bytes())}
                code.scripts = own | code.scripts
        for digest in dict.fromkeys(entry.program.blob for entry in processes if entry.program and entry.program.blob):
            for module in _modules(self._blobs.path(digest)):
                code.files.add((module.path, module.sha256))
                if module.text is not None and len(code.scripts) < MOST_SCRIPTS:
                    code.scripts.setdefault(module.path, module.text[: LONGEST_SOURCE + 1])
        return code


@dataclass(slots=True)
class _Code:
    """The modules of a run."""

    scripts: dict[str, str] = field(default_factory=dict)  #: file name → source, of MOST_SCRIPTS
    files: set[tuple[str, str]] = field(default_factory=set)  #: file name and SHA-256, of all


class _Module(msgspec.Struct):
    path: str
    sha256: str
    text: str | None = None


class _Program(msgspec.Struct):
    """A program's report of its code; see `titan_sdk.recording.program`."""

    files: list[_Module] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recording:
    """All that is read of a run."""

    recorded: list[Recorded]
    processes: tuple[RunEntry, ...]
    accepted: list[AcceptedIssue]
    measured: Measurement | None


def _read(reader: CallReader, *, run: Run) -> _Recording:
    """Return a run's actions with content, its processes, its agent's accepted issues, and the measurement."""
    by_action: defaultdict[int, list[Entry]] = defaultdict(list)
    of_run: list[Entry] = []
    size, after = 0, 0
    while size < MOST_BYTES and (page := reader.tape(run.project_id, run.id, after=after, limit=PAGE)):
        after = page[-1].number
        for stored in page:
            if stored.action_number is None:
                of_run.append(stored.entry)
            else:
                by_action[stored.action_number].append(stored.entry)
                size += _size(stored.entry)
    actions = reader.actions_of_run(run.project_id, run.id)
    return _Recording(
        recorded=[Recorded(action=action, bodies=bodies_of(by_action[action.number])) for action in actions],
        processes=processes_of(of_run),
        accepted=reader.accepted_issues(run.project_id, run.agent_id),
        measured=_measured(reader, run),
    )


def _measured(reader: CallReader, run: Run) -> Measurement | None:
    """Return the newest measurement of a run's own program, else the newest one of another; None without any."""
    replays = reader.replays_of_run(run.project_id, run.id, limit=MOST_REPLAYS)
    executed = [one for one in replays if one.level is ReplayLevel.RE_EXECUTE and one.state is ReplayState.COMPLETED]
    newest: Measurement | None = None
    for listed in executed[:MOST_MEASUREMENTS]:
        measurement = _measurement(reader.replay(run.project_id, listed.id))
        if measurement is not None and measurement.is_of_recorded_program:
            return measurement
        newest = newest or measurement
    return newest


def _measurement(replay: Replay | None) -> Measurement | None:
    """Return the measurement of a replay; None when it executed the program less than twice."""
    if replay is None or replay.result is None:
        return None
    found = msgspec.json.decode(replay.result, type=ReplayResult).re_execution
    if found is None or found.executions < FEWEST_EXECUTIONS:
        return None
    return Measurement(
        replay_id=replay.id,
        at=replay.ended_at or replay.created_at,
        author=replay.author,
        command=found.command,
        score=found.score,
        executions=found.executions,
        changes=found.changes,
    )


def _size(entry: Entry) -> int:
    payloads = (entry.inputs, entry.outputs) if isinstance(entry, ActionEntry) else ()
    return sum(len(payload.text) + sum(map(len, payload.shared)) for payload in payloads if payload is not None)


def _in_archive(path: Path) -> dict[str, str]:
    """Return the Python files of an archive; empty when it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [one for one in archive.infolist() if one.filename.endswith(".py")]
            fit = [one for one in members if one.file_size <= LONGEST_SOURCE][:MOST_SCRIPTS]
            return {one.filename: _source(archive.read(one)) for one in fit}
    except (
        OSError,
        zipfile.BadZipFile,
        RuntimeError,
        zlib.error,
        EOFError,
        ValueError,
    ):  # damaged, encrypted, or compressed in another way
        return {}


def _modules(path: Path | None) -> list[_Module]:
    """Return the modules that a program reported; empty when its blob is gone or has another format."""
    if path is None:
        return []
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Program).files
    except (OSError, msgspec.DecodeError):
        return []


def _source(content: bytes) -> str:
    return content[: LONGEST_SOURCE + 1].decode(errors="replace")
