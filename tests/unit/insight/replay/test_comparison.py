"""Two runs compared: what matches, what diverged, and which divergence came first."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.support.replayed_actions import a_call, a_group, at_once, in_turn
from titan.insight.replay.alignment import align
from titan.insight.replay.comparison import (
    MOST_DIVERGENCES,
    MOST_ROWS,
    ComparedRow,
    Comparison,
    RowPart,
    RowStatus,
    compare,
)
from titan.insight.replay.recorded_action import RecordedAction, Remark
from titan.model.actions import Outcome

MARKS = {RowStatus.MATCH: "✅ Match", RowStatus.DIVERGED: "❌ Diverged", RowStatus.UNKNOWN: "– Not recorded"}
names = st.lists(st.sampled_from(["plan", "search", "write"]), max_size=10)


def table(found: Comparison) -> list[str]:
    """Return the table as the seed prints it."""
    return [
        f"{row.action} | {_cell(row, row.original)} | {_cell(row, row.replay)} | {MARKS[row.status]}"
        for row in found.rows
    ]


def _cell(row: ComparedRow, text: str | None) -> str:
    if text is None:
        return "–"
    return text if row.part is RowPart.CALL else f"{row.part.value}: {text}"


def kinds(found: Comparison) -> list[str]:
    return [f"{one.kind.value} {one.action}" for one in found.divergences]


def test_the_example_of_the_seed_comes_out_as_it_is_printed_there() -> None:
    original = in_turn(a_call("call_llm", {"prompt": "Hello"}, "Hi there!"), a_call("generate_id", {}, "uuid-123"))
    replay = in_turn(a_call("call_llm", {"prompt": "Hello"}, "Hi there!"), a_call("generate_id", {}, "uuid-456"))

    found = compare(original, replay)

    assert table(found) == [
        'call_llm | input: "Hello" | input: "Hello" | ✅ Match',
        'call_llm | output: "Hi there!" | output: "Hi there!" | ✅ Match',
        'generate_id | output: "uuid-123" | output: "uuid-456" | ❌ Diverged',
    ]
    assert kinds(found) == ["output_mismatch generate_id"]
    assert (found.matched, found.compared, found.match_rate) == (1, 2, 0.5)
    assert (found.divergences[0].is_root, found.divergences[0].path) == (True, "$")


def test_a_run_matches_itself_and_unspent_cost_of_a_replay_is_saved() -> None:
    original = in_turn(a_call(given="a", gave="b", cost="0.25"), a_call(given="c", gave="d", cost="0.5"))
    replayed = [replace(action, outcome=Outcome.REPLAYED, cost=Decimal(0)) for action in original]

    found = compare(original, replayed)

    assert (found.match_rate, found.divergence_count) == (1.0, 0)
    assert (found.original_cost, found.replay_cost, found.savings) == (Decimal("0.75"), Decimal(0), Decimal("0.75"))


def test_two_runs_without_calls_match() -> None:
    assert compare([], []).match_rate == 1.0


def test_other_inputs_are_a_mismatch_at_their_path_and_outputs_are_not_blamed() -> None:
    found = compare([a_call(given={"a": 1, "b": 2}, gave=1)], [a_call(given={"a": 1, "b": 3}, gave=2)])

    assert kinds(found) == ["input_mismatch call_llm"]
    assert found.divergences[0].path == "$.b"
    assert [row.status for row in found.rows] == [RowStatus.DIVERGED, RowStatus.DIVERGED]


def test_another_action_in_the_same_place_is_a_name_mismatch() -> None:
    found = compare(
        in_turn(a_call("plan"), a_call("search", "x"), a_call("write")),
        in_turn(a_call("plan"), a_call("fetch", "x"), a_call("write")),
    )

    assert kinds(found) == ["action_name_mismatch search"]
    assert (found.divergences[0].replay_action, found.divergences[0].path) == ("fetch", None)
    assert table(found) == [
        "plan | plan | plan | ✅ Match",
        "search | search | fetch | ❌ Diverged",
        'search | input: "x" | input: "x" | ❌ Diverged',
        "write | write | write | ✅ Match",
    ]


def test_one_more_call_and_one_fewer_shift_nothing() -> None:
    found = compare(
        in_turn(a_call("plan", 1), a_call("search", 2), a_call("write", 3)),
        in_turn(a_call("plan", 1), a_call("write", 3), a_call("save", 4)),
    )

    assert kinds(found) == ["missing_action search", "extra_action save"]
    assert table(found)[1] == "search | input: 2 | – | ❌ Diverged"
    assert table(found)[2:] == ["write | input: 3 | input: 3 | ✅ Match", "save | – | input: 4 | ❌ Diverged"]
    assert (found.matched, found.compared) == (2, 4)


def test_an_error_in_one_run_alone_or_another_error_is_a_mismatch() -> None:
    failed, other = a_call(given=1, error="ValueError: nope"), a_call(given=1, error="KeyError: 'a'")

    assert kinds(compare([failed], [failed])) == []
    assert kinds(compare([failed], [other])) == ["error_mismatch call_llm"]
    assert table(compare([a_call(given=1, gave="fine")], [failed])) == [
        "call_llm | input: 1 | input: 1 | ✅ Match",
        'call_llm | error: "fine" | error: ValueError: nope | ❌ Diverged',
    ]


def test_calls_in_another_order_are_reported_if_order_matters() -> None:
    first, second, third = a_call("a", 1), a_call("b", 2), a_call("c", 3)

    found = compare(in_turn(first, second, third), in_turn(first, third, second))

    assert [kind.partition(" ")[0] for kind in kinds(found)] == ["order_changed"]
    assert (found.matched, found.compared) == (2, 3)


def test_concurrent_calls_may_end_in_any_order_and_have_their_own_counterparts() -> None:
    calls = [a_call("fetch", place, place * 10) for place in range(5)]

    found = compare(at_once(*calls), at_once(*(calls[place] for place in (3, 0, 4, 2, 1))))

    assert found.divergences == ()
    assert found.match_rate == 1.0


def test_an_agents_actions_are_compared_with_those_of_the_same_agent() -> None:
    def run(*topics: str) -> list[RecordedAction]:
        agents = [replace(a_group("agent", id=topic), inputs=a_call(given=topic).inputs) for topic in topics]
        return at_once(*agents, *(a_call("search", "now", topic, parent=topic) for topic in topics))

    assert compare(run("x", "y", "z"), run("z", "x", "y")).divergences == ()


def test_calls_are_found_below_another_parent() -> None:
    inner = a_call("search", 1, parent="step")

    moved = compare(in_turn(a_group("step", id="step"), inner), in_turn(replace(inner, parent_id=None)))
    changed = compare(in_turn(a_group("step", id="step"), inner), in_turn(a_call("search", 2)))
    other = compare(in_turn(a_group("step", id="step"), inner), in_turn(a_call("write", 2)))

    assert kinds(moved) == []
    assert kinds(changed) == ["input_mismatch search"]
    assert kinds(other) == ["extra_action write", "missing_action search"]


def test_a_group_is_not_compared_with_a_call() -> None:
    found = compare([a_group("step", id="s")], [a_call("write")])

    assert kinds(found) == ["extra_action write"]


def test_parents_in_a_cycle_do_no_harm() -> None:
    cycle = in_turn(a_call("a", id="1", parent="2"), a_call("b", id="2", parent="1"))

    assert compare(cycle, cycle).match_rate == 1.0


def test_call_sites_and_tasks_count_where_all_actions_of_a_name_have_one() -> None:
    here, there = replace(a_call(given=1), call_site="a.py:f"), replace(a_call(given=2), call_site="a.py:g")
    other_here, other_there = (
        replace(here, inputs=a_call(given=3).inputs),
        replace(there, inputs=a_call(given=4).inputs),
    )

    crossed = align(in_turn(here, there), in_turn(other_there, other_here))
    without = align(in_turn(here, there), in_turn(replace(other_there, call_site=None), other_here))

    def sites(pairs: list[tuple[RecordedAction | None, RecordedAction | None]]) -> list[bool]:
        return [one is not None and other is not None and one.call_site == other.call_site for one, other in pairs]

    assert all(sites([(pair.original, pair.replay) for pair in crossed]))
    assert not any(sites([(pair.original, pair.replay) for pair in without]))
    assert [pair.replay is None for pair in without] == [False, False]


def test_a_call_that_uses_a_different_value_is_a_consequence_of_its_difference() -> None:
    original = in_turn(
        a_call("generate_id", {}, "uuid-123"),
        a_call("save", {"id": "uuid-123"}, "saved as uuid-123"),
        a_call("log", {"text": "saved as uuid-123"}, "ok"),
        a_call("now", {}, "14:30:01"),
    )
    replay = in_turn(
        a_call("generate_id", {}, "uuid-456"),
        a_call("save", {"id": "uuid-456"}, "saved as uuid-456"),
        a_call("log", {"text": "saved as uuid-456"}, "ok"),
        a_call("now", {}, "14:30:02"),
    )

    found = compare(original, replay)

    assert kinds(found) == [
        "output_mismatch generate_id",
        "input_mismatch save",
        "input_mismatch log",
        "output_mismatch now",
    ]
    assert [one.is_root for one in found.divergences] == [True, False, False, False]
    assert [one.consequence_of for one in found.divergences] == [None, 0, 0, None]


def test_an_extra_call_that_consumes_the_value_is_a_consequence_and_common_words_make_none() -> None:
    original = in_turn(a_call("look", {}, "found nothing useful"))
    replay = in_turn(
        a_call("look", {}, "found order-77 in stock"),
        a_call("buy", {"what": "order-77"}, "status fine"),
        a_call("ask", {"about": "status fine found"}),
    )

    found = compare(original, replay)

    assert [one.consequence_of for one in found.divergences] == [None, 0, None]


def test_content_that_one_run_did_not_record_is_not_compared_and_counted() -> None:
    found = compare([a_call(given=1, gave=2)], [a_call()])

    assert (found.match_rate, found.uncompared) == (1.0, 1)
    assert [row.status for row in found.rows] == [RowStatus.UNKNOWN, RowStatus.UNKNOWN]


def test_a_secret_is_no_divergence_and_another_secret_is_remarked() -> None:
    one = replace(a_call(given={"key": "[redacted:aws_key]", "n": 0.1}), fingerprints=("f1",))
    same = replace(a_call(given={"key": "[redacted:aws_key]", "n": 0.1 + 1e-12}), fingerprints=("f1",))
    other = replace(one, fingerprints=("f2",))

    assert compare([one], [same]).rows[0].remarks == (Remark.FLOAT_DRIFT,)
    assert compare([one], [other]).rows[0].remarks == (Remark.REDACTED,)
    assert compare([one], [other]).match_rate == 1.0


def test_a_result_is_bounded_and_its_counts_are_not() -> None:
    many = MOST_ROWS + 1

    found = compare(in_turn(*(a_call("a", 1) for _ in range(many))), [])

    assert (found.divergence_count, found.has_more_rows) == (many, True)
    assert (len(found.divergences), len(found.rows)) == (MOST_DIVERGENCES, MOST_ROWS)


@given(names, names)
def test_every_action_occurs_once_and_in_its_order(one: list[str], other: list[str]) -> None:
    original, replay = in_turn(*map(a_call, one)), in_turn(*map(a_call, other))

    pairs = align(original, replay)

    assert [pair.original for pair in pairs if pair.original] == original
    assert sorted(pair.replay.id for pair in pairs if pair.replay) == sorted(action.id for action in replay)


@given(names)
def test_a_run_never_diverges_from_itself(one: list[str]) -> None:
    actions = in_turn(*(a_call(name, place) for place, name in enumerate(one)))

    assert compare(actions, actions).match_rate == 1.0
