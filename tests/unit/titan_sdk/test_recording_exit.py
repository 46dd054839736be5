"""What an exit delivers, what it writes to the spool, and what is lost where there is no room or no time."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.heard import FLUSH_SECONDS, Away, Heard, spooled
from titan_sdk import action, progress, run
from titan_sdk.recording.delivery import BATCH_ENTRIES, Answer, Verdict, deliver_folder
from titan_sdk.recording.process import recording_to
from titan_sdk.recording.recorder import ENTRIES_LOST, QUEUE_CALLS


class Hanging(Heard):
    """A server that answers nobody until it is let go on."""

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__(folder)
        self.is_asked = threading.Event()
        self.goes_on = threading.Event()

    def post(self, body: bytes, within_seconds: float) -> Answer:
        self.is_asked.set()
        self.goes_on.wait(FLUSH_SECONDS)
        return super().post(body, within_seconds)


class Slow(Heard):
    """A server that takes 0.8 s for each request."""

    def post(self, body: bytes, within_seconds: float) -> Answer:
        threading.Event().wait(0.8)
        return super().post(body, within_seconds)


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    heard = Hanging()
    with recording_to(heard.recorder):
        yield heard
        heard.goes_on.set()
        heard.recorder.close(FLUSH_SECONDS)


@action
def call(number: int) -> int:
    return number


def by_id(entries: list[dict[str, Any]], run_id: str) -> dict[str, dict[str, Any]]:
    """Return what all entries together say of each call of a run."""
    known: dict[str, dict[str, Any]] = {}
    for entry in entries:
        if entry["type"] == "action" and entry["run_id"] == run_id and entry["kind"] != "event":
            known.setdefault(entry["id"], {}).update(entry)
    return known


def ends(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["end"] for entry in entries if "end" in entry]


def losses(entries: list[dict[str, Any]]) -> dict[str, int]:
    """Return how many entries each run is told that it lost."""
    events = [each for each in entries if each.get("name") == ENTRIES_LOST]
    counts = {each["run_id"]: each["details"]["attributes"]["count"] for each in events}
    assert len(counts) == len(events)
    return counts


def test_where_too_many_wait_whole_calls_are_lost_and_no_run_and_no_end(hanging: Hanging) -> None:
    with suppress(ValueError), run("A", "A_1"), action("long"):
        assert hanging.is_asked.wait(FLUSH_SECONDS)
        for number in range(QUEUE_CALLS + 500):
            call(number)
        progress(1)
        with run("B", "B_1"):
            call(1)
        raise ValueError("no")
    hanging.goes_on.set()

    entries = hanging.entries()
    calls, lost = by_id(entries, "A_1"), losses(entries)
    ended = {each["run_id"]: (each["end"], each.get("reason")) for each in entries if "end" in each}
    assert ended == {"A_1": ("failed", "ValueError: no"), "B_1": ("completed", None)}
    assert all("ended_at_ns" in each for each in calls.values())
    assert len(calls) + lost["A_1"] == QUEUE_CALLS + 500 + len(["long", "progress"])
    assert (lost["A_1"] >= 400, lost["B_1"]) == (True, 1)
    assert len(hanging.said) == 1


def test_a_call_below_a_lost_call_is_recorded_below_its_parent(hanging: Hanging) -> None:
    with run("A", "A_1"), action("root"):
        assert hanging.is_asked.wait(FLUSH_SECONDS)
        for number in range(QUEUE_CALLS + 100):
            call(number)
        with action("lost"):
            hanging.goes_on.set()
            assert hanging.recorder.flush(FLUSH_SECONDS)
            call(-1)

    found = by_id(hanging.entries(), "A_1").values()
    [root] = [each for each in found if each["name"] == "root"]
    [last] = [each for each in found if each.get("inputs") == {"number": -1}]
    assert last["parent_id"] == root["id"]
    assert all(each["name"] != "lost" for each in found)


def test_an_event_says_to_its_run_how_many_entries_were_lost_and_does_not_reopen_it() -> None:
    heard = Heard()
    with recording_to(heard.recorder):
        with run("A", "A_1"):
            assert heard.recorder.flush(FLUSH_SECONDS)
            heard.verdicts.extend([Verdict.REFUSED] * 2)  # of the two together, and of the first alone
            with action("refused"):
                pass
        assert heard.recorder.flush(FLUSH_SECONDS)
        heard.recorder.close(FLUSH_SECONDS)

    entries = heard.entries()
    [event] = [each for each in entries if each.get("name") == ENTRIES_LOST]
    [end] = [each for each in entries if "end" in each]
    assert (event["run_id"], event["outputs"]) == ("A_1", "1 entry of this run was not recorded")
    assert event["started_at_ns"] <= end["at_ns"]
    assert heard.said == [
        "titan_sdk: recorded entries are lost (1 so far): 'refused' is refused: the server answered HTTP REFUSED"
    ]


def test_entries_are_spooled_while_the_server_is_away_and_delivered_when_it_is_back(tmp_path: Path) -> None:
    heard = Heard(tmp_path)
    heard.verdicts.append(Verdict.AWAY)
    with recording_to(heard.recorder), run("A", "A_1"):
        call(1)
        assert heard.recorder.flush(FLUSH_SECONDS)
        waiting = spooled(tmp_path)
    heard.recorder.close(FLUSH_SECONDS)

    assert len(by_id(waiting, "A_1")) == 1
    assert len(by_id(heard.entries(), "A_1")) == 1
    assert (ends(heard.entries()), list(tmp_path.iterdir()), heard.said) == (["completed"], [], [])


def test_entries_that_no_disk_takes_are_sent_again_from_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    heard = Heard(tmp_path / "file" / "spool")
    heard.verdicts.extend([Verdict.AWAY] * 2)
    with recording_to(heard.recorder), run("A", "A_1"):
        for number in range(2 * BATCH_ENTRIES):
            call(number)
        assert heard.recorder.flush(FLUSH_SECONDS)

    assert len(by_id(heard.entries(), "A_1")) == 2 * BATCH_ENTRIES
    heard.recorder.close(FLUSH_SECONDS)
    assert heard.said == []


def test_an_exit_beside_a_server_that_hangs_writes_everything_to_the_spool(tmp_path: Path) -> None:
    hanging = Hanging(tmp_path)
    with recording_to(hanging.recorder), suppress(ValueError), run("A", "A_1"):
        call(-1)
        assert hanging.is_asked.wait(FLUSH_SECONDS)
        for number in range(2_000):
            call(number)
        raise ValueError("no")

    hanging.recorder.close(0.5)

    answered = list(hanging.bodies)
    hanging.goes_on.set()
    entries = spooled(tmp_path)
    assert ends(entries) == ["failed"]
    assert len(by_id(entries, "A_1")) == 2_001
    assert [line.startswith(f"titan_sdk: {len(entries):,} recorded entries wait in ") for line in hanging.said] == [
        True
    ]
    assert answered == []  # it did not wait for the server


def test_an_exit_beside_a_slow_server_sends_some_and_spools_the_rest(tmp_path: Path) -> None:
    slow = Slow(tmp_path)
    with recording_to(slow.recorder), run("A", "A_1"):
        for number in range(2_000):  # 8 requests
            call(number)

    slow.recorder.close()

    sent = [entry for body in slow.bodies for entry in json.loads(body)["entries"]]
    kept = spooled(tmp_path)
    assert (len(sent) > 0, len(kept) > 0) == (True, True)
    assert len(by_id([*sent, *kept], "A_1")) == 2_000
    assert ["there was no time to bring them to the server" in line for line in slow.said] == [True]


def test_a_process_that_ends_reports_the_number_of_waiting_entries_and_why(tmp_path: Path) -> None:
    away = Away(tmp_path)
    with recording_to(away.recorder), run("A", "A_1"), action("call"):
        pass

    away.recorder.close(FLUSH_SECONDS)

    number = len(spooled(tmp_path))
    assert away.said == [
        f"titan_sdk: {number} recorded entries wait in {tmp_path}: no Titan answers at 127.0.0.1:19999"
    ]


def test_nothing_is_reported_of_entries_delivered_by_another_process(tmp_path: Path) -> None:
    away = Away(tmp_path)
    with recording_to(away.recorder), run("A", "A_1"):
        pass
    assert away.recorder.flush(FLUSH_SECONDS)

    deliver_folder(str(tmp_path), Heard().post)
    away.recorder.close(FLUSH_SECONDS)

    assert away.said == []


def test_entries_that_cannot_be_stored_are_lost_and_counted_with_the_reason(tmp_path: Path) -> None:
    (home := tmp_path / "home").write_text("a file")
    away = Away(home / "spool")
    with recording_to(away.recorder), run("A", "A_1"):
        for number in range(BATCH_ENTRIES):
            call(number)

    away.recorder.close(0.1)

    why = f"the server is away, and they cannot be kept: {home}/spool: Not a directory (errno 20)"
    assert away.said == [
        f"titan_sdk: recorded entries are lost (256 so far): {why}",
        f"titan_sdk: recorded entries are lost: {BATCH_ENTRIES + 2} in all",
    ]


def test_a_server_that_lets_nobody_in_is_said_at_once_and_all_waits(tmp_path: Path) -> None:
    heard = Heard(tmp_path)
    heard.verdicts.extend([Verdict.DENIED] * 9)
    with recording_to(heard.recorder), run("A", "A_1"):
        call(1)
        assert heard.recorder.flush(FLUSH_SECONDS)
        assert heard.said == ["titan_sdk: recorded entries wait: the server answered HTTP DENIED"]
        assert len(by_id(spooled(tmp_path), "A_1")) == 1
    heard.verdicts.clear()
    heard.recorder.close(FLUSH_SECONDS)


def test_entries_after_the_end_are_counted_and_not_recorded() -> None:
    heard = Heard()
    with recording_to(heard.recorder):
        call(1)
        heard.recorder.close(FLUSH_SECONDS)
        call(2)
        assert heard.recorder.flush(0)
        heard.recorder.close(0)

    assert [each["outputs"] for each in heard.actions()] == [1]
