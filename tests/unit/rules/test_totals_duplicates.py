"""Several reports of one call count once: our endpoint's, else the one that started last."""

from decimal import Decimal

import pytest

from tests.support.action_facts import CLIENT, FRAMEWORK, an_action, calls, counts, tally, totals_of
from titan.model.actions import Outcome
from titan.model.runs import ActionFacts, Count, Tally
from titan.rules.runs.duplicates import model_of

OURS = f"chatcmpl-{'0123456789abcdef' * 2}"
MINUTE = 60


def a_span(id: str = "s", *, begins: float = 0, ends: float | None = 9, **said: object) -> ActionFacts:
    return an_action(id, **{"begins": begins, "ends": ends, "response_id": "r", **said})  # type: ignore[arg-type]


def a_seen(id: str = "e", *, begins: float = 2, ends: float | None = 7, **said: object) -> ActionFacts:
    """Return a call as our endpoint saw it."""
    said = {"begins": begins, "ends": ends, "response_id": "r", "source": "endpoint", **said}
    return an_action(id, **said)  # type: ignore[arg-type]


# --- which reports are one call ---


def test_a_call_that_our_endpoint_and_its_client_report_is_the_endpoints() -> None:
    span = a_span(cost="5", tokens=(5, None), model="openai/m")
    seen = a_seen(cost="0.2", tokens=(5, None), model="m-2024-07-18")

    assert tally(span, seen) == Tally(calls=1, success=1, cost=Decimal("0.2"), input_tokens=5)
    assert counts(span, seen)["s"] == Count(is_call=False, has_cost=False, has_tokens=False, duplicate_of=seen.number)


def test_of_two_reports_the_one_that_started_last_is_the_call() -> None:
    framework, client = a_span("s1", source=FRAMEWORK, outcome=Outcome.ERROR), a_span("s2", begins=1)
    same = a_span("s3", begins=1, source="sdk")

    assert calls(framework, client) == {"s2"}
    assert calls(framework, client, same) == {"s3"}


def test_a_third_report_of_a_call_counts_nothing_either() -> None:
    reports = [a_seen(), a_span(), a_span("sdk", source="sdk")]

    assert tally(*reports) == Tally(calls=1, success=1, unpriced=1)


def test_a_call_that_our_endpoint_has_begun_is_the_one_whose_response_has_its_id() -> None:
    span, begun = a_span(response_id="e"), a_seen(response_id=None, ends=None, outcome=None)

    assert tally(span, begun) == Tally(calls=1, running=1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (a_span("s1"), a_span("s2", begins=1)),
        (a_seen("e1"), a_seen("e2", ends=8)),
        (a_seen(), a_span(response_id="r2")),
        (a_seen(response_id="r1"), a_span(response_id=None)),
        (a_seen(model="gpt-4o"), a_span(model="gpt-4o-mini")),
        (a_seen(model="gpt-4o-2024-08-06"), a_span(model="gpt-4o-2024-05-13")),
        (a_seen(begins=0), a_span(begins=8)),
        (a_seen(begins=0, ends=None), a_span(begins=10 * MINUTE + 1)),
        (a_seen(begins=0, response_id=OURS), a_span(begins=10 * MINUTE + 1, response_id=OURS)),
        (a_span(tokens=(1000, 50)), a_seen(tokens=(1000, 51))),
    ],
    ids=[
        *("one source", "our endpoint twice", "another response", "no response id", "another model", "another date"),
        *("after its end", "too late for one that runs", "too late for our endpoint's", "other tokens"),
    ],
)
def test_reports_that_differ_are_two_calls(one: ActionFacts, other: ActionFacts) -> None:
    assert tally(one, other).calls == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
        ("openai/gpt-4o-mini", "gpt-4o-mini"),
        ("claude-3-5-haiku-20241022", "anthropic/claude-3-5-haiku"),
        ("gpt-4o", None),
    ],
)
def test_a_model_is_the_same_with_its_date_and_provider_and_where_one_does_not_name_it(
    one: str, other: str | None
) -> None:
    assert tally(a_seen(model=one), a_span(model=other)).calls == 1


def test_a_report_that_names_no_model_joins_the_latest_of_two_models() -> None:
    reports = [a_span("s1", source="a", model="m"), a_span("s2", source="b", begins=1, model="n")]
    unnamed = a_span("s3", source="c", begins=2)

    found = counts(*reports, unnamed)

    assert {id: count.duplicate_of for id, count in found.items()} == {"s1": None, "s2": unnamed.number, "s3": None}


def test_reports_of_two_dates_of_a_model_are_two_calls_though_a_third_names_no_date() -> None:
    dates = ["gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-2024-05-13"]

    assert (
        tally(*(a_span(f"s{n}", source=f"otlp:{n}", begins=n, model=date) for n, date in enumerate(dates))).calls == 2
    )


def test_a_running_call_and_one_of_our_endpoint_are_reported_within_ten_minutes() -> None:
    assert tally(a_span("s1", source="sdk", ends=None), a_span(begins=10 * MINUTE)).calls == 1
    assert tally(a_seen(response_id=OURS), a_span(begins=10 * MINUTE, response_id=OURS)).calls == 1


@pytest.mark.parametrize("source", ["sdk", CLIENT])
def test_a_report_that_is_exported_again_with_another_id_counts_once(source: str) -> None:
    reports = [a_span(f"s{n}", cost="2", tokens=(1000, 100), source=source) for n in range(3)]

    assert tally(*reports) == Tally(calls=1, success=1, cost=Decimal(2), input_tokens=1000, output_tokens=100)


def test_two_sources_that_export_again_report_one_call() -> None:
    reports = [a_span(f"s{n}", tokens=(1000, 100), source=source) for n, source in enumerate(["sdk", CLIENT] * 2)]

    assert tally(*reports) == Tally(calls=1, success=1, unpriced=1, input_tokens=1000, output_tokens=100)


@pytest.mark.parametrize("source", ["sdk", CLIENT])
def test_reports_of_one_response_that_contradict_one_another_are_possible_duplicates(source: str) -> None:
    one, other = a_span("s1", tokens=(1000, 50)), a_span("s2", tokens=(1000, 80), source=source)

    assert tally(one, other) == Tally(calls=2, success=2, unpriced=2, input_tokens=2000, output_tokens=130)
    assert [count.duplicate_of for count in counts(one, other).values()] == [None, one.number]


def test_a_later_answer_with_the_same_id_contradicts_none() -> None:
    one, other = a_span("s1", tokens=(1000, 50)), a_span("s2", tokens=(1000, 80), begins=20, ends=21)
    third = a_span("s3", tokens=(9, 9), begins=20.5, ends=21)

    found = counts(one, other, third)

    assert [count.duplicate_of for count in found.values()] == [None, None, other.number]


def test_our_endpoints_id_is_one_call_with_any_token_counts_of_its_client() -> None:
    span, seen = a_span(response_id=OURS, tokens=(5, 3)), a_seen(response_id=OURS, tokens=(6, 0))

    assert tally(span, seen) == Tally(calls=1, success=1, unpriced=1, input_tokens=5, output_tokens=3)


def test_a_response_id_that_our_endpoint_made_is_enough() -> None:
    assert tally(a_seen(response_id=OURS, model="gpt-4o"), a_span(response_id=OURS, model="default")).calls == 1


def test_a_response_from_a_cache_is_another_call_of_each_source() -> None:
    first = [a_span("s1"), a_seen("e1", begins=1)]
    again = [a_span("s2", begins=20, ends=21), a_seen("e2", begins=20.5, ends=21)]

    assert calls(*first, *again) == {"e1", "e2"}
    assert counts(*first, *again)["s2"].duplicate_of == again[1].number


def test_a_report_is_of_the_latest_call_before_it() -> None:
    unseen, span, seen = a_span("s1"), a_span("s2", begins=20, ends=30), a_seen(begins=21, ends=29)

    assert counts(unseen, span, seen)["s2"].duplicate_of == seen.number
    assert calls(unseen, span, seen) == {"s1", "e"}


def test_a_report_joins_no_call_that_started_long_before() -> None:
    late = {"begins": 11 * MINUTE, "ends": None}
    old, new = a_span("s1", ends=None), [a_span("s2", **late), a_seen(**late)]  # type: ignore[arg-type]

    assert calls(old, *new) == {"s1", "e"}


def test_at_most_eight_sources_report_one_call() -> None:
    reports = [a_span(f"s{n:02}", source=f"otlp:{n}") for n in range(17)]

    assert tally(*reports).calls == 3


def test_a_report_is_compared_with_eight_kinds_of_others() -> None:
    others = [a_span(f"s{n}", source=f"otlp:{n}", model=f"m{n}") for n in range(9)]

    assert tally(*others, a_span("t", begins=1, source="sdk", model="m7")).calls == 9
    assert tally(*others, a_span("t", begins=1, source="sdk", model="m8")).calls == 10


def test_the_name_of_a_model_is_without_provider_and_date() -> None:
    assert model_of("openrouter/openai/gpt-4o-2024-08-06") == ("gpt-4o", "20240806")
    assert model_of("gpt-4.1") == ("gpt-4.1", "")


# --- what the other reports know ---


@pytest.mark.parametrize(
    ("costs", "expected"),
    [
        ([("sdk", "1", False), (CLIENT, "2", True)], "1"),
        ([("endpoint", "1", True), (CLIENT, "2", False)], "1"),
        ([("endpoint", None, False), (CLIENT, "2", True)], "2"),
        ([("sdk", "1", False), (CLIENT, "2", False)], "2"),  # the one that started last
        ([("sdk", "1", True), (CLIENT, "2", True)], "2"),
        ([("sdk", None, False), (CLIENT, "0", False)], "0"),
        ([("sdk", "3", False), (CLIENT, None, False)], "3"),
    ],
)
def test_of_two_costs_the_better_known_one_counts(costs: list[tuple[str, str | None, bool]], expected: str) -> None:
    reports = [
        a_span(source, source=source, begins=n, cost=cost, is_cost_estimated=is_estimated)
        for n, (source, cost, is_estimated) in enumerate(costs)
    ]

    found = tally(*reports)

    assert (found.calls, found.cost, found.unpriced) == (1, Decimal(expected), 0)


def test_tokens_count_at_the_report_that_knows_most() -> None:
    span, seen = a_span(cost="5", tokens=(5, 3)), a_seen(cost="0.2", tokens=(5, 0))

    assert tally(span, seen) == Tally(calls=1, success=1, cost=Decimal("0.2"), input_tokens=5, output_tokens=3)


# --- with wrappers ---


@pytest.mark.parametrize("place", ["w", "s", None])
@pytest.mark.parametrize("response_id", ["r", None])
def test_the_endpoints_cost_counts_wherever_it_saw_a_wrapped_call(place: str | None, response_id: str | None) -> None:
    if response_id is None and place == "w":
        return  # then nothing shows that the two calls in the wrapper are one
    wrapper = a_span("w", source=FRAMEWORK, cost="5", tokens=(31, 9))
    span = a_span("s", parent="w", begins=1, cost="4", tokens=(31, 9), response_id=response_id)
    seen = a_seen(parent=place, cost="0.2")

    found = tally(wrapper, span, seen)

    assert found == Tally(calls=1, success=1, cost=Decimal("0.2"), input_tokens=31, output_tokens=9)


def test_a_wrappers_response_id_is_that_of_the_one_call_in_it() -> None:
    spans = [a_span("w"), a_span("s1", parent="w", response_id=None), a_span("s2", parent="s1", response_id=None)]

    assert tally(*spans, a_seen(cost="0.2")) == Tally(calls=1, success=1, cost=Decimal("0.2"))


def test_a_wrappers_response_id_is_that_of_none_of_several_calls_in_it() -> None:
    spans = [a_span("w"), a_span("s1", parent="w", response_id=None), a_span("s2", parent="w", response_id=None)]

    assert tally(*spans, a_seen()).calls == 3


def test_a_wrappers_response_is_another_call_where_the_call_in_it_names_its_own() -> None:
    wrapper, span = a_span("w"), a_span(parent="w", begins=1, response_id="r2")

    assert tally(wrapper, span, a_seen()).calls == 2


def test_two_calls_that_our_endpoint_saw_are_two_though_the_span_of_one_wraps_the_others() -> None:
    wrapper, span = a_span("w"), a_span(parent="w", begins=4, ends=8, response_id="r2")
    first, second = a_seen("e1", begins=1, cost="0.2"), a_seen("e2", begins=5, cost="0.3", response_id="r2")

    assert tally(wrapper, first, span, second) == Tally(calls=2, success=2, cost=Decimal("0.5"))


def test_tries_within_one_span_are_two_calls() -> None:
    span = a_span(cost="5", is_cost_estimated=True, tokens=(None, 3))
    failed = a_seen("e1", parent="s", begins=1, ends=2, outcome=Outcome.ERROR, response_id="r1")
    succeeded = a_seen("e2", parent="s", begins=3, ends=4, cost="0.2", tokens=(None, 3))

    found = totals_of(span, failed, succeeded)

    assert found.tally == Tally(calls=2, success=1, error=1, cost=Decimal("0.2"), unpriced=1, output_tokens=3)
    assert found.last_outcome is Outcome.SUCCESS


def test_a_call_of_our_endpoint_does_not_hide_another_span_in_its_parent() -> None:
    wrapper = a_span("w", ends=1000, cost="27", response_id=None)
    beside, seen = a_span("s2", parent="w", cost="25", response_id=None), a_seen(parent="w", cost="0.3")

    assert tally(wrapper, beside, seen) == Tally(calls=2, success=2, cost=Decimal("25.3"))


def test_the_cost_of_our_endpoint_counts_though_a_span_is_below_it() -> None:
    seen, span = a_seen(cost="0.2"), a_span(parent="e", begins=3, cost="4", response_id="r2", tokens=(3, 1))

    assert tally(seen, span) == Tally(calls=1, success=1, cost=Decimal("0.2"), input_tokens=3, output_tokens=1)


def test_the_cost_of_our_endpoint_counts_though_a_wrapper_around_it_reports_another() -> None:
    spans = [a_span("w", cost="5"), a_seen(parent="w", cost="0.2"), a_span(parent="e", begins=3, response_id="r2")]

    assert tally(*spans) == Tally(calls=1, success=1, cost=Decimal("0.2"))


@pytest.mark.parametrize(("begins", "cost"), [(0, "7"), (0.8, "5")])
def test_of_wrappers_of_two_reports_the_last_started_gives_missing_values(begins: float, cost: str) -> None:
    one, other = a_span("s1", parent="w1", begins=1), a_span("s2", parent="w2", begins=2, source="sdk")
    wrappers = [
        a_span("w1", source=FRAMEWORK, begins=begins, cost="5", response_id=None),
        a_span("w2", source=FRAMEWORK, begins=0.5, cost="7", response_id=None),
    ]

    assert tally(one, other, *wrappers) == Tally(calls=1, success=1, cost=Decimal(cost))


def test_reports_of_one_call_in_two_frameworks_count_once() -> None:
    answered = [a_span("o", source=FRAMEWORK, cost="5", parent="p"), a_span("c", begins=1, cost="4", parent="q")]
    others = [a_span("x", source="otlp:x", begins=0.5, parent="y")]

    assert tally(*answered, *others) == Tally(calls=1, success=1, cost=Decimal(4))


# --- counted in another run ---


def test_a_call_that_our_endpoint_counted_in_another_run_counts_nothing_here() -> None:
    span, tool = a_span(cost="5", tokens=(7, 1)), an_action("t", response_id="r2", cost="1")

    assert tally(span, tool, elsewhere={"r"}) == Tally(calls=1, success=1, cost=Decimal(1))
    assert counts(span, elsewhere={"r"})["s"] == Count(is_call=False, has_cost=False, has_tokens=False)


def test_a_wrapper_of_a_call_that_counts_in_another_run_counts_nothing_either() -> None:
    wrapper, span = a_span("w", cost="5", tokens=(7, 1), response_id=None), a_span(parent="w")

    assert tally(wrapper, span, elsewhere={"r"}) == Tally()


def test_a_wrapper_of_a_call_that_counts_in_another_run_gives_nothing_to_one_that_counts_here() -> None:
    spans = [
        a_span("w", cost="5", tokens=(7, 1), response_id=None),
        a_span(parent="w"),
        a_span("s2", parent="w", response_id="r2"),
    ]

    assert tally(*spans, elsewhere={"r"}) == Tally(calls=1, success=1, unpriced=1)


def test_a_wrapper_that_names_a_response_of_another_run_gives_nothing() -> None:
    wrapper, span = a_span("w", cost="5"), a_span(parent="w", response_id="r2")

    assert tally(wrapper, span, elsewhere={"r"}) == Tally(calls=1, success=1, unpriced=1)
    assert tally(wrapper, a_span(parent="w", response_id=None), elsewhere={"r"}) == Tally()


def test_a_call_of_our_endpoint_counts_here_though_its_response_id_counts_in_another_run() -> None:
    assert tally(a_seen(cost="1"), elsewhere={"r"}) == Tally(calls=1, success=1, cost=Decimal(1))


# --- possible duplicates ---


def alike(id: str, source: str, **said: object) -> ActionFacts:
    said = {"response_id": None, "model": "m", "tokens": (31, 9), "source": source, **said}
    return a_span(id, **said)  # type: ignore[arg-type]


def test_calls_that_look_reported_twice_both_count_and_the_later_one_says_so() -> None:
    one, other = alike("s1", "sdk", cost="1"), alike("s2", CLIENT, begins=1, model="p/m-2024-08-06", cost="1")

    assert tally(one, other).cost == Decimal(2)
    assert counts(one, other)["s2"] == Count(is_call=True, has_cost=True, has_tokens=True, duplicate_of=one.number)


def test_our_endpoints_call_is_never_the_possible_duplicate() -> None:
    span, seen = alike("s", CLIENT), alike("e", "endpoint", begins=1)

    assert {id: count.duplicate_of for id, count in counts(span, seen).items()} == {"s": seen.number, "e": None}


def test_each_call_is_the_possible_duplicate_of_another_one() -> None:
    actions = [alike(f"s{n}", "sdk" if n % 2 else CLIENT, begins=n / 10) for n in range(4)]
    third = alike("s9", "sentinel", begins=1)

    found = counts(*actions, third)

    assert {id for id, count in found.items() if count.duplicate_of is not None} == {"s1", "s3", "s9"}


@pytest.mark.parametrize(
    "other",
    [
        alike("s2", "sdk"),
        alike("s2", CLIENT, tokens=(31, 8)),
        alike("s2", CLIENT, tokens=(31, 0)),
        alike("s2", CLIENT, model="n"),
        alike("s2", CLIENT, model=None),
        alike("s2", CLIENT, begins=10),
        alike("s2", CLIENT, ends=None),
        alike("s2", CLIENT, response_id="r2"),
    ],
    ids=["one source", "other tokens", "no tokens", "another model", "no model", "after it", "runs", "two responses"],
)
def test_calls_that_differ_are_no_possible_duplicates(other: ActionFacts) -> None:
    found = counts(alike("s1", "sdk", response_id="r1"), other)

    assert [count.duplicate_of for count in found.values()] == [None, None]


def test_a_call_that_looks_like_two_calls_with_other_responses_is_of_the_first() -> None:
    unnamed, first = alike("s1", "sdk"), alike("s2", CLIENT, begins=1, response_id="r1")
    second = alike("s3", "sentinel", begins=2, response_id="r2")

    assert {id for id, count in counts(unnamed, first, second).items() if count.duplicate_of is not None} == {"s2"}


def test_a_call_without_a_response_id_may_be_the_one_with_one() -> None:
    one, other = alike("s1", "sdk", response_id="r"), alike("s2", CLIENT, begins=1)

    assert counts(one, other)["s2"].duplicate_of == one.number
