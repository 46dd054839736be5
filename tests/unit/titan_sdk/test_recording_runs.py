"""Which run actions belong to, and how it ends."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.heard import FLUSH_SECONDS, Heard, heard_by_nobody_else
from titan_sdk import action, progress, run
from titan_sdk.recording.process import put
from titan_sdk.recording.recorder import LONGEST_QUEUE, Recorder
from titan_sdk.recording.told import Told


def test_a_run_is_told_when_it_begins_and_when_it_ends() -> None:
    with (
        heard_by_nobody_else() as heard,
        run(agent_id="A", run_id="A_1", session_id="s", name="A talk", tags=["x"]),
        action("step"),
    ):
        progress(1, 3)
        progress(-1)

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
    assert (first["done"], first["total"], second["done"]) == (1, 3, 0)
    assert (ended["end"], "reason" in ended) == ("completed", False)
    assert heard.action()["run_id"] == "A_1"


def test_a_run_is_printed_by_its_id_and_agent() -> None:
    with heard_by_nobody_else(), run(agent_id="A", run_id="A_1") as one:
        assert (one.id, repr(one)) == ("A_1", "<titan_sdk.Run 'A_1' of 'A'>")


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
def test_what_leaves_the_block_says_how_the_run_ended(error: BaseException, end: str, reason: str | None) -> None:
    with heard_by_nobody_else() as heard:
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

    with heard_by_nobody_else() as heard:
        asyncio.run(main())

    assert {each["name"]: each["run_id"] for each in heard.actions()} == {"A_1": "A_1", "A_2": "A_2"}


def test_an_action_has_no_parent_in_another_run() -> None:
    with heard_by_nobody_else() as heard, action("outer"), run(run_id="A_1"), action("inner"):
        pass

    assert [("parent_id" in each, each["run_id"]) for each in heard.actions()] == [(False, "R_1"), (False, "A_1")]


def test_a_run_that_is_given_no_id_gets_one_of_its_agents() -> None:
    with heard_by_nobody_else(), run(agent_id="RESEARCH") as current:
        assert current.id is not None
        assert current.id.startswith("RESEARCH_")


class Broken:
    """A note that cannot be told."""

    def told(self) -> list[Told]:
        raise RuntimeError("never")


def test_what_cannot_be_told_is_counted_and_the_count_is_told() -> None:
    with heard_by_nobody_else() as heard:
        put(Broken())
        heard.entries()
        with action("after"):
            pass

        lost, after = heard.actions()
        assert (lost["name"], lost["details"]) == ("titan.entries_lost", {"attributes": {"count": 1}})
        assert after["name"] == "after"
        assert len(heard.said) == 1


def test_a_fault_in_the_delivery_is_said_and_does_not_end_the_recording() -> None:
    with heard_by_nobody_else() as heard:
        heard.faults.append(ZeroDivisionError("ours"))
        with action("lost"):
            pass
        heard.entries()
        with action("told"):
            pass

        assert [each["name"] for each in heard.actions()] == ["titan.entries_lost", "told"]
        assert "ZeroDivisionError: ours" in heard.said[0]


def test_a_queue_that_is_full_takes_no_more_and_holds_nobody_up() -> None:
    heard = Heard()

    class Stuck:
        """A recorder's thread that is not there."""

    recorder = Recorder(lambda: heard.delivery)
    recorder._thread = Stuck()  # type: ignore[assignment]  # so that none is started
    for _ in range(LONGEST_QUEUE + 5):
        recorder.put(Broken())
    recorder._thread = None

    recorder.close(FLUSH_SECONDS)

    assert heard.delivery.dropped == LONGEST_QUEUE + 5
    assert heard.said[0].startswith("titan_sdk: recorded entries are lost")


def test_a_recorder_that_is_closed_has_told_everything() -> None:
    heard = Heard()
    recorder = Recorder(lambda: heard.delivery)

    class Note:
        def __init__(self, number: int) -> None:
            self.number = number

        def told(self) -> list[Told]:
            return [Told({"type": "action", "id": str(self.number)})]

    for number in range(3000):
        recorder.put(Note(number))
    recorder.close(FLUSH_SECONDS)

    assert [entry["id"] for entry in heard.entries()] == [str(number) for number in range(3000)]
    assert len(heard.bodies) >= 3000 / 256


def test_a_title_is_as_long_as_the_server_takes_it() -> None:
    with heard_by_nobody_else() as heard:
        with run(run_id="R_2", name="n" * 800, tags=["t" * 800]):
            pass

        [told] = [entry for entry in heard.runs() if "name" in entry]
        assert (len(told["name"]), len(told["tags"][0])) == (500, 200)
