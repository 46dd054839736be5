"""A part of a program is replayed where it is called: recorded calls answer, and what differs is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import titan_sdk
from tests.support.heard import Heard
from tests.support.replayable import recorded
from titan_sdk.recording.process import recording_to
from titan_sdk.replaying.answers import ReplayDiverged
from titan_sdk.replaying.starting import Replay
from titan_sdk.tape.values import ReplayedError

made: list[str] = []


@pytest.fixture(autouse=True)
def elsewhere() -> Iterator[None]:
    """Keep what is called outside of recordings and replays out of this user's spool."""
    with recording_to(Heard().recorder):
        yield


@titan_sdk.action(kind="model")
def call_llm(prompt: str) -> dict[str, object]:
    made.append(prompt)
    return {"answer": prompt.upper(), "parts": (1, {2})}


@titan_sdk.action
def refuse(what: str) -> None:
    made.append(what)
    raise LookupError(what, 7)


@titan_sdk.action(effect="local")
def number() -> int:
    return len(made)


@titan_sdk.action(kind="tool")
async def fetch(page: int) -> str:
    made.append(str(page))
    await asyncio.sleep((5 - page) / 500)
    return f"page {page}"


@titan_sdk.action
def letters(word: str) -> Iterator[str]:
    made.append(word)
    yield from word
    return None


@titan_sdk.action
async def later(word: str) -> AsyncIterator[str]:
    made.append(word)
    for letter in word:
        yield letter


@titan_sdk.action
def ask_twice(prompt: str) -> list[object]:
    return [call_llm(prompt), call_llm(prompt)]


def replayed(
    main: Callable[[], object], tmp_path: Path, other: Callable[[], object] | None = None, *, trusted: bool = True
) -> Replay:
    """Record `main`, replay it or `other`, and return what came of it."""
    path = recorded(main, tmp_path / "run.jsonl")
    made.clear()
    with titan_sdk.replay(path, trusted=trusted) as found:
        (other or main)()
    return found


def test_recorded_calls_answer_with_values_of_their_types(tmp_path: Path) -> None:
    given: list[object] = []

    found = replayed(lambda: given.append(call_llm("hello")), tmp_path)

    assert given == [{"answer": "HELLO", "parts": (1, {2})}] * 2
    assert (found.divergences, made) == ([], [])


def test_a_recorded_exception_is_raised_again(tmp_path: Path) -> None:
    raised: list[BaseException] = []

    def main() -> None:
        with pytest.raises(LookupError) as error:
            refuse("this")
        raised.append(error.value)

    found = replayed(main, tmp_path)

    assert [(type(error), error.args) for error in raised] == [(LookupError, ("this", 7))] * 2
    assert (found.divergences, made) == ([], [])


def test_a_file_that_is_not_trusted_gives_a_plain_error_and_says_so_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raised: list[BaseException] = []

    def main() -> None:
        for word in ("this", "that"):
            with pytest.raises(Exception, match=word) as error:
                refuse(word)
            raised.append(error.value)

    replayed(main, tmp_path, trusted=False)

    assert [type(error) for error in raised] == [LookupError, LookupError, ReplayedError, ReplayedError]
    assert str(raised[2]) == "LookupError: ('this', 7)"
    assert capsys.readouterr().err.count("plain data") == 1


def test_five_concurrent_calls_get_their_own_recorded_results(tmp_path: Path) -> None:
    given: list[object] = []

    async def main() -> None:
        given.append(await asyncio.gather(*(fetch(page) for page in range(5))))

    found = replayed(lambda: asyncio.run(main()), tmp_path)

    assert given == [[f"page {page}" for page in range(5)]] * 2
    assert (found.divergences, made) == ([], [])


def test_they_end_in_the_order_in_which_they_ended(tmp_path: Path) -> None:
    ended: list[list[int]] = []

    async def main() -> None:
        order: list[int] = []

        async def one(page: int) -> None:
            await fetch(page)
            order.append(page)

        await asyncio.gather(*(one(page) for page in range(5)))
        ended.append(order)

    replayed(lambda: asyncio.run(main()), tmp_path)

    assert ended == [[4, 3, 2, 1, 0]] * 2


def test_calls_of_a_pools_threads_get_their_own_recorded_results(tmp_path: Path) -> None:
    given: list[object] = []

    def main() -> None:
        with ThreadPoolExecutor(4) as pool:
            given.append([one["answer"] for one in pool.map(call_llm, "abcdefgh")])

    found = replayed(main, tmp_path)

    assert given == [list("ABCDEFGH")] * 2
    assert (found.divergences, made) == ([], [])


def test_generators_give_their_recorded_items(tmp_path: Path) -> None:
    given: list[object] = []

    async def listened() -> list[str]:
        return [letter async for letter in later("de")]

    found = replayed(lambda: given.append([list(letters("abc")), asyncio.run(listened())]), tmp_path)

    assert given == [[["a", "b", "c"], ["d", "e"]]] * 2
    assert (found.divergences, made) == ([], [])


def test_an_outer_action_runs_again_and_its_calls_are_answered(tmp_path: Path) -> None:
    found = replayed(lambda: ask_twice("hello"), tmp_path)

    assert (found.divergences, made) == ([], [])
    assert [call["how"] for call in found.calls] == ["served", "served", "ran"]


def test_a_local_action_runs_and_its_output_is_compared(tmp_path: Path) -> None:
    def main() -> None:
        call_llm("hello")
        number()

    assert replayed(main, tmp_path).divergences == ["output_mismatch: number"]


def test_different_inputs_are_reported_and_answered_in_order(tmp_path: Path) -> None:
    given: list[object] = []

    found = replayed(lambda: call_llm("hello"), tmp_path, lambda: given.append(call_llm("hello!")["answer"]))

    assert (given, found.divergences, made) == (["HELLO"], ["input_mismatch: call_llm"], [])


def test_a_call_that_was_not_recorded_stops_the_program_and_runs_nothing(tmp_path: Path) -> None:
    def other() -> None:
        with pytest.raises(ReplayDiverged, match="the recording of run run has no further call of 'refuse' here"):
            refuse("that")

    found = replayed(lambda: call_llm("hello"), tmp_path, other)

    assert found.divergences == ["extra_action: refuse", "missing_action: call_llm"]
    assert (made, found.calls[0]["how"]) == ([], "stopped")


def test_a_secret_argument_neither_diverges_nor_appears_in_the_report(tmp_path: Path) -> None:
    secret = "sk-proj-" + "a1B2c3D4" * 6

    @titan_sdk.action
    def use(key: str, times: int) -> int:
        return times

    same = replayed(lambda: use(secret, 1), tmp_path)
    other = replayed(lambda: use(secret, 1), tmp_path, lambda: use(secret, 2))

    assert (same.divergences, other.divergences) == ([], ["input_mismatch: use"])
    assert secret not in (tmp_path / "run.jsonl").read_text() + str([same.calls, other.calls])


def test_a_run_with_a_redacted_output_is_not_replayed(tmp_path: Path) -> None:
    secret = "sk-proj-" + "a1B2c3D4" * 6
    path = recorded(lambda: call_llm(f"use {secret}"), tmp_path / "run.jsonl")
    path.write_text(path.read_text().replace("USE ", "USE [redacted:openai_key]"))

    with (
        pytest.raises(ValueError, match=r"Replay not available: the output of action 'call_llm' .* is redacted"),
        titan_sdk.replay(path),
    ):
        pass


def test_a_block_runs_and_is_compared(tmp_path: Path) -> None:
    def main(said: str) -> None:
        with titan_sdk.action("rank") as act:
            act.set_input(1)
            act.set_output(said)

    assert replayed(lambda: main("a"), tmp_path).divergences == []
    assert replayed(lambda: main("a"), tmp_path, lambda: main("b")).divergences == ["output_mismatch: rank"]


def test_after_the_block_calls_run_again(tmp_path: Path) -> None:
    replayed(lambda: call_llm("hello"), tmp_path)

    assert call_llm("bye")["answer"] == "BYE"
    assert made == ["bye"]


def test_one_replay_at_a_time(tmp_path: Path) -> None:
    path = recorded(lambda: call_llm("hello"), tmp_path / "run.jsonl")

    with (
        titan_sdk.replay(path),
        pytest.raises(ValueError, match="a replay is under way in this process"),
        titan_sdk.replay(path),
    ):
        pass


def test_recorded_sources_return_their_recorded_values(tmp_path: Path) -> None:
    given: list[object] = []

    def main() -> None:
        titan_sdk.random.seed()
        given.append(
            [titan_sdk.now(), titan_sdk.uuid4(), titan_sdk.random.random(), titan_sdk.random.choice(range(10**9))]
        )

    found = replayed(main, tmp_path)

    assert given[0] == given[1]
    assert found.divergences == []


def test_no_request_goes_to_a_server_but_an_action_that_made_one_answers(tmp_path: Path) -> None:
    @titan_sdk.action
    def submitted() -> str:
        made.append("submitted")
        return "dag-1" if len(made) == 1 else titan_sdk.TitanClient().submit_dag("again", [])

    with titan_sdk.replay(recorded(submitted, tmp_path / "run.jsonl")) as found:
        assert submitted() == "dag-1"
        with pytest.raises(ReplayDiverged, match="in a replay no request goes to a Titan server"):
            titan_sdk.TitanClient("127.0.0.1", 9).store_put("key", "value")
    assert found.divergences == []


def test_an_external_action_is_answered_with_all_that_it_called(tmp_path: Path) -> None:
    @titan_sdk.action(effect="external")
    def charge(card: str) -> str:
        made.append(card)
        return str(call_llm(card)["answer"])

    found = replayed(lambda: [charge("visa"), call_llm("visa")], tmp_path)

    assert (found.divergences, made) == ([], [])


def test_a_call_with_a_recorded_model_endpoint_call_below_it_is_not_run(tmp_path: Path) -> None:
    path = recorded(lambda: call_llm("hello"), tmp_path / "run.jsonl")
    parent = json.loads(path.read_text().splitlines()[1])
    below = parent | {"id": "e", "parent_id": parent["id"], "sources": ["endpoint"]}
    path.write_text(path.read_text() + json.dumps(below))
    made.clear()

    with titan_sdk.replay(path) as found:
        assert call_llm("hello")["answer"] == "HELLO"
        assert titan_sdk.headers() == {}

    assert (found.divergences, made) == ([], [])


def test_a_timeout_cancels_a_call_that_it_cancelled(tmp_path: Path) -> None:
    caught: list[str] = []

    @titan_sdk.action
    async def slow() -> None:
        await asyncio.sleep(60)

    async def main() -> None:
        try:
            await asyncio.wait_for(slow(), 0.05)
        except TimeoutError:
            caught.append("timeout")

    assert replayed(lambda: asyncio.run(main()), tmp_path).divergences == []
    assert caught == ["timeout"] * 2


def test_threads_of_tasks_without_calls_get_their_own_recorded_results(tmp_path: Path) -> None:
    given: list[list[object]] = []

    async def one(number: int) -> object:
        await asyncio.sleep((3 - number) / 100)
        return await asyncio.to_thread(ten_times, number)

    @titan_sdk.action
    def ten_times(number: int) -> int:
        return number * 10

    async def main() -> None:
        call_llm("begin")
        given.append(await asyncio.gather(*map(one, range(3))))

    found = replayed(lambda: asyncio.run(main()), tmp_path)

    assert given == [[0, 10, 20]] * 2
    assert found.divergences == []


def test_after_a_call_that_was_not_recorded_no_other_one_is_answered(tmp_path: Path) -> None:
    def other() -> None:
        for _ in range(2):
            with pytest.raises(ReplayDiverged):
                refuse("that")
        with pytest.raises(ReplayDiverged):
            call_llm("hello")

    found = replayed(lambda: call_llm("hello"), tmp_path, other)

    assert found.divergences == ["extra_action: refuse", "missing_action: call_llm"]
