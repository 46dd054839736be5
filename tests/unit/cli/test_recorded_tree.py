"""The actions of a recorded run as a tree, and its money, as a person reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from tests.support.cli_answers import a_tally, an_answer
from titan.cli.commands.runs_files import imported_words
from titan.cli.views.formats import money
from titan.cli.views.runs import Call, action_columns, cost_of, progress_of, tree_of
from titan.model.actions import ActionKind, Outcome
from titan.model.run_control import RunStatus
from titan.wire.actions import SkeletonAnswer
from titan.wire.runs import ImportAnswer, ProgressView, RunView


def a_skeleton(**parents: int) -> SkeletonAnswer:
    """Return actions numbered from 1, a second apart, by name with the parent's number."""
    size = len(parents)
    run = an_answer(
        RunView,
        run_id="R_1",
        agent_id="R",
        status=RunStatus.COMPLETED,
        started_at=datetime(2026, 3, 1, tzinfo=UTC),
        tally=a_tally(calls=size),
    )
    none = [-1] * size
    return an_answer(
        SkeletonAnswer,
        run=run,
        names=list(parents),
        models=[],
        actors=[],
        error_types=[],
        number=list(range(1, size + 1)),
        id=list(parents),
        parent=list(parents.values()),
        kind=[ActionKind.TOOL] * size,
        name=list(range(size)),
        model=none,
        actor=none,
        error_type=none,
        start_us=[1_000_000 * place for place in range(size)],
        duration_ns=none,
        outcome=[Outcome.SUCCESS] * size,
        cost_usd=[None] * size,
        estimated=[],
        tokens=none,
    )


@pytest.mark.parametrize(
    ("parents", "tree"),
    [
        ({}, []),
        ({"a": 0, "b": 1, "c": 0, "d": 2, "e": 1}, ["a", " b", "  d", " e", "c"]),
        ({"late": 2, "parent": 0}, ["parent", " late"]),
        ({"orphan": -1, "lost": 77}, ["orphan", "lost"]),
        ({"top": 0, "a": 3, "b": 2}, ["top", "a", " b"]),
        ({"self": 1}, ["self"]),
    ],
)
def test_each_action_is_shown_once_below_its_caller(parents: dict[str, int], tree: list[str]) -> None:
    assert [" " * call.depth + call.name for call in tree_of(a_skeleton(**parents))] == tree


def test_a_chain_of_any_depth_is_a_tree() -> None:
    depth = 20_000

    calls = tree_of(a_skeleton(**{f"a{number}": number for number in range(depth)}))

    assert calls[-1].depth == depth - 1


@pytest.mark.parametrize(
    ("usd", "told"),
    [
        (None, "-"),
        ("0", "$0"),
        ("0E-12", "$0"),
        ("1204.5", "$1,204.50"),
        ("9223372.036854775807", "too large"),
        ("0.255", "$0.26"),
        ("0.0164", "$0.016"),
        ("0.05", "$0.05"),
        ("0.0999", "$0.10"),
        ("0.003124", "$0.00312"),
        ("0.0001302", "$0.00013"),
        ("0.000000000001", "$0.000000000001"),
    ],
)
def test_money_has_the_digits_that_count(usd: str | None, told: str) -> None:
    assert money(None if usd is None else Decimal(usd)) == told


@pytest.mark.parametrize(
    ("figures", "told"),
    [
        ({}, "-"),
        ({"calls": 2}, "$0"),
        ({"calls": 2, "unpriced": 2}, "2 unpriced"),
        ({"calls": 2, "unpriced": 1, "cost_usd": Decimal("0.12")}, "$0.12 + 1 unpriced"),
        ({"calls": 2, "estimated": 1, "cost_usd": Decimal("0.12")}, "≈$0.12"),
        ({"calls": 3, "estimated": 1, "unpriced": 1, "cost_usd": Decimal("0.12")}, "≈$0.12 + 1 unpriced"),
    ],
)
def test_a_sum_shows_how_many_values_it_lacks(figures: dict[str, int], told: str) -> None:
    assert cost_of(a_tally(**figures)) == told


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (ProgressView(share=0.1, source="reported", done=1, total=10), "10 % · 1 of 10"),
        (ProgressView(share=0.25, source="reported", done=25, total=100), "25 %"),
        (ProgressView(share=0.4, source="estimated"), "about 40 %"),
    ],
)
def test_progress_names_steps_where_they_say_more_than_the_share(progress: ProgressView, words: str) -> None:
    assert progress_of(progress) == words


@pytest.mark.parametrize(
    ("duration_ms", "outcome", "status", "told"),
    [
        (None, None, RunStatus.RUNNING, "10.0 s"),
        (None, None, RunStatus.FAILED, "-"),
        (None, Outcome.ERROR, RunStatus.RUNNING, "-"),
        (47_000.0, Outcome.ERROR, RunStatus.FAILED, "47.0 s"),
    ],
)
def test_only_running_actions_of_an_active_run_have_a_growing_duration(
    duration_ms: float | None, outcome: Outcome | None, status: RunStatus, told: str
) -> None:
    run = msgspec.structs.replace(a_skeleton().run, status=status)
    began = run.started_at
    call = Call(
        id="a",
        depth=0,
        kind=ActionKind.TOOL,
        name="a",
        started_at=began,
        duration_ms=duration_ms,
        outcome=outcome,
    )

    took = next(column for column in action_columns(run, {}, has_ids=False) if column.title == "TOOK")

    assert (took.cell(call, began + timedelta(seconds=10)) or "-") == told


@pytest.mark.parametrize(
    ("stored", "repeated", "notes", "told"),
    [
        (2, 0, 0, "Imported 1 run: 2 entries."),
        (1, 1, 1, "Imported 1 run: 1 entry and 1 note; 1 was known already."),
        (0, 2, 0, "Imported 1 run: 0 entries; 2 were known already."),
    ],
)
def test_an_import_prints_the_added_entries(stored: int, repeated: int, notes: int, told: str) -> None:
    assert imported_words(ImportAnswer(runs=1, stored=stored, repeated=repeated, notes=notes)) == told
