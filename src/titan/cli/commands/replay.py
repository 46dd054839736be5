"""`titan replay` and `titan runs compare`: find where a program diverges from a recorded run, and why."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from titan.cli import lookup
from titan.cli.commands import runs
from titan.cli.exit_codes import ExitCode, refused, usage_error
from titan.cli.options import EVERYDAY, Answer, RunArgument, Timeout, argument, asks, option
from titan.cli.recordings import Executed, executed, fetched, is_trusted, read_recording, replay_failed
from titan.cli.server import Document, Server, read
from titan.cli.terminal import Column, Columns, remark, say, show_table
from titan.cli.views.formats import count, money
from titan.replay import suite
from titan.replay.execution import ReplayFailed
from titan.replay.investigation import changed_words
from titan.wire.replays import ComparedRowView, ComparisonView, DivergenceView, ReplayDetailView, ReplayMetrics
from titan.wire.runs import RegistryAnswer

everyday = typer.Typer()

EXAMPLE: Final = "titan replay RUN -- python agent.py"
NO_PROGRAM: Final = f"a program after --: {EXAMPLE}"
_CAUSES: Final = {
    "hash_seed": "the order of sets and of what hashes decide (PYTHONHASHSEED)",
    "clock": "the clock",
    "uuid": "new UUIDs",
    "random": "random numbers",
    "environment": "the process: its id, its host's name, temporary names",
    "task_order": "the order in which calls that run side by side end",
    "file_listing": "the order in which directories are listed",
    "several": "several sources at once",
    "external_state": "something outside of the program that was not recorded",
    "code": "the program's own code: it is not that of the recording",
    "dependency_version": "an installed package: it has another version than when it was recorded",
    "code_or_dependencies": "the code, its packages or its environment: they are not those of the recording",
}

OneRun = Annotated[str | None, argument("[RUN]", "A run's id, or a file with its export.", lookup.run_ids)]
Executions = Annotated[
    int, option("--runs N", "Executions, each with another hash seed and order.", min=1, max=100, show_default=True)
]
NoCause = Annotated[bool, option("--no-cause", "Do not look for the cause; it takes 5 to 40 executions more.")]
OtherRun = Annotated[str, argument("OTHER", "The run to compare it with.", lookup.run_ids)]

_WAIT_SECONDS: Final = 20.0
_ANSWER_SECONDS: Final = _WAIT_SECONDS + 10  # the answer comes when the comparison has ended, or after so long
_STATUS: Final = {"match": "✅ Match", "diverged": "❌ Diverged", "unknown": "– Not recorded"}


def _cell(row: ComparedRowView, text: str | None) -> str | None:
    return text if text is None or row.part == "call" else f"{row.part}: {text}"


COMPARED_COLUMNS: Final[Columns[ComparedRowView]] = (
    Column("ACTION", lambda row, _: row.action),
    Column("ORIGINAL", lambda row, _: _cell(row, row.original), folds=True),
    Column("REPLAY", lambda row, _: _cell(row, row.replay), folds=True),
    Column("STATUS", lambda row, _: _STATUS[row.status]),
)
_GROUPS: Final[Columns[suite.Group]] = (
    Column("RUNS", lambda group, _: f"{len(group.runs):,}"),
    Column("FROM", lambda group, _: group.action),
    Column("DIVERGENCE", lambda group, _: group.kind if group.path is None else f"{group.kind} at {group.path}"),
    Column("CAUSE", lambda group, _: group.cause),
    Column("FOR EXAMPLE", lambda group, _: group.runs[0]),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRuns:
    """The options of `titan replay --last`."""

    last: Annotated[int | None, option("--last N", "Replay the last N runs that have ended.", min=1, max=10_000)] = None
    agent: Annotated[str | None, option("--agent AGENT", "Beside --last: only of this agent.", lookup.agent_ids)] = None
    status: Annotated[
        str, option("--status STATUS", "Beside --last: completed, failed, or both with a comma between.")
    ] = "completed,failed"
    jobs: Annotated[int, option("--jobs N", "Beside --last: so many side by side.", min=1, max=64)] = 1
    against: Annotated[
        str | None, option("--against REVISION", "Beside --last: on the code of this Git branch or commit.")
    ] = None
    junit: Annotated[Path | None, option("--junit FILE", "Beside --last: write a JUnit report.", dir_okay=False)] = None


@asks(
    everyday,
    "titan replay WEATHER_5f2c1a -- python weather.py",
    "titan replay WEATHER_5f2c1a --runs 10 --json -- python weather.py",
    "titan replay weather.jsonl -- python weather.py   # of an export, without a server",
    "titan replay --last 20 --agent WEATHER --junit replays.xml -- python weather.py   # a regression suite",
    panel=EVERYDAY,
)
def replay(
    titan: Server,
    context: typer.Context,
    run: OneRun = None,
    *,
    wanted: LastRuns,
    runs: Executions = 3,
    no_cause: NoCause = False,
    timeout: Timeout = None,
) -> Answer:
    """Run a program again with its calls answered from a recorded run; show where it diverges, and why.

    No recorded call is made: models and tools answer as they did, errors are raised again. Actions with
    effect="local", and `with` blocks, run and are compared. RUN may be a file that `titan runs export` wrote.
    Exits 1 where an execution differs from the recording.

    --last replays the last runs instead, each once, and groups those that differ by root and cause; {args} in the
    command is replaced by the arguments of the recorded program. --against replays them on another branch's code.
    Exits 2 where none can be replayed.
    """
    command = context.obj or []
    if not command:
        raise usage_error("titan replay", NO_PROGRAM, "none")
    if (run is None) is (wanted.last is None):
        raise usage_error("titan replay", "a run, or --last", "neither" if run is None else "both")
    if run is None:
        return replay_last(titan, wanted, command, timeout=timeout, finds_cause=not no_cause)
    try:
        done = executed(titan, run, command, runs=runs, finds_cause=not no_cause, timeout=timeout)
    except ReplayFailed as error:
        raise replay_failed(f"run {run}", "a replay", error) from error
    is_same = not done.comparison.divergence_count and done.found.root is None
    return Answer(
        {"run_id": done.run_id, "level": "re_execute", **msgspec.to_builtins(done.report)},
        lambda: _show(done),
        ExitCode.OK if is_same else ExitCode.FAILED,
    )


def _show(done: Executed) -> None:
    report, comparison, found = done.report, done.comparison, done.found
    show_table(COMPARED_COLUMNS, report.comparison.rows)
    if comparison.has_more_rows:
        say(f"… and more; --json has the divergences of all {comparison.compared:,} calls")
    say("")
    facts: list[tuple[str, object]] = [
        ("Original cost", f"${comparison.original_cost}"),
        ("Replay cost", f"${comparison.replay_cost}"),
        ("Savings", f"${comparison.savings}"),
        ("Divergences", comparison.divergence_count),
        ("Match rate", f"{100 * comparison.match_rate:.0f} %"),
        ("Determinism", f"{found.agreement.score} of 100, measured in {found.agreement.executions} executions"),
        ("Verdict", report.comparison.verdict),
        *(("Changed", change) for change in changed_words(found.executions[0].changes)),
    ]
    if found.cause is not None:
        facts.append(("Cause", f"{found.cause.source}: {_CAUSES[found.cause.source]} ({found.cause.evidence})"))
    if (statement := found.statement) is not None:
        line = f"{statement.file}:{statement.line} in {statement.function}: {statement.source or ''}"
        facts.append(("Statement", line))
        if statement.variable is not None:
            one, other = statement.values
            facts.append(("", f"{statement.variable} is {one} in one execution, {other} in another"))
    for title, text in facts:
        say(f"{title:<14} {text}")


# --- the last runs ---


def replay_last(
    titan: Server, wanted: LastRuns, command: Sequence[str], *, timeout: float | None, finds_cause: bool
) -> Answer:
    """Replay the last runs of an agent; Ctrl-C keeps what was found."""
    here = Path.cwd()
    with ExitStack() as opened:
        name = opened.enter_context(tempfile.TemporaryDirectory(prefix="titan-replay-"))
        candidate = suite.Candidate(command=command, timeout=timeout, folder=here)
        if wanted.against is not None:
            try:
                folder = opened.enter_context(suite.checked_out(wanted.against, here))
            except ReplayFailed as error:
                expected = "a branch or commit of this folder's repository"
                raise refused("--against", expected, str(error), "git branch lists them.") from error
            candidate = suite.Candidate(command=suite.from_here(command, here), timeout=timeout, folder=folder)
        recordings: list[suite.Recorded] = []
        cases: list[suite.Case] = []
        query = {"agent_id": wanted.agent, "status": wanted.status, "window": "all"}
        page = read(runs.listed(titan, query, limit=wanted.last or 1), RegistryAnswer).data
        run_ids = [run.run_id for run in page]
        replays = suite.replay_all(_fetched(titan, run_ids, Path(name), recordings), candidate, jobs=wanted.jobs)
        is_cut = False
        try:
            for case in replays:
                cases.append(case)
                remark(f"{len(cases)} of {len(run_ids)}  {case.run_id}  {case.verdict}")
                if case.report is not None:
                    body = {"level": "re_execute", "report": msgspec.to_builtins(case.report)}
                    titan.post("api", "v1", "runs", case.run_id, "replays", body=body)
            if finds_cause:
                remark("Looking for the causes")
                cases = suite.with_causes(cases, recordings, candidate)
        except KeyboardInterrupt:
            is_cut = True
        finally:
            replays.close()
    if wanted.junit is not None:
        wanted.junit.write_bytes(suite.junit(cases, name=wanted.agent or "titan replay"))
    found = suite.groups(cases)
    document = {
        "runs": [_document(case) for case in cases],
        "groups": [msgspec.to_builtins(group) for group in found],
        "is_complete": not is_cut,
    }
    exit_code = ExitCode.INTERRUPTED if is_cut else _exit_code(cases)
    return Answer(document, lambda: _show_cases(cases, found), exit_code)


def _fetched(
    titan: Server, run_ids: Sequence[str], folder: Path, kept: list[suite.Recorded]
) -> Iterator[suite.Recorded]:
    """Fetch each run's recording when it is about to be replayed."""
    for number, run_id in enumerate(run_ids):
        own = folder / str(number)
        own.mkdir()
        path = fetched(titan, run_id, own)
        run, actions = read_recording(path, run_id)
        kept.append(suite.Recorded(path=path, run=run, actions=actions, is_trusted=is_trusted(titan, run_id)))
        yield kept[-1]


def _exit_code(cases: Sequence[suite.Case]) -> ExitCode:
    if any(case.state is suite.CaseState.DIVERGED for case in cases):
        return ExitCode.FAILED
    # 2 where nothing could be replayed, as of a measurement that could not be made
    return ExitCode.OK if any(case.state is suite.CaseState.SAME for case in cases) else ExitCode.USAGE


def _document(case: suite.Case) -> Document:
    rate = None if case.report is None else case.report.metrics.match_rate
    return {"run_id": case.run_id, "state": case.state.value, "verdict": case.verdict, "match_rate": rate}


def _show_cases(cases: Sequence[suite.Case], found: Sequence[suite.Group]) -> None:
    if found:
        show_table(_GROUPS, found)
    said = ", ".join(f"{sum(case.state is state for case in cases)} {state}" for state in suite.CaseState)
    say(f"{count(len(cases), 'run')}: {said}")


# --- compare ---


@asks(
    runs.app,
    "titan runs compare RESEARCH_cb5e13 RESEARCH_d1aa07",
    "titan runs compare RESEARCH_cb5e13 RESEARCH_d1aa07 --json | jq .metrics.match_rate",
)
def compare(titan: Server, run: RunArgument, other: OtherRun) -> Answer:
    """Compare a run with another one, action by action; nothing is executed. Exit 1 where they diverge."""
    path: tuple[str, ...] = ("api", "v1", "runs", run, "replays")
    path = (*path, str(titan.post(*path, body={"level": "compare", "with_run": other})["id"]))
    waiting = {"wait_seconds": _WAIT_SECONDS, "timeout_seconds": _ANSWER_SECONDS}
    while (document := titan.get(*path, **waiting))["state"] == "running":
        continue
    found = read(document, ReplayDetailView)
    if found.metrics is None or found.result is None or found.result.comparison is None:
        state = f"one that is {found.state}{f': {found.error}' if found.error else ''}"
        raise refused(f"comparison of {run} with {other}", "one that completes", state, "Start it again.")
    metrics, comparison = found.metrics, found.result.comparison
    exit_code = ExitCode.FAILED if metrics.divergences else ExitCode.OK
    return Answer(document, lambda: _show_comparison(metrics, comparison), exit_code)


def _show_comparison(metrics: ReplayMetrics, comparison: ComparisonView) -> None:
    rate = 0.0 if metrics.match_rate is None else metrics.match_rate
    say(
        f"{100 * rate:.4g} % of {count(metrics.calls, 'call')} match"
        f"  original {money(metrics.original_cost_usd)}  replay {money(metrics.replay_cost_usd)}"
        f"  savings {money(metrics.savings_usd)}"
    )
    say(f"Verdict: {comparison.verdict}")
    for place, divergence in enumerate(comparison.divergences, start=1):
        say(_line(place, divergence))
    if comparison.rows:
        show_table(COMPARED_COLUMNS, comparison.rows)
    if comparison.has_more_rows:
        remark(f"These are the first {len(comparison.rows):,} rows.")


def _line(place: int, divergence: DivergenceView) -> str:
    words = [f"{place}.", divergence.kind, divergence.action]
    if divergence.replay_action not in (None, divergence.action):
        words.append(f"→ {divergence.replay_action}")
    if divergence.path is not None:
        words.append(f"at {divergence.path}")
    if divergence.is_root:
        words.append("(root)")
    if divergence.consequence_of is not None:
        words.append(f"(consequence of {divergence.consequence_of + 1})")
    return " ".join(words)
