"""Sums over the calls of a store, of its runs, agents and days, and the list of what guards did about them."""

from decimal import Decimal

from msgspec.structs import replace

from tests.support.builders import PROJECT
from tests.support.call_stores import record, run_of
from tests.support.recorded import RUN, a_call, a_word, at
from titan.model.actions import CLAIM, ActionKind, Failure, ModelUse, Outcome, Source
from titan.model.runs import OutcomeSums, Tally
from titan.ports.runs_store import CallFilter, CallStore, RunFilter
from titan.rules.runs.totals import tally_of


def test_calls_are_summed_up_for_each_outcome(calls: CallStore) -> None:
    record(
        calls,
        a_call("a1", cost="0.1"),
        a_call(
            "a2",
            cost="0.2",
            is_cost_estimated=True,
            kind=ActionKind.MODEL,
            use=ModelUse(input_tokens=3, output_tokens=4),
        ),
        a_call("a3", kind=ActionKind.MODEL),
        a_call("a4", outcome=Outcome.BLOCKED, cost="0.000000000001"),
        a_call("a5", ends=None),
        a_call("a6", kind=ActionKind.AGENT, cost="9"),
        a_call("a7", run_id="R_2", cost="1"),
    )

    def sums(wanted: CallFilter) -> dict[Outcome | None, OutcomeSums]:
        return {one.outcome: one for one in calls.read(lambda reader: reader.sums_of_calls(PROJECT, wanted))}

    found = sums(CallFilter(run_id=RUN))

    assert found == {
        Outcome.SUCCESS: OutcomeSums(
            outcome=Outcome.SUCCESS,
            calls=3,
            cost=Decimal("0.3"),
            unpriced=1,
            estimated=1,
            input_tokens=3,
            output_tokens=4,
        ),
        Outcome.BLOCKED: OutcomeSums(
            outcome=Outcome.BLOCKED,
            calls=1,
            cost=Decimal("1E-12"),
            unpriced=0,
            estimated=0,
            input_tokens=0,
            output_tokens=0,
        ),
        None: OutcomeSums(
            outcome=None, calls=1, cost=Decimal(0), unpriced=0, estimated=0, input_tokens=0, output_tokens=0
        ),
    }
    assert sums(CallFilter())[Outcome.SUCCESS].calls == 4
    assert sums(CallFilter(run_id="nobody")) == {}


def test_what_is_over_without_an_outcome_neither_runs_nor_counts_and_cost_what_it_cost(calls: CallStore) -> None:
    left, waits = Failure(type="CancelledError"), Failure(type="GraphInterrupt")
    record(
        calls,
        replace(a_call("a1", kind=ActionKind.MODEL, cost="0.2"), outcome=None, failure=left),
        replace(a_call("a2", kind=ActionKind.MODEL), outcome=None, failure=left),
        replace(a_call("a3"), outcome=None, failure=waits),
        a_call("a4", cost="1"),
        a_call("a5", ends=None),
    )

    run = run_of(calls)

    assert run is not None
    tally = run.tally
    assert tally == Tally(calls=2, running=1, success=1, cost=Decimal("1.2"), unpriced=1)
    assert tally_of(calls.read(lambda reader: reader.sums_of_calls(PROJECT, CallFilter()))) == tally
    assert [action.id for action in calls.read(lambda reader: reader.open_actions(PROJECT, RUN))] == ["a5"]
    running = CallFilter(outcomes=frozenset({"running"}))
    assert [one.id for one in calls.read(lambda reader: reader.calls_after(PROJECT, running, after=None, limit=9))] == [
        "a5"
    ]


def test_a_ledgers_sums_are_those_of_its_runs(calls: CallStore) -> None:
    known = ModelUse(model="m", input_tokens=1000, output_tokens=50)
    model = replace(a_call(kind=ActionKind.MODEL, cost="0.2", use=known), source=Source.OTLP)
    agent = a_call("w", kind=ActionKind.AGENT, cost="0.5", use=ModelUse(input_tokens=2200, output_tokens=130))
    left = Failure(type="CancelledError")
    record(
        calls,
        replace(agent, run_id="lost"),
        replace(model, id="a", run_id="lost", parent_id="w"),
        replace(agent, run_id="all lost", cost=None),
        replace(model, id="a", run_id="cancelled", outcome=None, failure=left),
        replace(model, id="a", run_id="twice", use=replace(known, response_id="x")),
        replace(model, id="b", run_id="twice", use=replace(known, response_id="x"), source=Source.SDK),
        replace(model, id="a", run_id="claimed"),
        replace(
            model, id=CLAIM, run_id="claimed", kind=ActionKind.EVENT, source=Source.WORLD, use=None, cost=Decimal(3)
        ),
    )

    def tally(wanted: CallFilter) -> Tally:
        return tally_of(calls.read(lambda reader: reader.sums_of_calls(PROJECT, wanted)))

    runs = {name: run_of(calls, name) for name in ("lost", "all lost", "cancelled", "twice", "claimed")}
    tallies = {name: run.tally for name, run in runs.items() if run is not None}
    assert {name: tally(CallFilter(run_id=name)) for name in runs} == tallies
    assert (tallies["lost"].cost, tallies["lost"].input_tokens) == (Decimal("0.5"), 2200)
    assert tallies["claimed"].cost == 3
    of_all = tally(CallFilter())
    assert of_all.cost == sum(one.cost for one in tallies.values())
    assert of_all.input_tokens == sum(one.input_tokens for one in tallies.values())
    assert (of_all.calls, of_all.unpriced) == (sum(one.calls for one in tallies.values()), 1)


def test_sums_are_exact_beyond_what_a_column_holds(calls: CallStore) -> None:
    most = ModelUse(input_tokens=2**53 - 1, output_tokens=10**9)  # the first as it was once taken in
    dear = a_call("a", kind=ActionKind.MODEL, cost="999999.999999999999", use=most)
    count = 1100  # at 9,223,372 US$ a sum of picodollars leaves 64 bits, and so does one of 1,025 such counts

    record(calls, *(replace(dear, id=f"a{number}", run_id=f"R_{number % 550}") for number in range(count)))

    [sums] = calls.read(lambda reader: reader.sums_of_calls(PROJECT, CallFilter()))
    assert sums.cost == Decimal("999999.999999999999") * count
    assert (sums.input_tokens, sums.output_tokens) == ((2**53 - 1) * count, 10**9 * count)
    [agent] = calls.read(lambda reader: reader.agents(PROJECT, limit=9))
    assert agent.cost == sums.cost
    [day] = calls.read(lambda reader: reader.days_of_agent(PROJECT, agent.agent_id, since=at(-1)))
    assert day.cost == sums.cost


def test_a_run_keeps_the_most_money_that_a_column_holds(calls: CallStore) -> None:
    record(calls, *(a_call(f"a{number}", cost="1000000") for number in range(10)))

    run = run_of(calls)
    assert run is not None
    assert run.tally.cost == Decimal("9223372.036854775807")


def test_a_run_keeps_the_most_tokens_that_a_column_holds(calls: CallStore) -> None:
    most = ModelUse(input_tokens=2**53 - 1, output_tokens=2**53 - 1)

    record(calls, *(a_call(f"a{number}", kind=ActionKind.MODEL, use=most) for number in range(1100)))

    run = run_of(calls)
    assert run is not None
    assert (run.tally.input_tokens, run.tally.output_tokens) == (2**63 - 1, 2**63 - 1)


def test_what_guards_did_is_a_list_of_its_own(calls: CallStore) -> None:
    event = replace(a_call(source=Source.SENTINEL, kind=ActionKind.EVENT), actor="ada")
    record(
        calls,
        replace(event, id="e1", name="hard_block", started_at=at(1)),
        replace(event, id="e2", name="rate_limited", started_at=at(2)),
        replace(event, id="e3", name="hard_block", started_at=at(3), run_id="R_2"),
        replace(event, id="e4", source=Source.SDK),
        a_call("a1", source=Source.SENTINEL, name="hard_block"),
    )

    def found(wanted: CallFilter, skip: int = 0) -> list[str]:
        rows = calls.read(lambda reader: reader.interventions(PROJECT, wanted, skip=skip, limit=2))
        return [action.id for action in rows]

    assert found(CallFilter()) == ["e3", "e2"]
    assert found(CallFilter(), skip=2) == ["e1"]
    assert found(CallFilter(name="hard_block")) == ["e3", "e1"]
    assert found(CallFilter(run_id=RUN)) == ["e2", "e1"]
    assert found(CallFilter(since=at(2), until=at(3))) == ["e2"]
    assert found(CallFilter(run_id="nobody")) == []
    counted = calls.read(lambda reader: reader.count_interventions(PROJECT, CallFilter()))
    assert counted == {"hard_block": 2, "rate_limited": 1}


def test_what_has_no_known_cost_or_a_computed_one_is_counted_for_a_run_its_agent_and_its_day(calls: CallStore) -> None:
    record(calls, a_word(run_id="R_1", agent_id="ada"), a_call("a1", run_id="R_1", cost="1"))
    record(calls, *(a_call(f"m{n}", kind=ActionKind.MODEL, run_id="R_1") for n in range(2)))
    record(calls, a_word(run_id="R_2", agent_id="ada"), a_call(run_id="R_2", kind=ActionKind.MODEL))
    record(calls, a_call("a2", run_id="R_2", cost="2", is_cost_estimated=True))

    runs, _ = calls.read(
        lambda reader: reader.registry(PROJECT, RunFilter(), sort="cost", is_ascending=True, after=None, limit=9)
    )
    [agent] = calls.read(lambda reader: reader.agents(PROJECT, limit=9))
    [day] = calls.read(lambda reader: reader.days_of_agent(PROJECT, "ada", since=at(0)))
    assert {run.id: (run.tally.unpriced, run.tally.estimated) for run in runs} == {"R_1": (2, 0), "R_2": (1, 1)}
    assert (agent.cost, agent.unpriced, agent.estimated) == (Decimal(3), 3, 1)
    assert (day.cost, day.unpriced, day.estimated) == (Decimal(3), 3, 1)
