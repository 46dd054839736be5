"""`titan runs compare`: how another run differs from a run, action by action."""

from typing import Annotated, Final

from titan.cli import completion
from titan.cli.commands.runs import app
from titan.cli.exit_codes import ExitCode, refused
from titan.cli.options import Answer, RunArgument, argument, asks
from titan.cli.server import Document, Server, read
from titan.cli.terminal import Column, Columns, remark, say, show_table
from titan.cli.views.formats import count, money
from titan.wire.replays import ComparedRowView, ComparisonView, DivergenceView, ReplayDetailView, ReplayMetrics

OtherRun = Annotated[str, argument("OTHER", "The run to compare it with.", completion.run_ids)]

_WAIT_SECONDS: Final = 20.0
_ANSWER_SECONDS: Final = _WAIT_SECONDS + 10  # the answer comes when the comparison has ended, or after so long
_STATUS: Final = {"match": "✅ Match", "diverged": "❌ Diverged", "unknown": "– Not recorded"}


@asks(
    app,
    "titan runs compare RESEARCH_cb5e13 RESEARCH_d1aa07",
    "titan runs compare RESEARCH_cb5e13 RESEARCH_d1aa07 --json | jq .metrics.match_rate",
)
def compare(titan: Server, run: RunArgument, other: OtherRun) -> Answer:
    """Compare a run with another one, action by action; nothing is executed. Exit 1 where they diverge."""
    path = ("api", "v1", "runs", run, "replays")
    started = titan.post(*path, body={"level": "compare", "with_run": other})
    document = _ended(titan, *path, str(started["id"]))
    found = read(document, ReplayDetailView)
    if found.metrics is None or found.result is None or found.result.comparison is None:
        raise refused(
            f"comparison of {run} with {other}",
            "one that completes",
            f"one that is {found.state}" + (f": {found.error}" if found.error else ""),
            "Start it again.",
        )
    metrics, comparison = found.metrics, found.result.comparison
    exit_code = ExitCode.FAILED if metrics.divergences else ExitCode.OK
    return Answer(document, lambda: _show(metrics, comparison), exit_code)


def _ended(titan: Server, *path: str) -> Document:
    while True:
        replay = titan.get(*path, timeout_seconds=_ANSWER_SECONDS, wait_seconds=_WAIT_SECONDS)
        if replay["state"] != "running":
            return replay


def _show(metrics: ReplayMetrics, comparison: ComparisonView) -> None:
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


def _cell(row: ComparedRowView, text: str | None) -> str | None:
    return text if text is None or row.part == "call" else f"{row.part}: {text}"


COMPARED_COLUMNS: Final[Columns[ComparedRowView]] = (
    Column("ACTION", lambda row, _: row.action),
    Column("ORIGINAL", lambda row, _: _cell(row, row.original), folds=True),
    Column("REPLAY", lambda row, _: _cell(row, row.replay), folds=True),
    Column("STATUS", lambda row, _: _STATUS[row.status]),
)
