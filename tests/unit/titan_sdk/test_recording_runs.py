"""Which run actions belong to, and how it ends."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Thread

import pytest

from tests.support.heard import FLUSH_SECONDS, Heard, recorded_locally
from titan_sdk import action, progress, run
from titan_sdk.recording.entries import Entry, Lost
from titan_sdk.recording.process import put, recording_to
from titan_sdk.recording.redact import built_in
from titan_sdk.recording.runs import open_run


def test_a_run_is_reported_when_it_begins_and_when_it_ends() -> None:
    with (
        recorded_locally() as heard,
        run(agent_id="A", run_id="A_1", session_id="s", name="A talk", tags=["x"]),
        action("step"),
    ):
        progress(1, 3)
        progress(2)

    began, first, second, ended = [each for each in heard.runs() if each["run_id"] == "A_1"]
    del began["at_ns"]
    assert began == {
        "type": "run",
        "run_id": "A_1",
        "agent_id": "A",
        "session_id": "s",
        "name": "A talk",
        "tags": ["x"],
    }
    assert (first["done"], first["total"], second["done"]) == (1, 3, 2)
    assert (ended["end"], "reason" in ended) == ("completed", False)
    assert heard.action()["run_id"] == "A_1"


def test_a_run_is_printed_by_its_id_and_agent() -> None:
    with recorded_locally(), run(agent_id="A", run_id="A_1") as one:
        assert (one.id, repr(one)) == ("A_1", "<titan_sdk.Run 'A_1' of 'A'>")


def test_an_exception_that_leaves_the_block_leaves_its_traceback() -> None:
    def look() -> None:
        raise LookupError("nothing for ghp_abcdefghijklmnopqrstuvwxyz0123456789")

    with recorded_locally() as heard:
        with pytest.raises(LookupError), run(run_id="failed"):
            look()
        with pytest.raises(SystemExit), run(run_id="left"):
            raise SystemExit(3)

    failed, left = ([told for told in heard.runs() if told["run_id"] == name][-1] for name in ("failed", "left"))
    traceback = failed["details"]["traceback"]
    assert traceback.startswith('Traceback (most recent call last):\n  File "')
    assert "in look\n    raise LookupError(" in traceback
    assert traceback.splitlines()[-1].startswith("LookupError: nothing for ")
    assert "details" not in left


@pytest.mark.parametrize(
    ("error", "end", "reason"),
    [
        (ValueError("no"), "failed", "ValueError: no"),
        (SystemExit(0), "completed", None),
        (SystemExit(3), "failed", "exit status 3"),
        (KeyboardInterrupt(), "cancelled", "KeyboardInterrupt"),
        (asyncio.CancelledError(), "cancelled", "CancelledError"),
    ],
)
def test_an_exception_out_of_the_block_sets_the_end_of_the_run(
    error: BaseException, end: str, reason: str | None
) -> None:
    with recorded_locally() as heard:
        with pytest.raises(type(error)), run(run_id="A_1"):
            raise error

        ended = heard.runs()[-1]
        assert (ended["end"], ended.get("reason")) == (end, reason)


def test_runs_of_tasks_that_run_at_once_stay_apart() -> None:
    async def work(run_id: str) -> None:
        async with run(agent_id="A", run_id=run_id):
            await asyncio.sleep(0)
            with action(run_id):
                await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(work("A_1"), work("A_2"))

    with recorded_locally() as heard:
        asyncio.run(main())

    assert {each["name"]: each["run_id"] for each in heard.actions()} == {"A_1": "A_1", "A_2": "A_2"}


@action
def call(name: str) -> str:
    return name


def runs_of_calls(heard: Heard) -> dict[str, str]:
    return {each["outputs"]: each["run_id"] for each in heard.actions()}


def test_calls_in_plain_threads_belong_to_the_only_run_that_is_open() -> None:
    with recorded_locally("A_1") as heard, ThreadPoolExecutor(3) as pool:
        list(pool.map(call, "abc"))
        thread = Thread(target=lambda: asyncio.run(in_a_task("in a loop of its own")))
        thread.start()
        thread.join()
        call("here")
        with run(run_id="A_1"):  # the same one, once more
            pool.submit(call, "d").result()

    assert runs_of_calls(heard) == dict.fromkeys([*"abcd", "here", "in a loop of its own"], "A_1")


async def in_a_task(name: str) -> str:
    return call(name)


def test_calls_in_plain_threads_belong_to_none_of_several_open_runs_nor_to_one_that_is_over() -> None:
    with recorded_locally("A_1") as heard, ThreadPoolExecutor(1) as pool:
        with run("B", "B_1"):
            pool.submit(call, "which").result()
        pool.submit(call, "outer").result()
        heard.actions()
    with recording_to(heard.recorder):
        assert open_run() is None

    found = runs_of_calls(heard)
    assert found["which"] not in ("A_1", "B_1")
    assert found["outer"] == "A_1"


def test_a_context_outside_of_a_run_stays_outside_in_any_thread() -> None:
    outside = copy_context()
    with recorded_locally("A_1") as heard, ThreadPoolExecutor(1) as pool:
        pool.submit(outside.run, call, "outside").result()

    assert runs_of_calls(heard)["outside"] != "A_1"


def test_an_action_has_no_parent_in_another_run() -> None:
    with recorded_locally() as heard, action("outer"), run(run_id="A_1"), action("inner"):
        pass

    assert [("parent_id" in each, each["run_id"]) for each in heard.actions()] == [(False, "R_1"), (False, "A_1")]


def test_a_run_within_a_run_belongs_to_its_session_unless_it_says_otherwise() -> None:
    with recorded_locally() as heard, run(run_id="outer", session_id="s"):
        with run(run_id="inner"), run(run_id="innermost"):
            pass
        with run(run_id="other", session_id="t"), run(run_id="none", session_id=""), run(run_id="in none"):
            pass
        with run(run_id="later"):
            pass

    sessions = {each["run_id"]: each.get("session_id") for each in heard.runs() if "end" not in each}
    assert sessions == {
        "R_1": None,
        "outer": "s",
        "inner": "s",
        "innermost": "s",
        "other": "t",
        "none": None,
        "in none": None,
        "later": "s",
    }


def test_a_run_that_is_given_no_id_gets_one_of_its_agents() -> None:
    with recorded_locally(), run(agent_id="RESEARCH") as current:
        assert current.id is not None
        assert current.id.startswith("RESEARCH_")


class Broken:
    """A note that cannot be encoded."""

    lost = Lost("R_1", 7)

    def entry(self) -> Entry:
        raise RuntimeError("never")


def test_entries_that_cannot_be_encoded_are_counted_and_the_count_recorded() -> None:
    with recorded_locally() as heard:
        put(Broken())
        heard.entries()
        with action("after"):
            pass

        lost, after = heard.actions()
        assert (lost["name"], lost["details"]) == ("titan.entries_lost", {"attributes": {"count": 1}})
        assert after["name"] == "after"
        assert len(heard.said) == 1


def test_a_fault_in_the_delivery_is_said_and_does_not_end_the_recording() -> None:
    with recorded_locally() as heard:
        heard.faults.append(ZeroDivisionError("ours"))
        with action("lost"):
            pass
        heard.entries()
        with action("told"):
            pass

        assert sorted(each["name"] for each in heard.actions()) == ["titan.entries_lost", "told"]
        assert "ZeroDivisionError: ours" in heard.said[0]


def test_a_closed_recorder_has_sent_everything() -> None:
    heard = Heard()

    class Note:
        lost = Lost("R_1", 7)

        def __init__(self, number: int) -> None:
            self.number = number

        def entry(self) -> Entry:
            return Entry({"type": "action", "id": str(self.number)})

    for number in range(3000):
        heard.recorder.put(Note(number))
    heard.recorder.close(FLUSH_SECONDS)

    assert [entry["id"] for entry in heard.entries()] == [str(number) for number in range(3000)]
    assert len(heard.bodies) >= 3000 / 256


def test_a_title_is_as_long_as_the_server_takes_it() -> None:
    with recorded_locally() as heard:
        with run(run_id="R_2", name="n" * 800, tags=["t" * 800]):
            pass

        [told] = [entry for entry in heard.runs() if "name" in entry]
        assert (len(told["name"]), len(told["tags"][0])) == (500, 200)


def test_entries_of_a_run_in_a_project_name_it() -> None:
    with recorded_locally() as heard:
        with run(run_id="A_1", project="finance"), action("outer"):
            progress(1, 3)
            with run(run_id="A_2"), action("inner"):
                pass
            with run(run_id="A_3", project="x" * 300), action("other"):
                pass
        with action("after"):
            pass

    told = {(entry["run_id"], entry.get("project")) for entry in heard.entries()}
    assert told == {("A_1", "finance"), ("A_2", "finance"), ("A_3", "x" * 200), ("R_1", None)}


def test_a_secret_in_a_project_s_name_does_not_reach_the_disk() -> None:
    told = Entry({"type": "run", "at_ns": 1, "project": "of ghp_abcdefghijklmnopqrstuvwxyz0123456789"})

    assert "of [redacted:github_token]" in told.text(built_in())
