"""What is said as a process ends: what waits for the server, where and why, and what was lost in all."""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path

from tests.unit.titan_sdk.test_recording_delivery import Post, deliver_all, told
from titan_sdk.recording.delivery import Answer, Delivery, Verdict
from titan_sdk.recording.spool import Spool


def test_what_waits_as_a_process_ends_is_said_with_its_number_and_why(tmp_path: Path) -> None:
    said: list[str] = []
    folder = tmp_path / "spool"
    answers = deque([Answer(Verdict.AWAY), Answer(Verdict.AWAY, "HTTP 503 busy")])
    delivery = Delivery(
        lambda _body, _seconds: answers.popleft(), Spool(str(folder)), say=said.append, where="127.0.0.1:19999"
    )

    delivery.say_what_is_left()
    delivery.give(told("a", "b"))
    delivery.say_what_is_left()
    delivery.keep(told(*map(str, range(1000))))
    delivery.finish(time.monotonic() + 60)
    delivery.say_what_is_left()
    deliver_all(Delivery(Post(), Spool(str(folder))))
    delivery.say_what_is_left()

    assert said == [
        f"titan_sdk: 2 recorded entries wait in {folder}: no Titan answers at 127.0.0.1:19999 (TITAN_HOST, TITAN_PORT)",
        f"titan_sdk: 1,002 recorded entries wait in {folder}: the server at 127.0.0.1:19999 answered HTTP 503 busy",
    ]


def test_nothing_is_said_of_what_another_process_has_delivered(tmp_path: Path) -> None:
    said: list[str] = []
    delivery = Delivery(lambda _body, _seconds: Answer(Verdict.AWAY), Spool(str(tmp_path)), say=said.append)
    delivery.give(told("a"))

    deliver_all(Delivery(Post(), Spool(str(tmp_path))))
    delivery.say_what_is_left()

    assert said == []


def test_what_there_was_no_time_for_is_said_without_blaming_the_server(tmp_path: Path) -> None:
    said: list[str] = []
    delivery = Delivery(Post(), Spool(str(tmp_path)), say=said.append, where="127.0.0.1:9090")

    delivery.keep(told("a"))
    delivery.say_what_is_left()

    assert said == [
        f"titan_sdk: 1 recorded entry waits in {tmp_path}: there was no time to bring them to 127.0.0.1:9090; the next "
        "program that records takes them along"
    ]


def test_a_home_that_is_a_file_is_named_with_what_is_wrong_and_the_total_is_said_at_the_end(tmp_path: Path) -> None:
    said: list[str] = []
    (home := tmp_path / "home").write_text("a file")
    folder = home / "spool"
    delivery = Delivery(lambda _body, _seconds: Answer(Verdict.AWAY), Spool(str(folder)), say=said.append, held_bytes=0)

    delivery.give(told("a"))
    delivery.give(told("b", "c"))
    delivery.put_away()
    delivery.say_what_is_left()

    why = f"the server is away, and they cannot be kept in {folder}: Not a directory (errno 20)"
    assert said == [
        f"titan_sdk: recorded entries are lost (1 so far): {why}",
        "titan_sdk: recorded entries are lost: 3 in all",
    ]


def test_a_kept_body_stays_whole_where_there_is_no_room_for_its_rest(tmp_path: Path) -> None:
    body = b'{"entries":[{"id":"bad"},{"id":"a"},{"id":"b"}]}'
    Spool(str(tmp_path)).add(body)
    full = Spool(str(tmp_path), largest_bytes=len(body))
    away_later = Post(Verdict.REFUSED, Verdict.TAKEN, Verdict.TAKEN, Verdict.AWAY)

    delivery = Delivery(away_later, full)

    assert not delivery.empty()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [body]
    assert (away_later.ids, delivery.dropped) == (["a"], 0)
    assert delivery.empty()
    assert (set(away_later.ids), delivery.dropped) == ({"a", "b"}, 1)
    assert list(tmp_path.iterdir()) == []
