"""What is told of decorated functions and of blocks, and what their callers notice of it: nothing."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import json
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.support.heard import FLUSH_SECONDS, Heard, recorded_locally
from titan_sdk import Redact, action, event, handoff, run, thinking, turn
from titan_sdk.recording.actions import MOST_SLOW, SLOW_NS
from titan_sdk.tape import decode
from titan_sdk.tape.describing import type_name


@pytest.fixture
def heard() -> Iterator[Heard]:
    with recorded_locally() as heard:
        yield heard


def names_by_id(heard: Heard) -> dict[str, str]:
    return {each["id"]: each["name"] for each in heard.actions()}


def parents(heard: Heard) -> dict[str, str | None]:
    """Return the name of each action's parent by its own name."""
    names = names_by_id(heard)
    return {each["name"]: names.get(each.get("parent_id", "")) for each in heard.actions()}


def test_a_call_is_recorded_with_inputs_and_outputs(heard: Heard) -> None:
    @action
    def add(left: int, right: int = 2) -> int:
        return left + right

    assert add(1, right=4) == 5

    told = heard.action()
    assert (told["name"], told["kind"], told["outcome"], told["run_id"]) == ("add", "call", "success", "R_1")
    assert (told["inputs"], told["outputs"]) == ({"left": 1, "right": 4}, 5)
    assert told["details"]["parameters"] == ["left", "right"]
    assert told["ended_at_ns"] - told["started_at_ns"] == told["duration_ns"] >= 0


def test_options_of_an_action_are_recorded(heard: Heard) -> None:
    @action("charge", kind="tool", cost=Decimal("0.020"), tags=["a"], impact="high", effect="external", actor="payer")
    def pay() -> None: ...

    pay()

    told = heard.action()
    said = {name: told[name] for name in ("name", "kind", "cost_usd", "tags", "impact", "effect", "actor")}
    assert said == {
        "name": "charge",
        "kind": "tool",
        "cost_usd": "0.02",
        "tags": ["a"],
        "impact": "high",
        "effect": "external",
        "actor": "payer",
    }


def test_values_keep_their_types_and_their_state_at_the_call(heard: Heard) -> None:
    @action
    def spoil(items: list[object]) -> tuple[str, set[int]]:
        items.clear()
        return "a", {1}

    spoil([(1, b"x"), Decimal("1.10")])

    assert heard.action()["inputs"] == {"items": [{"$tuple": [1, {"$bytes": "eA=="}]}, {"$Decimal": "1.10"}]}
    assert heard.action()["outputs"] == {"$tuple": ["a", {"$set": [1]}]}


def test_an_exception_is_raised_unchanged_and_recorded_without_outputs(heard: Heard) -> None:
    raised = ValueError("no such city")

    @action
    def find() -> None:
        raise raised

    with pytest.raises(ValueError, match="no such city") as caught:
        find()

    told = heard.action()
    assert caught.value is raised
    assert (told["outcome"], told.get("outputs")) == ("error", None)
    assert (told["failure"]["type"], told["failure"]["message"]) == ("ValueError", "no such city")
    assert "raise raised" in told["failure"]["traceback"]
    assert "recording" not in told["failure"]["traceback"].replace("test_recording_actions", "")
    assert repr(decode(json.dumps(told["details"]["exception"]).encode())) == repr(raised)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), asyncio.CancelledError()])
def test_an_exit_that_ends_a_call_is_recorded_as_an_error(heard: Heard, error: BaseException) -> None:
    @action
    def stop() -> None:
        raise error

    with pytest.raises(type(error)):
        stop()

    assert heard.action()["failure"]["type"] == type(error).__name__


def test_an_action_within_another_has_it_as_its_parent(heard: Heard) -> None:
    @action
    def inner() -> None: ...

    @action
    def outer() -> None:
        inner()

    outer()
    with action("after"):
        pass

    assert parents(heard) == {"outer": None, "inner": "outer", "after": None}


def test_tasks_that_run_at_once_keep_their_own_parents(heard: Heard) -> None:
    @action
    async def leaf(name: str) -> str:
        await asyncio.sleep(0)
        return name

    async def branch(name: str) -> None:
        with action(name):
            await asyncio.gather(leaf(name), leaf(name))

    async def main() -> None:
        with action("root"):
            await asyncio.gather(branch("a"), branch("b"))

    asyncio.run(main())

    names = names_by_id(heard)
    pairs = [(each["name"], names.get(each.get("parent_id", ""))) for each in heard.actions()]
    assert sorted(pairs, key=str) == sorted(
        [("root", None), ("a", "root"), ("b", "root"), *[("leaf", "a")] * 2, *[("leaf", "b")] * 2], key=str
    )
    assert all(each["outputs"] == names[each["parent_id"]] for each in heard.actions() if each["name"] == "leaf")


def test_a_thread_has_the_parent_of_the_context_that_it_was_given(heard: Heard) -> None:
    def record(name: str) -> None:
        with action(name):
            pass

    with action("root"):
        context = contextvars.copy_context()
        with_context = threading.Thread(target=context.run, args=(record, "with"), name="one")
        without = threading.Thread(target=record, args=("without",), name="two")
        for thread in (with_context, without):
            thread.start()
            thread.join()

    assert parents(heard) == {"root": None, "with": "root", "without": None}
    threads = {each["name"]: each["details"].get("thread") for each in heard.actions()}
    assert threads == {"root": None, "with": "one", "without": "two"}


def test_actions_of_many_threads_are_all_recorded_to_their_end(heard: Heard) -> None:
    @action
    def work(number: int) -> int:
        if number % 20 == 0:
            heard.recorder.flush(0)  # so that some are told while they run
        return number

    def work_on(start: int) -> None:
        for number in range(start, start + 100):
            with action(f"around {number}"):
                work(number)

    threads = [threading.Thread(target=work_on, args=(start,)) for start in range(0, 800, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    told = heard.actions()
    ends = [entry["id"] for entry in heard.entries() if "ended_at_ns" in entry]
    assert {each["outcome"] for each in told} == {"success"}
    assert sorted(each["outputs"] for each in told if each["name"] == "work") == list(range(800))
    assert len(ends) == len(set(ends)) == 1600


def test_a_coroutine_is_recorded_when_it_has_ended(heard: Heard) -> None:
    @action
    async def add(left: int, right: int) -> int:
        await asyncio.sleep(0)
        return left + right

    assert asyncio.run(add(1, right=2)) == 3

    told = heard.action()
    assert (told["inputs"], told["outputs"]) == ({"left": 1, "right": 2}, 3)


@pytest.mark.parametrize(
    ("cost", "told"),
    [
        (0.1, "0.1"),
        ("0.123456789012", "0.123456789012"),
        (Decimal("1E-12"), "0.000000000001"),
        (3, "3"),
        (lambda result: len(result) / 100, "0.03"),
        (lambda _result: None, None),
        (lambda result: result / 0, None),
        (lambda _result: float("nan"), None),
        (lambda _result: "much", None),
        (lambda _result: -1, None),
    ],
)
def test_a_cost_is_recorded_to_the_last_digit_and_an_invalid_one_left_out(
    heard: Heard, cost: Any, told: str | None
) -> None:
    @action(cost=cost)
    def ask() -> str:
        return "abc"

    assert ask() == "abc"
    assert heard.action().get("cost_usd") == told


def test_a_block_records_its_fields(heard: Heard) -> None:
    with action("rank", kind="model") as act:
        act.set_input("a", limit=3)
        act.set_output(["b"])
        act.set_cost("0.5")
        act.set_use(model="m-1", provider="p", input_tokens=7)
        act.tag("x", "y")

    told = heard.action()
    assert told["inputs"] == {"args": ["a"], "kwargs": {"limit": 3}}
    assert (told["outputs"], told["cost_usd"], told["tags"]) == (["b"], "0.5", ["x", "y"])
    assert told["use"] == {"model": "m-1", "provider": "p", "input_tokens": 7}
    assert told["details"]["callsite"]["file"] == __file__


def test_a_long_action_is_recorded_when_it_begins_and_when_it_ends(heard: Heard) -> None:
    with action("wait") as act:
        act.set_input("once")
        begun = heard.action()
        act.set_output("done")

    first, second = [entry for entry in heard.entries() if entry["type"] == "action"]
    assert "outcome" not in begun
    assert begun == first
    assert (second["id"], second["outcome"], second["outputs"]) == (first["id"], "success", "done")
    assert "inputs" not in second


def test_the_object_of_a_method_is_no_input(heard: Heard) -> None:
    class Weather:
        @action
        def ask(self, city: str) -> str:
            return city

        @classmethod
        @action
        def known(cls, city: str) -> str:
            return city

        @staticmethod
        @action
        def plain(city: str) -> str:
            return city

        @action
        @classmethod
        def known_below(cls, city: str) -> str:
            return f"{cls.__name__} {city}"

        @action(kind="tool")
        @staticmethod
        def plain_below(city: str) -> str:
            return city

    Weather().ask("Graz")
    Weather.known(city="Linz")
    Weather.plain("Wels")
    assert (Weather.known_below("Hall"), Weather().plain_below("Enns")) == ("Weather Hall", "Enns")

    assert [each["inputs"] for each in heard.actions()] == [
        {"city": "Graz"},
        {"city": "Linz"},
        {"city": "Wels"},
        {"city": "Hall"},
        {"city": "Enns"},
    ]


def test_a_decorated_function_looks_like_the_one_it_was() -> None:
    def plain(left: int) -> int:
        """Say nothing."""
        return left

    wrapped = action(plain)

    assert (wrapped.__name__, wrapped.__doc__, wrapped.__module__) == ("plain", "Say nothing.", __name__)


def test_attributes_of_a_decorator_below_stay(heard: Heard) -> None:
    @action
    @functools.lru_cache
    def look_up(city: str) -> str:
        return city.upper()

    cached: Any = look_up
    answers = [look_up("graz"), look_up("graz")]
    hits = cached.cache_info().hits
    cached.cache_clear()

    assert (answers, hits, cached.cache_info().currsize) == (["GRAZ", "GRAZ"], 1, 0)
    assert len(heard.actions()) == 2


def test_fields_redacted_by_an_action_do_not_leave_the_process(heard: Heard) -> None:
    @action(redact=Redact(fields=["iban"], patterns={"order": r"ORD-\d+"}))
    def pay(account: dict[str, str], note: str) -> str:
        return f"paid {note}"

    @action(redact=Redact(inputs=True))
    def sign(secret: str) -> str:
        return "signed"

    @action(redact=Redact(outputs=True))
    def read() -> str:
        return "secret"

    pay({"IBAN": "AT61 1904"}, "for ORD-77")
    sign("secret")
    read()

    paid, signed, was_read = heard.actions()
    assert paid["inputs"] == {"account": {"IBAN": "[redacted:iban]"}, "note": "for [redacted:order]"}
    assert paid["outputs"] == "paid for [redacted:order]"
    assert ("inputs" in signed, signed["outputs"]) == (False, "signed")
    assert ("inputs" in was_read, "outputs" in was_read) == (True, False)
    assert all(each["is_redacted"] for each in (paid, signed, was_read))
    assert b"AT61" not in b"".join(heard.bodies)


def test_a_turn_is_the_parent_of_actions_in_it(heard: Heard) -> None:
    with turn("What is the capital?", actor="guide") as current:
        thinking("It is in the south.")
        event("looked_up", {"hits": 3})
        handoff("geographer", reason="knows more")
        current.set_output("Graz")

    spoken, thought, happened, handed = heard.actions()
    assert (spoken["kind"], spoken["actor"], spoken["outputs"]) == ("turn", "guide", "Graz")
    assert spoken["inputs"] == {"args": ["What is the capital?"], "kwargs": {}}
    assert [(each["kind"], each["name"], each["outputs"]) for each in (thought, happened, handed)] == [
        ("thought", "thinking", "It is in the south."),
        ("event", "looked_up", {"hits": 3}),
        ("handoff", "geographer", {"to": "geographer", "reason": "knows more"}),
    ]
    assert {each["parent_id"] for each in (thought, happened, handed)} == {spoken["id"]}


def test_names_that_a_server_would_refuse_are_made_fit(heard: Heard) -> None:
    with action("x" * 900) as act:
        act.tag("\udce9" * 300)
    with action(""):
        pass

    long, empty = heard.actions()
    assert (len(long["name"]), long["tags"], empty["name"]) == (500, ["?" * 200], "call")


class Counter:
    """What only its repr can say."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.asked_on: list[threading.Thread] = []

    def __repr__(self) -> str:
        self.asked_on.append(threading.current_thread())
        return f"Counter({self.count})"


def test_objects_are_recorded_with_their_state_at_the_call_and_read_by_no_other_thread(heard: Heard) -> None:
    @action
    def count_on(counter: Counter, among: dict[str, list[Counter]]) -> Counter:
        counter.count = among["others"][0].count = 99
        return counter

    counter, other = Counter(1), Counter(2)
    count_on(counter, {"others": [other]}).count = 100

    told = heard.action()
    kind = type_name(Counter)
    assert told["inputs"] == {
        "counter": {"$opaque": {"type": kind, "repr": "Counter(1)"}},
        "among": {"others": [{"$opaque": {"type": kind, "repr": "Counter(2)"}}]},
    }
    assert told["outputs"] == {"$opaque": {"type": kind, "repr": "Counter(99)"}}
    assert {*counter.asked_on, *other.asked_on} == {threading.main_thread()}


def test_a_class_whose_reprs_take_long_is_not_asked_for_ever(heard: Heard) -> None:
    class Slow:
        asked = 0

        def __repr__(self) -> str:
            Slow.asked += 1
            until = time.perf_counter_ns() + SLOW_NS + 1
            while time.perf_counter_ns() < until:
                pass
            return "slow"

    for _ in range(4):
        with action("use") as act:
            act.set_output(Slow())

    assert [each["outputs"]["$opaque"]["repr"] for each in heard.actions()] == [
        *["slow"] * MOST_SLOW,
        *["<its repr takes too long>"] * (4 - MOST_SLOW),
    ]
    assert Slow.asked == MOST_SLOW


def test_values_that_cannot_be_read_do_no_harm(heard: Heard) -> None:
    class Unreadable:
        def __repr__(self) -> str:
            raise RuntimeError("never")

    @action
    def give(value: object) -> object:
        return value

    value = Unreadable()

    assert give(value) is value
    assert heard.action()["outcome"] == "success"


@pytest.mark.parametrize("leaving", [SystemExit(3), GeneratorExit(), asyncio.CancelledError()])
def test_a_value_whose_repr_or_words_would_end_a_thread_ends_none(heard: Heard, leaving: BaseException) -> None:
    class Leaving(Exception):
        def __repr__(self) -> str:
            raise leaving

        __str__ = __repr__

    class Value:
        __repr__ = Leaving.__repr__

    @action(cost=lambda _result: repr(Value()))
    def give(value: object) -> object:
        return value

    give(Value())
    assert heard.recorder.flush(FLUSH_SECONDS)
    with pytest.raises(Leaving), run("A", "A_1"), action("raise"):
        raise Leaving
    give("after")

    given, raised, after = heard.actions()
    assert given["inputs"]["value"]["$opaque"]["repr"] == f"<repr raised {type_name(type(leaving))}>"
    assert raised["failure"]["message"] == f"<str raised {type_name(type(leaving))}>"
    assert after["outputs"] == "after"
    assert ("A_1", "failed") in [(each["run_id"], each.get("end")) for each in heard.runs()]


def test_an_interrupt_by_a_person_is_not_kept_from_the_program(heard: Heard) -> None:
    class Interrupted:
        def model_dump(self) -> object:
            raise KeyboardInterrupt

    @action
    def give(value: object) -> object:
        return value

    with pytest.raises(KeyboardInterrupt):
        give(Interrupted())
    give("after")

    assert [each["inputs"]["value"] for each in heard.actions()] == ["after"]
