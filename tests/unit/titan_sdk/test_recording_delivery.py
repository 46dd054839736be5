"""Where batches go: to the server, to the disk while it is away, and what is lost is counted."""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path
from typing import Any

import pytest

from titan_sdk.address import Address
from titan_sdk.recording.delivery import (
    MOST_FAULTS,
    REST_SECONDS,
    Answer,
    Delivery,
    Verdict,
    retry_after,
    verdict_of,
)
from titan_sdk.recording.spool import Spool, spool_folder
from titan_sdk.recording.entry import Entry


class Post:
    """A server that takes what its verdicts say; then all."""

    def __init__(self, *verdicts: Verdict) -> None:
        self.verdicts = deque(verdicts)
        self.is_away = False
        self.ids: list[str] = []
        self.tries = 0

    def __call__(self, body: bytes, _within_seconds: float) -> Answer:
        self.tries += 1
        ids = [entry["id"] for entry in json.loads(body)["entries"]]
        verdict = Verdict.AWAY if self.is_away else self.verdicts.popleft() if self.verdicts else Verdict.TAKEN
        if any(each.startswith("bad") for each in ids) and verdict is Verdict.TAKEN:
            verdict = Verdict.REFUSED
        if any(each.startswith("worst") for each in ids) and verdict is Verdict.TAKEN:
            verdict = Verdict.FAULT
        if verdict is Verdict.TAKEN:
            self.ids += ids
        return Answer(verdict, f"HTTP {verdict.name}")


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def told(*ids: str, **payloads: str) -> list[Entry]:
    return [Entry({"type": "action", "id": each, "name": "a", "started_at_ns": 1}, dict(payloads)) for each in ids]


def kept_entries(folder: Path) -> list[dict[str, Any]]:
    return [entry for path in sorted(folder.glob("*.json")) for entry in json.loads(path.read_bytes())["entries"]]


def deliver_all(delivery: Delivery) -> None:
    while delivery.wait_seconds == 0:
        delivery.go_on()


def test_what_comes_while_the_server_is_away_is_kept_on_disk_and_delivered_when_it_is_back(tmp_path: Path) -> None:
    post, clock = Post(), Clock()
    delivery = Delivery(post, Spool(str(tmp_path / "spool")), now=clock)
    post.is_away = True

    delivery.give(told("a"))
    delivery.give(told("b"))

    assert post.tries == 1  # it is not asked for each batch
    assert [entry["id"] for entry in kept_entries(tmp_path / "spool")] == ["a", "b"]
    post.is_away = False
    assert delivery.wait_seconds == 0.5
    clock.seconds += 0.5
    deliver_all(delivery)
    assert post.ids == ["a", "b"]
    assert kept_entries(tmp_path / "spool") == []
    assert delivery.wait_seconds is None


def test_a_server_that_stays_away_is_asked_less_and_less_often(tmp_path: Path) -> None:
    post, clock = Post(), Clock()
    delivery = Delivery(post, Spool(str(tmp_path)), now=clock)
    post.is_away = True
    delivery.give(told("a"))

    pauses = []
    for _ in range(6):
        pauses.append(delivery.wait_seconds or 0)
        clock.seconds += pauses[-1]
        delivery.go_on()

    assert pauses == [0.5, 1, 2, 4, 5, 5]


def test_at_its_end_a_process_tries_once_more_and_no_longer_than_it_may(tmp_path: Path) -> None:
    post, clock = Post(), Clock()
    delivery = Delivery(post, Spool(str(tmp_path)), now=clock)
    post.is_away = True
    delivery.give(told("a"))
    delivery.give(told("b"))

    delivery.finish(clock.seconds + 2)
    assert (post.tries, post.ids) == (2, [])
    post.is_away = False
    delivery.finish(clock.seconds)
    assert post.ids == []
    delivery.finish(clock.seconds + 2)

    assert post.ids == ["a", "b"]


def test_the_next_process_delivers_what_an_earlier_one_left(tmp_path: Path) -> None:
    Spool(str(tmp_path)).add(b'{"entries":[{"id":"a"}]}')
    post = Post()

    deliver_all(Delivery(post, Spool(str(tmp_path))))

    assert post.ids == ["a"]
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_to_the_disk_holds_no_secret(tmp_path: Path) -> None:
    delivery = Delivery(Post(Verdict.AWAY), Spool(str(tmp_path)))
    key = "sk-proj-" + "a1B2c3D4" * 6

    delivery.give(told("a", inputs=json.dumps({"args": [f"key {key}"], "kwargs": {"password": "hunter22"}})))

    [entry] = kept_entries(tmp_path)
    assert entry["is_redacted"] is True
    assert entry["inputs"]["kwargs"] == {"password": "[redacted:password]"}
    assert not any(key.encode() in path.read_bytes() for path in tmp_path.iterdir())
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())


def test_one_entry_that_the_server_refuses_does_not_hold_up_the_others() -> None:
    post, said = Post(), list[str]()
    delivery = Delivery(post, None, say=said.append)

    delivery.give(told("a", "b", "bad", "c", "d"))

    assert post.ids == ["a", "b", "c", "d"]
    assert delivery.dropped == 1
    assert len(said) == 1


def test_one_kept_entry_that_the_server_refuses_does_not_hold_up_the_others(tmp_path: Path) -> None:
    Spool(str(tmp_path)).add(b'{"entries":[{"id":"a"},{"id":"bad"},{"id":"b"}]}')
    (tmp_path / "000.json").write_bytes(b"")  # as a power cut leaves it
    post, said = Post(Verdict.REFUSED), list[str]()
    empty = Delivery(lambda _body, _seconds: Answer(Verdict.REFUSED), Spool(str(tmp_path)), say=said.append)
    empty.go_on()
    delivery = Delivery(post, Spool(str(tmp_path)), say=said.append)

    deliver_all(delivery)

    assert post.ids == ["a", "b"]
    assert (empty.dropped, delivery.dropped) == (1, 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("body", [b'{"entries":[7,"x"]}', b'{"entries":7}', b'{"entries":{"a":1}}', b"[" * 100_000])
def test_whatever_else_was_written_into_a_kept_file_goes_and_is_said(tmp_path: Path, body: bytes) -> None:
    Spool(str(tmp_path)).add(body)
    said = list[str]()

    is_empty = Delivery(lambda _body, _seconds: Answer(Verdict.REFUSED), Spool(str(tmp_path)), say=said.append).empty()

    assert (is_empty, list(tmp_path.iterdir())) == (True, [])
    assert "recorded entries are lost (1 so far)" in said[0]


def test_what_the_server_does_not_take_now_is_told_to_wait(tmp_path: Path) -> None:
    Spool(str(tmp_path)).add(b'{"entries":[{"id":"a"}]}')
    post = Post(Verdict.AWAY, Verdict.TAKEN)
    delivery = Delivery(post, Spool(str(tmp_path)))

    assert (delivery.empty(), post.ids) == (False, [])
    assert (delivery.empty(), post.ids) == (True, ["a"])


def test_a_server_that_goes_away_in_the_middle_of_a_kept_body_gets_the_rest_later(tmp_path: Path) -> None:
    Spool(str(tmp_path)).add(b'{"entries":[{"id":"a"},{"id":"b"},{"id":"c"}]}')
    post, clock = Post(Verdict.REFUSED, Verdict.TAKEN, Verdict.AWAY), Clock()
    delivery = Delivery(post, Spool(str(tmp_path)), now=clock)

    deliver_all(delivery)
    clock.seconds += 1
    deliver_all(delivery)

    assert (post.ids, delivery.dropped) == (["a", "b", "c"], 0)


def test_a_server_that_records_nothing_is_said_once() -> None:
    said = list[str]()
    delivery = Delivery(lambda _body, _seconds: Answer(Verdict.UNWANTED), None, say=said.append)

    delivery.give(told("a", "b"))
    delivery.give(told("c"))

    assert delivery.dropped == 3
    assert said == ["titan_sdk: recorded entries are lost (2 so far): the server is of a version that records nothing"]


def test_what_tells_of_losses_is_none_itself_where_it_is_lost_too() -> None:
    said = list[str]()
    delivery = Delivery(lambda _body, _seconds: Answer(Verdict.UNWANTED), None, say=said.append)

    delivery.give(told("a", "b"))
    for _ in range(3):
        delivery.give(delivery.losses.taken())
    delivery.say_what_is_left()

    assert delivery.dropped == 2
    assert said == ["titan_sdk: recorded entries are lost (2 so far): the server is of a version that records nothing"]


def test_what_tells_of_losses_is_no_entry_of_those_held_in_memory(tmp_path: Path) -> None:
    said = list[str]()
    (home := tmp_path / "home").write_text("a file")
    post = Post()
    post.is_away = True
    delivery = Delivery(post, Spool(str(home / "spool")), say=said.append)
    delivery.drop([told("a")[0].lost, told("b")[0].lost], "no time")

    delivery.give([*told("c"), *delivery.losses.taken()])
    delivery.put_away()

    assert [line.partition("(")[2][:8] for line in said] == ["2 so far", "3 so far"]


def test_without_a_disk_a_bounded_number_is_held_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    post, clock, said = Post(), Clock(), list[str]()
    nowhere = Spool(str(tmp_path / "file" / "spool"))
    delivery = Delivery(post, nowhere, now=clock, say=said.append, held_bytes=2500)
    post.is_away = True
    large = json.dumps("x" * 1000)

    for each in "abc":
        delivery.give(told(each, inputs=large))

    assert (delivery.dropped, len(said)) == (1, 1)
    post.is_away, clock.seconds = False, clock.seconds + 1
    deliver_all(delivery)
    assert post.ids == ["a", "b"]


def test_a_full_folder_keeps_the_oldest(tmp_path: Path) -> None:
    kept = Spool(str(tmp_path), largest_bytes=1000)

    taken = [kept.add(b"x" * 400) for _ in range(3)]

    assert taken == [True, True, False]
    Path(kept.paths()[0]).unlink()
    assert kept.add(b"y" * 400) is True


def test_a_file_that_was_not_written_to_its_end_is_no_body(tmp_path: Path) -> None:
    (tmp_path / "1-1-1.partial").write_bytes(b"{")

    assert Spool(str(tmp_path)).paths() == []


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"TITAN_SPOOL": "/s", "TITAN_JOB_ID": "j"}, "/s"),
        ({"TITAN_JOB_ID": "j", "TITAN_HOME": "/h"}, None),
        ({"TITAN_HOME": "/h"}, "/h/spool/titan.example.org_9090"),
    ],
)
def test_bodies_wait_where_their_server_is_known(environment: dict[str, str], folder: str | None) -> None:
    assert spool_folder(Address("titan.example.org", 9090), environment) == folder


def test_what_goes_to_the_homes_own_server_waits_in_one_place_whatever_its_port() -> None:
    folders = {spool_folder(Address("127.0.0.1", port, is_named=False), {"TITAN_HOME": "/h"}) for port in (5001, 9090)}

    assert folders == {"/h/spool/home"}


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


def test_a_body_that_the_server_fails_over_lets_the_others_through(tmp_path: Path) -> None:
    post, clock, spool = Post(), Clock(), Spool(str(tmp_path))
    spool.add(b'{"entries":[{"id":"worst"},{"id":"a"}]}')
    for each in ("b", "c"):
        spool.add(b'{"entries":[{"id":"%s"}]}' % each.encode())
    delivery = Delivery(post, Spool(str(tmp_path)), now=clock)

    delivery.finish(clock.seconds + 1)

    assert post.ids == ["b", "c"]
    assert [entry["id"] for entry in kept_entries(tmp_path)] == ["worst", "a"]


def test_an_entry_that_the_server_keeps_failing_over_is_kept_aside_and_said(tmp_path: Path) -> None:
    Spool(str(tmp_path)).add(b'{"entries":[{"id":"worst"},{"id":"a"}]}')
    post, clock, said = Post(), Clock(), list[str]()
    delivery = Delivery(post, Spool(str(tmp_path)), now=clock, say=said.append)

    for number in range(MOST_FAULTS):
        delivery.give(told(f"n{number}"))
        delivery.go_on()

    [aside] = tmp_path.iterdir()
    assert (aside.suffix, json.loads(aside.read_bytes())) == (".aside", {"entries": [{"id": "worst"}]})
    assert post.ids == [*(f"n{number}" for number in range(MOST_FAULTS)), "a"]
    assert (delivery.dropped, len(said)) == (0, 1)
    assert str(aside) in said[0]
    assert "HTTP FAULT" in said[0]


def test_a_server_that_fails_over_everything_is_asked_less_often_and_loses_nothing(tmp_path: Path) -> None:
    post, clock, said = Post(*[Verdict.FAULT] * 100), Clock(), list[str]()
    delivery = Delivery(post, Spool(str(tmp_path)), now=clock, say=said.append)

    for number in range(20):
        delivery.give(told(f"n{number}"))
    for _ in range(30):
        clock.seconds += 5
        deliver_all(delivery)

    assert post.tries < 40
    assert len(kept_entries(tmp_path)) == 20
    assert said == []


def test_a_server_that_lets_nobody_in_is_said_once_and_all_waits(tmp_path: Path) -> None:
    said = list[str]()
    delivery = Delivery(
        lambda _body, _seconds: Answer(Verdict.DENIED, "HTTP 401"), Spool(str(tmp_path)), say=said.append
    )

    delivery.give(told("a"))
    delivery.finish(10**12)

    assert said == ["titan_sdk: recorded entries wait, the server lets none in: HTTP 401"]
    assert [entry["id"] for entry in kept_entries(tmp_path)] == ["a"]


def test_a_refusal_says_of_what_and_why() -> None:
    said = list[str]()
    delivery = Delivery(lambda _body, _seconds: Answer(Verdict.REFUSED, "HTTP 400 no kind"), None, say=said.append)

    delivery.give(told("a"))

    assert said == ["titan_sdk: recorded entries are lost (1 so far): the server refuses 'a': HTTP 400 no kind"]


class Choosy:
    """A server that says "later" to every body with a certain entry in it, and takes the others."""

    def __init__(self, never: str) -> None:
        self.never = never
        self.ids: list[str] = []
        self.refused = 0

    def __call__(self, body: bytes, _within_seconds: float) -> Answer:
        ids = [entry["id"] for entry in json.loads(body)["entries"]]
        if self.never in ids:
            self.refused += 1
            return Answer(Verdict.AWAY, "HTTP 507")
        self.ids += ids
        return Answer(Verdict.TAKEN)


def files_of(folder: Path, *ids: str) -> Spool:
    spool = Spool(str(folder))
    for each in ids:
        spool.add(b'{"entries":[{"id":"%s"}]}' % each.encode())
    return spool


def test_a_file_that_the_server_never_takes_lets_the_others_go_and_is_kept(tmp_path: Path) -> None:
    post, clock = Choosy("large"), Clock()
    delivery = Delivery(post, files_of(tmp_path, "large", "a", "b"), now=clock)

    for _ in range(8):
        clock.seconds += delivery.wait_seconds or 0
        delivery.go_on()

    assert post.ids == ["a", "b"]
    assert [entry["id"] for entry in kept_entries(tmp_path)] == ["large"]


def test_a_file_that_alone_is_refused_rests_and_what_comes_new_goes_at_once(tmp_path: Path) -> None:
    post, clock = Choosy("large"), Clock()
    delivery = Delivery(post, files_of(tmp_path, "large", "a"), now=clock)
    while post.refused < 4:
        clock.seconds += delivery.wait_seconds or 0
        delivery.go_on()

    delivery.go_on()  # finds that nothing is left but what rests
    resting_seconds = delivery.wait_seconds
    for each in ("n1", "n2", "n3"):
        clock.seconds += 1
        delivery.give(told(each))
    tries = post.refused
    clock.seconds += REST_SECONDS
    delivery.go_on()

    assert resting_seconds == REST_SECONDS
    assert post.ids == ["a", "n1", "n2", "n3"]
    assert (tries, post.refused) == (4, 5)


def test_files_that_come_while_one_is_refused_have_their_turn(tmp_path: Path) -> None:
    post, clock = Choosy("large"), Clock()
    spool = files_of(tmp_path, "large")
    delivery = Delivery(post, spool, now=clock)
    while post.refused < 4:
        clock.seconds += delivery.wait_seconds or 0
        delivery.go_on()

    files_of(tmp_path, "other process")
    while "other process" not in post.ids and post.refused < 10:
        clock.seconds += delivery.wait_seconds or 0
        delivery.go_on()

    assert post.ids == ["other process"]


def test_a_server_that_was_away_gets_every_file_whatever_their_turns(tmp_path: Path) -> None:
    post, clock = Post(), Clock()
    delivery = Delivery(post, files_of(tmp_path, *"abcd"), now=clock)
    post.is_away = True
    for _ in range(30):
        clock.seconds += 5
        delivery.go_on()
    post.is_away = False

    clock.seconds += 5
    deliver_all(delivery)

    assert sorted(post.ids) == ["a", "b", "c", "d"]
    assert kept_entries(tmp_path) == []


def test_a_server_that_asks_for_a_pause_gets_it_even_from_a_process_that_ends(tmp_path: Path) -> None:
    answers = deque([Answer(Verdict.AWAY, "HTTP 429", 30.0), Answer(Verdict.AWAY, "HTTP 503", 1e9)])
    clock = Clock()
    delivery = Delivery(
        lambda _body, _seconds: answers.popleft() if answers else Answer(Verdict.TAKEN), Spool(str(tmp_path)), now=clock
    )

    delivery.give(told("a"))
    first = delivery.wait_seconds
    delivery.finish(clock.seconds + 2)
    clock.seconds += 30
    delivery.go_on()

    assert first == 30
    assert len(answers) == 0
    assert delivery.wait_seconds == 300  # it may ask for more, and is asked again then
    clock.seconds += 300
    deliver_all(delivery)
    assert kept_entries(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", 0), ("7", 7), (" 7 ", 7), ("-7", 0), ("soon", 0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("٣", 0)],
)
def test_a_pause_is_read_as_seconds_or_a_date(text: str, seconds: float) -> None:
    assert retry_after(text) == seconds


def test_a_pause_until_a_date_ends_with_it() -> None:
    assert retry_after("Fri, 31 Dec 9999 23:59:59 GMT") > 10**9
