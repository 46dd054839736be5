"""Evaluations as a person reads them: a table of agents, who failed where and why, what one task's runs did."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from titan.cli.terminal import Column, Columns, say, show_table
from titan.cli.views.formats import count
from titan.evaluate.results import FieldResult, failure_mode_of, has_passed, why_not
from titan.wire.evaluations import AgentRunView

MOST_OF_A_KIND: Final = 8  # failed tasks of one agent and failure mode that are listed
MOST_MODES: Final = 4


def show_evaluation(
    workflow: str, results: Sequence[FieldResult], runs: Sequence[AgentRunView], *, shows_all: bool = False
) -> None:
    """Show what each agent came to, then the tasks that it failed by failure mode, in the scorers' words."""
    show_table(_field_columns(results), results)
    for result in results:
        _show_failures(workflow, result, runs, shows_all=shows_all)
    if not any(one.graded for one in results):
        say("grader unavailable: nothing graded")
    say("")
    say(f"Each call of a task's runs: titan eval show {workflow} --task TASK")


def show_details(document: Sequence[dict[str, Any]]) -> None:
    """Show what runs did, call by call."""
    for one in document:
        say(f"{one['field']}: {one['card_verdict']}{' ' + one['error_class'] if one['error_class'] else ''}")
        if one["error"] is not None:
            say(f"  {one['error']['message']}")
        for call in one["calls"]:
            arguments = msgspec.json.encode(call["arguments"]).decode()
            response = msgspec.json.encode(call["response"]).decode()
            say(f"  {call['sequence']:>3} {call['tool']} {arguments} → {response}  [{call['source']}]")
            for operation in call["operations"]:
                if operation["drop_reason"] is None:
                    target = operation.get("name") or f"{operation['type']} {operation['id']}"
                    say(f"        {operation['op']} {target}")
        for scorer in one["scorers"]:
            mode = f" ({scorer['failure_mode']})" if scorer.get("failure_mode") else ""
            say(f"  {scorer['verdict']:<5} {scorer['name']}{mode}: {scorer['detail']}")
        if one["final_response"] is not None:
            say(f"  said: {one['final_response']}")
        say("")


def show_comparison(
    field: str,
    other: str,
    rows: Sequence[tuple[str, AgentRunView | None, AgentRunView | None]],
    differing: Sequence[tuple[str, AgentRunView | None, AgentRunView | None]],
) -> None:
    """Show the tasks in which two agents differ."""
    columns: Columns[tuple[str, AgentRunView | None, AgentRunView | None]] = (
        Column("TASK", lambda row, _: row[0]),
        Column(field.upper(), lambda row, _: verdict_of(row[1])),
        Column(other.upper(), lambda row, _: verdict_of(row[2])),
    )
    show_table(columns, differing)
    say(f"{len(differing)} of {count(len(rows), 'task')} differ")


def verdict_of(one: AgentRunView | None) -> str:
    """Return a run's verdict and why, in two words."""
    if one is None:
        return "–"
    mode = failure_mode_of(one)
    return one.verdict if mode is None else f"{one.verdict} {mode}"


def _field_columns(results: Sequence[FieldResult]) -> Columns[FieldResult]:
    most = max((one.reliability[-1].k for one in results if one.reliability), default=1)
    every: Columns[FieldResult] = (
        (Column(f"ALL {most} PASS", lambda one, _: _all_tries(one, most), is_right=True),) if most > 1 else ()
    )
    return (
        Column("AGENT", lambda one, _: one.field),
        Column("PASSED", lambda one, _: f"{one.passed} of {one.graded}", is_right=True),
        Column("RATE", lambda one, _: _percent(one.pass_rate), is_right=True),
        Column("95 %", lambda one, _: _interval(one), is_right=True),
        *every,
        Column("CALLS", lambda one, _: str(one.tool_calls), is_right=True),
        Column("COST", lambda one, _: None if one.cost_usd is None else f"${one.cost_usd}", is_right=True),
        Column("FAILS BY", lambda one, _: _modes(one), folds=True),
    )


def _show_failures(workflow: str, result: FieldResult, runs: Sequence[AgentRunView], *, shows_all: bool) -> None:
    by_mode: dict[str, list[AgentRunView]] = {}
    for one in sorted(runs, key=lambda one: (one.task_id, one.attempt)):
        if one.field == result.field and has_passed(one) is not True:
            by_mode.setdefault(failure_mode_of(one) or one.status, []).append(one)
    for mode, failed in sorted(by_mode.items(), key=lambda kind: (-len(kind[1]), kind[0])):
        say("")
        say(f"{result.field}: {mode}, {count(len(failed), 'run')}")
        lines = Counter((one.task_id, why_not(one)) for one in failed)  # tries that failed alike are one line
        shown = list(lines.items())[: len(lines) if shows_all else MOST_OF_A_KIND]
        _show_lines(shown)
        if len(lines) > len(shown):
            say(f"  and {len(lines) - len(shown)} more: titan eval show {workflow} --agent {result.field}")


def _show_lines(lines: Sequence[tuple[tuple[str, str], int]]) -> None:
    names = [task if tries == 1 else f"{task} ×{tries}" for (task, _), tries in lines]
    width = max(map(len, names))
    for name, ((_, why), _) in zip(names, lines, strict=True):
        say(f"  {name:<{width}}  {why}")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def _interval(one: FieldResult) -> str:
    first = one.reliability[0] if one.reliability else None
    return "–" if first is None else f"{100 * first.low:.0f}–{100 * first.high:.0f} %"


def _all_tries(one: FieldResult, most: int) -> str:
    last = one.reliability[-1] if one.reliability else None
    return "–" if last is None or last.k < most else f"{100 * last.share:.0f} %"


def _modes(one: FieldResult) -> str:
    modes: Mapping[str, int] = one.failure_modes
    words = ", ".join(f"{found} {name}" for name, found in list(modes.items())[:MOST_MODES])
    not_reached = f"{one.infrastructure} not reached" if one.infrastructure else ""
    return "; ".join(filter(None, (not_reached, words)))
