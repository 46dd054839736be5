"""Messages between a worker and its reapers."""

import socket
from collections.abc import Iterator

import pytest

from titan.worker.executors.messages import END, FORK, NOTE_BYTES, Channel, note, read_note


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    one, other = map(Channel, socket.socketpair())
    yield one, other
    one.close()
    other.close()


def test_messages_arrive_whole_and_in_order(ends: tuple[Channel, Channel]) -> None:
    here, there = ends
    here.send({"kind": "run", "args": ["ž", "\n", ""], "limit": None})
    here.send({"kind": "stop"})

    assert there.take() is None
    assert there.fill()
    assert there.take() == {"kind": "run", "args": ["ž", "\n", ""], "limit": None}
    assert there.take() == {"kind": "stop"}
    assert there.take() is None


def test_a_message_longer_than_one_read_is_put_together(ends: tuple[Channel, Channel]) -> None:
    here, there = ends
    here.send({"args": ["x" * 150_000]})

    reads = 0
    while (message := there.take()) is None:
        assert there.fill()
        reads += 1

    assert message == {"args": ["x" * 150_000]}
    assert reads > 1


def test_the_end_of_the_other_side_is_seen_after_its_last_message(ends: tuple[Channel, Channel]) -> None:
    here, there = ends
    here.send({"kind": "last"})
    here.close()

    assert there.fill()
    assert there.take() == {"kind": "last"}
    assert not there.fill()


@pytest.mark.parametrize(("word", "number"), [(FORK, 1), (END, 4_000_000_000)])
def test_messages_have_one_size_and_are_read_back(word: bytes, number: int) -> None:
    text = note(word, number)

    assert len(text) == NOTE_BYTES
    assert read_note(text) == (word, number)
