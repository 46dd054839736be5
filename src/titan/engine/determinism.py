"""Predicts the determinism of a run when it is looked at, and in the background the score of each that ended."""

import asyncio
import logging
import time
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from titan.insight.bodies import bodies_of
from titan.insight.determinism.analysis import analyse, score_of
from titan.insight.determinism.code import LONGEST_SOURCE
from titan.insight.determinism.model import Analysis, Recorded
from titan.model.actions import ActionEntry, Entry
from titan.model.errors import StoreError
from titan.model.runs import AcceptedIssue, Run
from titan.ports import Blobs, Store
from titan.ports_calls import CallReader, CallStore, CallTransaction

SWEEP_SECONDS: Final = 5.0
SCORED_AT_ONCE: Final = 20
RESTS: Final = 4  # times as long as it computed: a fifth of a core at the most
PAGE: Final = 500  # entries that are read at once
MOST_BYTES: Final = 64 * 2**20  # of inputs and outputs; of a longer run, the actions that were reported first count
MOST_JOBS: Final = 1000  # the newest, whose scripts are looked at
MOST_SCRIPTS: Final = 50

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What is predicted of a run."""

    analysis: Analysis
    accepted: Sequence[AcceptedIssue]  #: in all runs of the agent
    score: int | None  #: None: the run made no calls, or their content is not stored


class Determinism:
    """Reads a run's tape and scripts, and predicts from them."""

    def __init__(self, calls: CallStore, store: Store, blobs: Blobs) -> None:
        self._calls = calls
        self._store = store
        self._blobs = blobs

    def predict(self, run: Run) -> Prediction:
        """Return what is predicted of a run; it reads all that the run recorded."""
        recorded, accepted = self._calls.read(partial(_read, run=run))
        analysis = analyse(recorded, self._scripts(run))
        score = score_of(analysis, {issue.key for issue in accepted})
        return Prediction(analysis=analysis, accepted=accepted, score=score)

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
        """Store the scores of some runs that have none as they are now; return the seconds that it took."""
        began = time.monotonic()
        for project_id, run_id in self._calls.read(lambda reader: reader.runs_to_score(limit=SCORED_AT_ONCE)):
            version, run = self._calls.read(partial(_found, project_id=project_id, run_id=run_id))
            score = None if run is None else self._score(run)
            self._calls.transact(
                partial(_save, project_id=project_id, run_id=run_id, score=score, version=version)
            ).result()
        return time.monotonic() - began

    def _score(self, run: Run) -> int | None:
        """Return a run's score; None where it cannot be predicted: the others are not to suffer for it."""
        try:
            return self.predict(run).score
        except StoreError:
            raise
        except Exception:
            logger.exception("the determinism of run %r of project %r could not be predicted", run.id, run.project_id)
            return None

    def _scripts(self, run: Run) -> dict[str, str]:
        """Return file name → source of what the run's jobs ran; a run without stages may be named by one submission."""
        jobs = self._store.read(lambda reader: reader.jobs(run.project_id, run_id=run.id, limit=MOST_JOBS))
        if not jobs:
            jobs = self._store.read(lambda reader: reader.jobs(run.project_id, dag_id=run.id, limit=MOST_JOBS))
        specs = {(job.spec.script, job.spec.archive): job.spec for job in jobs}
        found: dict[str, str] = {}
        for spec in specs.values():
            path = self._blobs.path(spec.archive or spec.script or "")
            if path is None or spec.filename is None or len(found) >= MOST_SCRIPTS:
                continue
            found = (_in_archive(path) if spec.archive else {spec.filename: _source(path.read_bytes())}) | found
        return found


def _found(reader: CallReader, project_id: str, run_id: str) -> tuple[int, Run | None]:
    """Return the number of the newest change, and a run: what changes later has it scored again."""
    return reader.newest_version(), reader.run(project_id, run_id)


def _save(tx: CallTransaction, *, project_id: str, run_id: str, score: int | None, version: int) -> None:
    tx.save_determinism(project_id, run_id, score, version=version)


def _read(reader: CallReader, *, run: Run) -> tuple[list[Recorded], list[AcceptedIssue]]:
    """Return a run's actions with their content, and what is accepted in its agent's runs."""
    told: defaultdict[int, list[Entry]] = defaultdict(list)
    size, after = 0, 0
    while size < MOST_BYTES and (page := reader.tape(run.project_id, run.id, after=after, limit=PAGE)):
        after = page[-1].number
        for stored in page:
            if stored.action_number is not None:
                told[stored.action_number].append(stored.entry)
                size += _size(stored.entry)
    actions = reader.actions_of_run(run.project_id, run.id)
    recorded = [Recorded(action=action, bodies=bodies_of(told[action.number])) for action in actions]
    return recorded, reader.accepted_issues(run.project_id, run.agent_id)


def _size(entry: Entry) -> int:
    payloads = (entry.inputs, entry.outputs) if isinstance(entry, ActionEntry) else ()
    return sum(len(payload.text) + sum(map(len, payload.shared)) for payload in payloads if payload is not None)


def _in_archive(path: Path) -> dict[str, str]:
    """Return the Python files of a project's archive; nothing of one that cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [one for one in archive.infolist() if one.filename.endswith(".py")]
            fit = [one for one in members if one.file_size <= LONGEST_SOURCE][:MOST_SCRIPTS]
            return {one.filename: _source(archive.read(one)) for one in fit}
    except (OSError, zipfile.BadZipFile, RuntimeError):  # damaged, encrypted, or compressed in another way
        return {}


def _source(content: bytes) -> str:
    return content[: LONGEST_SOURCE + 1].decode(errors="replace")
