"""Usual mistakes in recording are errors where they are written, and said where they come at run time."""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import Any

import pytest

import titan_sdk
from tests.support.heard import Heard, recorded_locally
from titan_sdk.recording.delivery import Verdict


@pytest.mark.parametrize(
    ("wrong", "choice"),
    [
        ({"kind": "tol"}, "'tool'"),
        ({"impact": "hihg"}, "'high'"),
        ({"effect": "extern"}, "'external'"),
        ({"cost": "abc"}, "100,000"),
        ({"cost": -1}, "100,000"),
        ({"cost": float("nan")}, "100,000"),
        ({"cost": 2e9}, "100,000"),
    ],
)
def test_a_misspelt_argument_is_an_error_that_lists_the_choices(wrong: dict[str, Any], choice: str) -> None:
    with pytest.raises(ValueError, match=choice):
        titan_sdk.action("charge", **wrong)


def test_one_text_is_no_list_of_tags() -> None:
    for make in (titan_sdk.action, titan_sdk.run, titan_sdk.turn):
        with pytest.raises(TypeError, match="list of words"):
            make(tags="abc")


def test_an_empty_run_id_is_an_error() -> None:
    with pytest.raises(ValueError, match="run_id"):
        titan_sdk.run(run_id="")


def test_two_long_run_ids_stay_two() -> None:
    with (
        recorded_locally(),
        titan_sdk.run(run_id="r" * 300 + "1") as first,
        titan_sdk.run(run_id="r" * 300 + "2") as second,
    ):
        assert first.id != second.id
        assert len(str(first.id)) == len(str(second.id)) == 200


def test_a_cost_that_is_none_is_said_and_the_call_is_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    with recorded_locally() as heard:
        for _ in range(2):
            with titan_sdk.action("odd_price") as act:
                act.set_cost("much")
        told = heard.actions()

    assert [each.get("cost_usd") for each in told] == [None, None]
    assert capsys.readouterr().err.count("'odd_price' is recorded without a cost: 'much'") == 1


def test_an_object_without_calls_of_its_own_is_refused_at_its_decorator() -> None:
    with pytest.raises(TypeError, match=r"over the class .*Plain: .* put @action over the methods"):
        titan_sdk.action(type("Plain", (), {}))
    with pytest.raises(TypeError, match="over the class"):
        titan_sdk.action("named", kind="tool")(int)
    with pytest.raises(TypeError, match="put @action below @property"):
        titan_sdk.action(property(len))  # type: ignore[call-overload]  # that is the mistake
    with pytest.raises(TypeError, match="put @action below @cached_property"):
        titan_sdk.action()(functools.cached_property(len))  # type: ignore[arg-type]  # that is the mistake
    with pytest.raises(TypeError, match=r"action\(5\): expected a name as text, or a function"):
        titan_sdk.action(5)  # type: ignore[call-overload]  # that is the mistake


def test_an_entry_refused_at_the_end_is_counted_in_its_run() -> None:
    heard = Heard()
    with titan_sdk.recording.process.recording_to(heard.recorder), titan_sdk.run(run_id="mine"):
        assert heard.recorder.flush(30)
        heard.verdicts.append(Verdict.REFUSED)
        with titan_sdk.action("refused"):
            pass
        heard.recorder.close(30)

    [lost] = [each for each in heard.actions() if each["name"] == "titan.entries_lost"]
    assert (lost["run_id"], lost["details"]) == ("mine", {"attributes": {"count": 1}})
    assert "'refused'" in heard.said[0]


@pytest.mark.parametrize(
    ("wrong", "kind", "words"),
    [
        ({"fields": "iban"}, TypeError, r"fields='iban': expected a list of names, as \['iban'\]"),
        ({"fields": b"iban"}, TypeError, "expected a list of names"),
        ({"fields": 5}, TypeError, "fields=5: expected a list of names"),
        ({"fields": [5]}, TypeError, "fields: expected names as text; found 5"),
        ({"patterns": ["a"]}, TypeError, r"patterns=\['a'\]: expected a name for each regular expression"),
        ({"patterns": {"x": 5}}, ValueError, r"patterns\['x'\]=5: .*; found 5, no text"),
        (
            {"patterns": {"x": "("}},
            ValueError,
            r"patterns\['x'\]='\(': expected a name.*RE2 refuses: missing \)",
        ),
        (
            {"patterns": {"x": "x(?=y)"}},
            ValueError,
            r"patterns\['x'\].*; found what RE2 refuses: invalid perl operator",
        ),
        ({"patterns": {"X": "x"}}, ValueError, r"patterns\['X'\].*; found a name that is not 1 to 40"),
        ({"patterns": {f"x{n}": "x" for n in range(101)}}, ValueError, "found 101 patterns, over 100"),
    ],
)
def test_a_redaction_that_would_take_something_else_is_refused(
    wrong: dict[str, Any], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        titan_sdk.Redact(**wrong)


def test_an_invalid_redaction_is_refused() -> None:
    with pytest.raises(TypeError, match=r"redact=\['iban'\]: expected a titan_sdk.Redact"):
        titan_sdk.action("pay", redact=["iban"])  # type: ignore[call-overload]  # that is the mistake


def test_use_that_is_none_is_said_and_the_call_is_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    with recorded_locally() as heard:
        for _ in range(2):
            with titan_sdk.action("odd_use") as act:
                act.set_use(model="m", input_tokens="many", output_tokens=-1, provider=5)  # type: ignore[arg-type]
        told = heard.actions()

    assert [each["use"] for each in told] == [{"model": "m"}] * 2
    said = capsys.readouterr().err
    assert said.count("'odd_use' is recorded without input_tokens: 'many' is not a number from 0") == 1
    assert said.count("'odd_use' is recorded without output_tokens: -1 is not") == 1
    assert said.count("'odd_use' is recorded without provider: 5 is not a text") == 1


NO_PROGRESS = "titan_sdk: progress is not recorded: expected steps from 0, of so many, or a share from 0 to 1; found "


def test_progress_that_is_none_is_said_and_harms_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    with recorded_locally() as heard:
        titan_sdk.progress("a")  # type: ignore[arg-type]  # that is the mistake
        titan_sdk.progress(1, float("inf"))  # and that
        titan_sdk.progress(2, 3)
        runs = heard.runs()

    assert [(each["done"], each["total"]) for each in runs if "done" in each] == [(2, 3)]
    said = capsys.readouterr().err
    assert said.splitlines() == [f"{NO_PROGRESS}done='a'", f"{NO_PROGRESS}done=1, total=inf"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ((0.5,), (50, 100)),
        ((0.0,), (0, 100)),
        ((1.0,), (100, 100)),
        ((Decimal("0.25"),), (25, 100)),
        ((0.5, 1), (50, 100)),
        ((1.5, 3), (50, 100)),
        ((0.995, 1), (99, 100)),
        ((0.29, 1), (29, 100)),
        ((3.0, 4.0), (3, 4)),
        ((2.0,), (2, None)),
        ((1,), (1, None)),
        ((True,), (1, None)),
        (("1", 3), None),
        ((50, "100"), None),
        ((-0.5, 3), None),
        ((0, 0), (0, 0)),
        ((5, 3), (5, 3)),
        ((2.5,), None),
        ((-0.5,), None),
        ((float("nan"),), None),
        ((float("nan"), 3), None),
        ((Decimal("sNaN"),), None),
        ((0.5, 1e-320), (100, 100)),
        ((10**400, 10**401), (2**53 - 1, 2**53 - 1)),
        ((1, 0), None),
    ],
    ids=str,
)
def test_a_fraction_is_a_share_of_the_whole(given: tuple[Any, ...], told: tuple[int, int | None] | None) -> None:
    with recorded_locally() as heard:
        titan_sdk.progress(*given)
        steps = [(each["done"], each.get("total")) for each in heard.runs() if "done" in each]

    assert steps == ([] if told is None else [told])


def test_progress_that_means_nothing_or_too_much_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    with recorded_locally():
        for number in range(8, 12):
            titan_sdk.progress(number, 7)
        for _ in range(2):
            titan_sdk.progress(4, 0)
            titan_sdk.progress(7.5)

    assert capsys.readouterr().err.splitlines() == [
        "titan_sdk: progress shows as 100 %: done=8 is more than total=7",
        f"{NO_PROGRESS}done=4, total=0",
        f"{NO_PROGRESS}done=7.5",
    ]


def test_negative_progress_is_reported_once_and_keeps_the_earlier_value(capsys: pytest.CaptureFixture[str]) -> None:
    with recorded_locally() as heard:
        titan_sdk.progress(1, 3)
        for _ in range(2):
            titan_sdk.progress(-1)
            titan_sdk.progress(3, -2)
        told = [(each["done"], each.get("total")) for each in heard.runs() if "done" in each]

    assert told == [(1, 3)]
    assert capsys.readouterr().err.splitlines() == [
        f"{NO_PROGRESS}done=-1",
        f"{NO_PROGRESS}done=3, total=-2",
    ]
