"""Replay many recorded runs on the current code: which diverge, where and why."""

import os
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import msgspec

from titan.insight.export_lines import ActionLine, RunLine
from titan.insight.replay.comparison import Divergence, compare
from titan.replay.execution import Program, ReplayFailed, end_all
from titan.replay.investigation import Investigator, recorded_actions, report_of
from titan.wire.replays import ReplayReport

# --- The code of another branch or commit, in a folder of its own ---


@contextmanager
def checked_out(revision: str, folder: Path) -> Iterator[Path]:
    """Check out a branch, tag or commit of the Git repository around `folder`; yield the same folder in it.

    Neither the repository's own work tree nor its index changes; at the end the copy is removed.

    Raises:
        ReplayFailed: `folder` is in no repository, or it has no such revision or folder.
    """
    top = Path(_git(folder, "rev-parse", "--show-toplevel"))
    commit = _git(folder, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    with tempfile.TemporaryDirectory(prefix="titan-against-") as name:
        tree = Path(name) / "tree"
        _git(folder, "worktree", "add", "--detach", "--quiet", str(tree), commit)
        try:
            there = tree / folder.resolve().relative_to(top.resolve())
            if not there.is_dir():
                raise ReplayFailed(f"{revision!r} has no folder {there.relative_to(tree)}")
            yield there
        finally:
            _git(folder, "worktree", "remove", "--force", str(tree))


def from_here(command: Sequence[str], folder: Path) -> list[str]:
    """Return a command with the full path of its program where that is in `folder`.

    So `.venv/bin/python` is the one of the work tree, which no other branch has.
    """
    program, *words = command
    here = folder / program
    return [str(here) if "/" in program and here.exists() else program, *words]


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    except OSError as error:
        raise ReplayFailed(f"git cannot be started: {error.strerror}") from None
    if done.returncode:
        raise ReplayFailed(f"git {words[0]}: {(done.stderr or done.stdout).strip()}")
    return done.stdout.strip()


ARGUMENTS: Final = "{args}"  #: replaced by those of the recorded program


class CaseState(StrEnum):
    """The result of replaying one run."""

    SAME = "same"  #: it repeats the recording, also a failure
    DIVERGED = "diverged"
    UNAVAILABLE = "unavailable"  #: it cannot be replayed


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A run to replay."""

    path: Path  #: of its export
    run: RunLine
    actions: Sequence[ActionLine]
    is_trusted: bool = False  #: see Program


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """The program on which recorded runs are replayed."""

    command: Sequence[str]
    timeout: float | None = None  #: seconds an execution; None: as long as it takes
    folder: Path = field(default_factory=Path.cwd)  #: where it is executed


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The result of one run."""

    run_id: str
    state: CaseState
    verdict: str  #: or why it cannot be replayed
    seconds: float
    report: ReplayReport | None = None
    root: Divergence | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Runs that diverge at the same call for the same cause."""

    kind: str
    action: str
    path: str | None
    cause: str | None
    runs: tuple[str, ...]


def replayed(recorded: Recorded, candidate: Candidate, *, runs: int = 1) -> Case:
    """Replay one run; with several `runs`, also find the cause of a divergence."""
    began = time.monotonic()
    actions = recorded_actions(recorded.actions)
    words = _with_arguments(candidate.command, recorded.run)
    program = Program(
        command=words,
        recording=recorded.path,
        run_id=recorded.run.run_id,
        actions=len(actions),
        folder=candidate.folder,
        timeout=candidate.timeout,
        is_trusted=recorded.is_trusted,
    )
    investigator = Investigator(program, actions, is_quiet=True)
    try:
        found = investigator.investigate(runs=runs, finds_cause=runs > 1)
    except ReplayFailed as error:
        took = time.monotonic() - began
        return Case(run_id=recorded.run.run_id, state=CaseState.UNAVAILABLE, verdict=str(error), seconds=took)
    comparison = compare(actions, investigator.replayed(found.executions[0]))
    report = report_of(comparison, found, failed=recorded.run.status == "failed", command=" ".join(words))
    return Case(
        run_id=recorded.run.run_id,
        state=CaseState.DIVERGED if comparison.divergence_count else CaseState.SAME,
        verdict=report.comparison.verdict,
        seconds=time.monotonic() - began,
        report=report,
        root=next((one for one in comparison.divergences if one.is_root), None),
        cause=None if found.cause is None or not comparison.divergence_count else found.cause.source,
    )


def replay_all(recordings: Iterable[Recorded], candidate: Candidate, *, jobs: int) -> Generator[Case, None, None]:
    """Replay all runs, `jobs` at a time, and yield the results as they end.

    Whoever closes the generator ends the programs that run.
    """
    waiting = iter(recordings)
    running = set[Future[Case]]()
    with ThreadPoolExecutor(jobs, thread_name_prefix="replay") as threads:
        try:
            while True:
                while len(running) < jobs and (recorded := next(waiting, None)) is not None:
                    running.add(threads.submit(replayed, recorded, candidate))
                if not running:
                    return
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (one.result() for one in ended)
        finally:
            end_all()


def groups(cases: Iterable[Case]) -> list[Group]:
    """Group the runs that diverged, largest group first."""
    found: dict[tuple[str, str, str | None], list[Case]] = {}
    for case in cases:
        if case.root is not None:
            found.setdefault((case.root.kind.value, case.root.action, case.root.path), []).append(case)
    made = [
        Group(
            kind=kind,
            action=action,
            path=path,
            cause=next((one.cause for one in members if one.cause), None),
            runs=tuple(one.run_id for one in members),
        )
        for (kind, action, path), members in found.items()
    ]
    return sorted(made, key=lambda group: -len(group.runs))


def with_causes(cases: Sequence[Case], recordings: Iterable[Recorded], candidate: Candidate) -> list[Case]:
    """Return the cases with causes, each found with one run of its group."""
    by_run = {recorded.run.run_id: recorded for recorded in recordings}
    causes: dict[str, str | None] = {}
    for group in groups(cases):
        cause = replayed(by_run[group.runs[0]], candidate, runs=3).cause
        causes |= dict.fromkeys(group.runs, cause)
    return [replace(case, cause=causes.get(case.run_id)) for case in cases]


def junit(cases: Sequence[Case], *, name: str) -> bytes:
    """Return the cases as a JUnit report: diverged runs failed, unavailable ones are skipped."""
    counts = {state: sum(case.state is state for case in cases) for state in CaseState}
    suite = ElementTree.Element(
        "testsuite",
        name=name,
        tests=str(len(cases)),
        failures=str(counts[CaseState.DIVERGED]),
        skipped=str(counts[CaseState.UNAVAILABLE]),
        time=f"{sum(case.seconds for case in cases):.3f}",
    )
    for case in cases:
        element = ElementTree.SubElement(
            suite, "testcase", classname=name, name=case.run_id, time=f"{case.seconds:.3f}"
        )
        if case.state is CaseState.DIVERGED:
            words = case.verdict if case.cause is None else f"{case.verdict}; cause: {case.cause}"
            ElementTree.SubElement(element, "failure", type=case.root.kind.value if case.root else "", message=words)
        elif case.state is CaseState.UNAVAILABLE:
            ElementTree.SubElement(element, "skipped", message=case.verdict)
    text: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return text


def _with_arguments(command: Sequence[str], run: RunLine) -> list[str]:
    """Return a command with the recorded program's arguments in place of ARGUMENTS."""
    if ARGUMENTS not in command:
        return list(command)
    reported = () if isinstance(run.processes, msgspec.UnsetType) else run.processes
    processes: list[dict[str, Any]] = [msgspec.json.decode(one.process) for one in reported]
    own = next((one for one in processes if one.get("job_id") is None), {})
    script = os.path.basename(own.get("script") or "")
    words: list[str] = own.get("command") or []
    place = next((place for place, word in enumerate(words) if os.path.basename(word) == script), len(words))
    at = list(command).index(ARGUMENTS)
    return [*command[:at], *words[place + 1 :], *command[at + 1 :]]
