"""`titan replay --last N`: the last runs of an agent as a regression suite."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec

from titan.cli import completion
from titan.cli.exit_codes import ExitCode, refused
from titan.cli.options import Answer, option
from titan.cli.recordings import fetched, read_recording
from titan.cli.server import Document, Server, read
from titan.cli.terminal import Column, Columns, remark, say, show_table
from titan.cli.views.formats import count
from titan.replay.execution import ReplayFailed
from titan.replay.suite import (
    Candidate,
    Case,
    CaseState,
    Group,
    Recorded,
    checked_out,
    from_here,
    groups,
    junit,
    replay_all,
    with_causes,
)
from titan.wire.runs import RegistryAnswer

_NONE_REPLAYED: Final = ExitCode.USAGE  # 2, as of a measurement that could not be made


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRuns:
    """Which runs, and how they are replayed."""

    last: Annotated[int | None, option("--last N", "Replay the last N runs that have ended.", min=1, max=10_000)] = None
    agent: Annotated[
        str | None, option("--agent AGENT", "Beside --last: only of this agent.", completion.agent_ids)
    ] = None
    status: Annotated[
        str, option("--status STATUS", "Beside --last: completed, failed, or both with a comma between.")
    ] = "completed,failed"
    jobs: Annotated[int, option("--jobs N", "Beside --last: so many side by side.", min=1, max=64)] = 1
    against: Annotated[
        str | None,
        option("--against REVISION", "Beside --last: on the code of this Git branch or commit."),
    ] = None
    junit: Annotated[Path | None, option("--junit FILE", "Beside --last: write a JUnit report.", dir_okay=False)] = None


def replay_last(
    titan: Server, wanted: LastRuns, command: Sequence[str], *, timeout: float | None, finds_cause: bool
) -> Answer:
    """Replay the last runs of an agent; Ctrl-C keeps what was found."""
    here = Path.cwd()
    with ExitStack() as opened:
        name = opened.enter_context(tempfile.TemporaryDirectory(prefix="titan-replay-"))
        candidate = Candidate(command=command, timeout=timeout, folder=here)
        if wanted.against is not None:
            try:
                folder = opened.enter_context(checked_out(wanted.against, here))
            except ReplayFailed as error:
                raise refused(
                    "--against", "a branch or commit of this folder's repository", str(error), "git branch lists them."
                ) from error
            candidate = Candidate(command=from_here(command, here), timeout=timeout, folder=folder)
        recordings: list[Recorded] = []
        cases: list[Case] = []
        rows = list(_rows(titan, wanted))
        replays = replay_all(_fetched(titan, rows, Path(name), recordings), candidate, jobs=wanted.jobs)
        is_cut = False
        try:
            for case in replays:
                cases.append(case)
                remark(f"{len(cases)} of {len(rows)}  {case.run_id}  {case.verdict}")
                if case.report is not None:
                    body = {"level": "re_execute", "report": msgspec.to_builtins(case.report)}
                    titan.post("api", "v1", "runs", case.run_id, "replays", body=body)
            if finds_cause:
                remark("Looking for the causes")
                cases = with_causes(cases, recordings, candidate)
        except KeyboardInterrupt:
            is_cut = True
        finally:
            replays.close()
    if wanted.junit is not None:
        wanted.junit.write_bytes(junit(cases, name=wanted.agent or "titan replay"))
    found = groups(cases)
    document = {
        "runs": [_document(case) for case in cases],
        "groups": [msgspec.to_builtins(group) for group in found],
        "is_complete": not is_cut,
    }
    exit_code = ExitCode.INTERRUPTED if is_cut else _exit_code(cases)
    return Answer(document, lambda: _show(cases, found), exit_code)


def _rows(titan: Server, wanted: LastRuns) -> Iterator[str]:
    """Yield the ids of the runs, the newest first."""
    left, cursor = wanted.last or 0, None
    while left:
        answer = titan.get(
            *("api", "v1", "runs"),
            agent_id=wanted.agent,
            status=wanted.status,
            window="all",
            limit=min(left, 200),
            cursor=cursor,
        )
        page = read(answer, RegistryAnswer)
        yield from (run.run_id for run in page.data)
        left, cursor = left - len(page.data), page.next_cursor
        if cursor is None:
            return


def _fetched(titan: Server, runs: Sequence[str], folder: Path, kept: list[Recorded]) -> Iterator[Recorded]:
    """Yield the recordings of runs, each as it is to be replayed."""
    for number, run_id in enumerate(runs):
        own = folder / str(number)
        own.mkdir()
        path = fetched(titan, run_id, own)
        run, actions = read_recording(path, run_id)
        kept.append(Recorded(path=path, run=run, actions=actions))
        yield kept[-1]


def _exit_code(cases: Sequence[Case]) -> ExitCode:
    if any(case.state is CaseState.DIVERGED for case in cases):
        return ExitCode.FAILED
    return ExitCode.OK if any(case.state is CaseState.SAME for case in cases) else _NONE_REPLAYED


def _document(case: Case) -> Document:
    rate = None if case.report is None else case.report.metrics.match_rate
    document: Document = {"run_id": case.run_id, "state": case.state.value, "verdict": case.verdict, "match_rate": rate}
    return document


def _show(cases: Sequence[Case], found: Sequence[Group]) -> None:
    if found:
        show_table(_GROUPS, found)
    said = ", ".join(f"{sum(case.state is state for case in cases)} {state}" for state in CaseState)
    say(f"{count(len(cases), 'run')}: {said}")


_GROUPS: Final[Columns[Group]] = (
    Column("RUNS", lambda group, _: f"{len(group.runs):,}"),
    Column("FROM", lambda group, _: group.action),
    Column("DIVERGENCE", lambda group, _: group.kind if group.path is None else f"{group.kind} at {group.path}"),
    Column("CAUSE", lambda group, _: group.cause),
    Column("FOR EXAMPLE", lambda group, _: group.runs[0]),
)
