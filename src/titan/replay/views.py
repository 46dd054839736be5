"""Replays as JSON: what a comparison and an investigation found, in the shapes of the wire."""

from titan.insight.replay.comparison import Comparison
from titan.model.shaped import shaped
from titan.replay.investigation import Investigation
from titan.wire.replays import (
    CauseView,
    ComparedRowView,
    ComparisonView,
    DivergenceView,
    ReExecutionView,
    ReplayMetrics,
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


def comparison_view(found: Comparison) -> ComparisonView:
    """Return how a replay differs from its original."""
    return ComparisonView(
        divergences=tuple(shaped(DivergenceView, one) for one in found.divergences),
        rows=tuple(shaped(ComparedRowView, row) for row in found.rows),
        has_more_rows=found.has_more_rows,
    )


def re_execution_view(found: Investigation, *, verdict: str, command: str) -> ReExecutionView:
    """Return what executing a program again showed."""
    cause, statement = found.cause, found.statement
    return ReExecutionView(
        command=command,
        verdict=verdict,
        score=found.agreement.score,
        executions=found.agreement.executions,
        differing=found.agreement.differing,
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
