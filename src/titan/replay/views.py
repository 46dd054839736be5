"""Replays as JSON: what a comparison and an investigation found, in the shapes of the wire."""

from titan.insight.replay.comparison import Comparison, verdict
from titan.model.shaped import shaped
from titan.replay.investigation import Investigation, changed_words
from titan.wire.replays import (
    CauseView,
    ComparedRowView,
    ComparisonView,
    DivergenceView,
    ReExecutionView,
    ReplayMetrics,
    ReplayReport,
    StatementView,
)


def metrics_of(found: Comparison) -> ReplayMetrics:
    """Return what a comparison comes to, in numbers."""
    return ReplayMetrics(
        original_cost_usd=found.original_cost,
        replay_cost_usd=found.replay_cost,
        savings_usd=found.savings,
        calls=found.compared,
        divergences=found.divergence_count,
        match_rate=found.match_rate,
        uncompared=found.uncompared,
    )


def comparison_view(found: Comparison, sentence: str) -> ComparisonView:
    """Return how a replay differs from its original."""
    return ComparisonView(
        verdict=sentence,
        divergences=tuple(shaped(DivergenceView, one) for one in found.divergences),
        rows=tuple(shaped(ComparedRowView, row) for row in found.rows),
        has_more_rows=found.has_more_rows,
    )


def re_execution_view(found: Investigation, *, command: str) -> ReExecutionView:
    """Return what executing a program again showed."""
    cause, statement = found.cause, found.statement
    return ReExecutionView(
        command=command,
        score=found.agreement.score,
        executions=found.agreement.executions,
        differing=found.agreement.differing,
        changes=changed_words(found.executions[0].changes),
        cause=None if cause is None else CauseView(source=cause.source, evidence=cause.evidence),
        statement=None
        if statement is None
        else StatementView(
            file=statement.file,
            line=statement.line,
            function=statement.function,
            variable=statement.variable,
            values=list(statement.values),
            source=statement.source,
        ),
    )


def report_of(comparison: Comparison, found: Investigation, *, failed: bool, command: str) -> ReplayReport:
    """Return what executing a run's program again showed; `failed` says whether the run had."""
    sentence = verdict(comparison, failed=failed, fails_now=found.executions[0].exit_code != 0)
    return ReplayReport(
        metrics=metrics_of(comparison),
        comparison=comparison_view(comparison, sentence),
        re_execution=re_execution_view(found, command=command),
    )
