"""The retry policy of recorded entries, and the spool in which they wait."""

from __future__ import annotations

import json
import os
import socket
from collections import deque
from pathlib import Path

import pytest

from tests.support.heard import spooled
from titan_sdk.http.address import Address
from titan_sdk.http.transport import Transport
from titan_sdk.recording.delivery import (
    ANSWER_SECONDS,
    BATCH_ENTRIES,
    ENDING,
    MOST_FAULTS,
    PROBE_SECONDS,
    Answer,
    Delivery,
    Spool,
    Verdict,
    deliver_folder,
    post_to,
    spool_folder,
    verdict_of,
)


class Server:
    """A server that takes what its verdicts say, then all; but for entries with certain ids."""

    def __init__(self, *verdicts: Verdict) -> None:
        self.verdicts = deque(verdicts)
        self.is_away = False
        self.ids: list[str] = []
        self.waits: list[float] = []

    def __call__(self, body: bytes, within_seconds: float) -> Answer:
        self.waits.append(within_seconds)
        verdict = Verdict.AWAY if self.is_away else self.verdicts.popleft() if self.verdicts else Verdict.TAKEN
        try:
            ids = [entry["id"] for entry in json.loads(body)["entries"]]
        except (ValueError, TypeError, RecursionError):
            return Answer(Verdict.REFUSED, "HTTP 400")
        if verdict is Verdict.TAKEN and any(each.startswith("bad") for each in ids):
            verdict = Verdict.REFUSED
        if verdict is Verdict.TAKEN and any(each.startswith("worst") for each in ids):
            verdict = Verdict.FAULT
        if verdict is Verdict.TAKEN:
            self.ids += ids
        return Answer(verdict, f"HTTP {verdict.name}")


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def entries(*ids: str) -> list[str]:
    return [json.dumps({"id": each}) for each in ids]


def ids_in(folder: Path) -> list[str]:
    return [entry["id"] for entry in spooled(folder)]


class Refused(list[str]):
    """The entries that were refused."""

    def __call__(self, entry: str, _reason: str) -> None:
        self.append(json.loads(entry)["id"])


def test_a_server_that_stays_away_is_asked_less_and_less_often() -> None:
    server, clock = Server(), Clock()
    delivery = Delivery(server, refuse=Refused(), now=clock)
    server.is_away = True

    pauses = []
    for _ in range(6):
        assert delivery.send(entries("a")) == [0]
        pauses.append(delivery.retry_at - clock.seconds)
        clock.seconds = delivery.retry_at

    assert pauses == [0.5, 1, 2, 4, 5, 5]
    assert [round(each) for each in server.waits] == [ANSWER_SECONDS, PROBE_SECONDS, PROBE_SECONDS, 2, 4, 5]
    server.is_away = False
    assert delivery.send(entries("a")) == []
    assert not delivery.is_paused()


def test_a_large_request_has_longer_to_arrive() -> None:
    server = Server()

    Delivery(server, refuse=Refused()).send([json.dumps({"id": "a", "text": "y" * 2 * 2**20})])

    assert [round(each) for each in server.waits] == [ANSWER_SECONDS + 2]


def test_one_entry_that_the_server_refuses_does_not_hold_up_the_others() -> None:
    server, refused = Server(), Refused()

    left = Delivery(server, refuse=refused).send(entries("a", "b", "bad", "c"))

    assert (left, server.ids, refused) == ([], ["a", "b", "c"], ["bad"])


def test_entries_not_taken_by_a_server_that_goes_away_are_left() -> None:
    server = Server(Verdict.REFUSED, Verdict.TAKEN, Verdict.AWAY)

    left = Delivery(server, refuse=Refused()).send(entries("a", "b", "c"))

    assert (server.ids, left) == (["a"], [1, 2])


def test_a_server_that_fails_over_one_request_is_asked_for_the_next_and_over_all_is_left_alone() -> None:
    server, clock = Server(), Clock()
    delivery = Delivery(server, refuse=Refused(), now=clock)

    for number in range(MOST_FAULTS):
        assert not delivery.is_paused()
        assert delivery.send(entries(f"worst {number}")) == [0]

    assert delivery.is_paused()


def test_a_pause_that_the_server_asks_for_is_kept_even_at_an_exit() -> None:
    clock = Clock()
    answers = deque([Answer(Verdict.AWAY, "HTTP 503", 30.0), Answer(Verdict.AWAY, "HTTP 503", 1e9)])
    delivery = Delivery(lambda _body, _seconds: answers.popleft(), refuse=Refused(), now=clock)

    delivery.send(entries("a"))
    first = delivery.retry_at - clock.seconds
    delivery.send(entries("a"))
    delivery.hurry(clock.seconds + 2)

    assert first == 30
    assert delivery.is_paused()
    assert delivery.retry_at - clock.seconds == 300  # it may ask for more, and is asked again then


def test_at_an_exit_the_server_is_asked_once_more_and_not_longer_than_there_is_time() -> None:
    server, clock = Server(), Clock()
    delivery = Delivery(server, refuse=Refused(), now=clock)
    server.is_away = True
    delivery.send(entries("a"))

    delivery.hurry(clock.seconds + 0.5)
    assert not delivery.is_paused()
    delivery.send(entries("a"))

    assert delivery.is_paused()
    assert server.waits[-1] == 0.5
    clock.seconds += 5
    assert delivery.is_paused()  # the time is over


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.TAKEN),
        (202, Verdict.TAKEN),
        (400, Verdict.REFUSED),
        (413, Verdict.REFUSED),
        (404, Verdict.UNWANTED),
        (401, Verdict.DENIED),
        (403, Verdict.DENIED),
        (500, Verdict.FAULT),
        (409, Verdict.AWAY),
        (503, Verdict.AWAY),
        (507, Verdict.AWAY),
    ],
)
def test_an_answer_says_whether_entries_may_be_sent_again(status: int, verdict: Verdict) -> None:
    assert verdict_of(status) is verdict


@pytest.mark.parametrize(
    ("seconds", "why"), [(1.25, "the server at {} did not answer within 1.2 s"), (0.01, "")], ids=["slow", "no time"]
)
def test_a_server_that_listens_and_does_not_answer_in_time_is_not_said_to_be_away(seconds: float, why: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]

        answer = post_to(Transport("127.0.0.1", port, retry_for_seconds=0))(b"{}", seconds)

    assert answer == Answer(Verdict.AWAY, why.format(f"127.0.0.1:{port}"))


def test_waiting_entries_are_delivered_oldest_first_and_their_file_removed(tmp_path: Path) -> None:
    Spool(str(tmp_path)).add(entries("a", "b"))
    Spool(str(tmp_path)).add(entries("c"))
    server = Server()

    done = deliver_folder(str(tmp_path), server)

    assert (server.ids, done.taken, done.refusals, done.is_all) == (["a", "b", "c"], 3, [], True)
    assert list(tmp_path.iterdir()) == []


def test_entries_that_the_server_does_not_take_now_wait(tmp_path: Path) -> None:
    Spool(str(tmp_path)).add(entries("a"))

    done = deliver_folder(str(tmp_path), Server(Verdict.AWAY))

    assert (done.taken, done.is_all, done.answer.reason) == (0, False, "HTTP AWAY")
    assert ids_in(tmp_path) == ["a"]


def test_of_a_file_that_was_delivered_in_part_the_rest_waits(tmp_path: Path) -> None:
    ids = [str(number) for number in range(3 * BATCH_ENTRIES)]
    Spool(str(tmp_path)).add(entries(*ids))
    server = Server(Verdict.TAKEN, Verdict.AWAY)

    first = deliver_folder(str(tmp_path), server)
    waiting = ids_in(tmp_path)
    second = deliver_folder(str(tmp_path), server)

    assert (first.taken, second.taken, second.is_all) == (BATCH_ENTRIES, 2 * BATCH_ENTRIES, True)
    assert (waiting, server.ids) == (ids[BATCH_ENTRIES:], ids)


def test_an_entry_that_makes_the_server_fail_stays_and_others_are_delivered(tmp_path: Path) -> None:
    Spool(str(tmp_path)).add(entries("worst"))
    Spool(str(tmp_path)).add(entries("a"))
    server = Server()

    done = deliver_folder(str(tmp_path), server)

    assert (server.ids, done.is_all, ids_in(tmp_path)) == (["a"], False, ["worst"])


@pytest.mark.parametrize("line", [b"7", b'"x"', b"{", b"[" * 100_000, b"\xff", b'{"id":"cut o'])
def test_foreign_lines_in_a_spool_are_dropped_and_hold_up_nothing(tmp_path: Path, line: bytes) -> None:
    Spool(str(tmp_path)).add(entries("a"))
    [path] = tmp_path.iterdir()
    path.write_bytes(path.read_bytes() + line)
    server = Server()

    done = deliver_folder(str(tmp_path), server)

    assert (server.ids, len(done.refusals), list(tmp_path.iterdir())) == (["a"], 1, [])


def test_a_file_that_another_process_delivers_is_left_to_it_and_another_one_is_begun(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path))
    spool.add(entries("a"))
    server = Server()
    delivering = Spool(str(tmp_path)).deliver(Delivery(server, refuse=Refused()))
    next(delivering)

    spool.add(entries("b"))
    beside = deliver_folder(str(tmp_path), server)
    list(delivering)

    assert (beside.taken, beside.is_all, server.ids) == (1, False, ["a", "b"])
    assert list(tmp_path.iterdir()) == []
    assert spool.add(entries("c"))
    assert ids_in(tmp_path) == ["c"]


def test_a_process_appends_to_one_file_that_nobody_else_can_read(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path / "spool"))

    for each in "abc":
        spool.add(entries(each))

    [path] = (tmp_path / "spool").iterdir()
    assert (path.stat().st_mode & 0o777, (tmp_path / "spool").stat().st_mode & 0o777) == (0o600, 0o700)
    assert (ids_in(tmp_path / "spool"), spool.waiting()) == (["a", "b", "c"], 3)
    path.unlink()
    assert spool.waiting() == 0


def test_a_full_folder_keeps_the_oldest(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), largest_bytes=1000)

    taken = [spool.add(["x" * 400]) for _ in range(3)]

    assert taken == [True, True, False]
    assert spool.problem == "0 MiB wait there already"
    Path(spool.paths()[0]).unlink()
    assert spool.add(["y" * 400])


def test_the_spool_opens_only_regular_files(tmp_path: Path) -> None:
    (tmp_path / f"1{ENDING}").mkdir()
    os.mkfifo(tmp_path / f"2{ENDING}")
    (tmp_path / f"3{ENDING}").symlink_to("/etc/hostname")

    assert Spool(str(tmp_path)).paths() == []


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"TITAN_SPOOL": "/s", "TITAN_JOB_ID": "j"}, "/s"),
        ({"TITAN_JOB_ID": "j", "TITAN_HOME": "/h"}, None),
        ({"TITAN_HOME": "/h"}, "/h/spool/titan.example.org_9090"),
    ],
)
def test_entries_wait_where_their_server_is_known(environment: dict[str, str], folder: str | None) -> None:
    assert spool_folder(Address("titan.example.org", 9090), environment) == folder


def test_entries_for_the_homes_own_server_wait_in_one_folder_with_any_port() -> None:
    folders = {spool_folder(Address("127.0.0.1", port, is_named=False), {"TITAN_HOME": "/h"}) for port in (5001, 9090)}

    assert folders == {"/h/spool/home"}
