"""Which connection is closed where a new one needs its place."""

from __future__ import annotations

import logging

import pytest

from titan.server.http.connections import ConnectionTracker, TrackedConnection, most_connections


def added(tracker: ConnectionTracker, closed: list[str], name: str) -> TrackedConnection:
    """Open a connection that writes its name into `closed` when it is closed for another."""
    connection = tracker.add()
    assert connection is not None
    connection.close_with(lambda: closed.append(name))
    return connection


def test_the_oldest_connection_of_an_unknown_caller_is_closed_first() -> None:
    tracker, closed = ConnectionTracker(3), list[str]()
    added(tracker, closed, "known").authorize("token")
    for name in ("first", "second", "third", "fourth"):
        added(tracker, closed, name)

    assert closed == ["first", "second"]
    assert len(tracker) == 3


def test_a_request_of_an_unknown_caller_does_not_keep_its_connection_open() -> None:
    tracker, closed = ConnectionTracker(1), list[str]()
    added(tracker, closed, "slow").request_started()

    added(tracker, closed, "new")

    assert closed == ["slow"]


def test_of_known_callers_the_connection_is_closed_that_is_idle_longest() -> None:
    tracker, closed = ConnectionTracker(3), list[str]()
    for name in ("a", "b", "c"):
        connection = added(tracker, closed, name)
        connection.authorize("token")
        connection.request_ended()
        if name == "a":
            first = connection
    first.request_started()
    first.request_ended()

    added(tracker, closed, "new")

    assert closed == ["b"]


def test_a_request_of_a_known_caller_is_not_broken_off_for_a_new_connection() -> None:
    tracker, closed = ConnectionTracker(4), list[str]()
    for holder in ("a", "b", "c", "d"):
        working = added(tracker, closed, holder)
        working.authorize(holder)
        working.request_started()

    assert tracker.add() is None
    assert closed == []


def test_requests_of_callers_without_a_token_are_not_broken_off_for_one_another() -> None:
    tracker, closed = ConnectionTracker(1), list[str]()
    working = added(tracker, closed, "working")
    working.authorize("")
    working.request_started()

    assert tracker.add() is None
    assert closed == []


def test_the_holder_of_one_token_who_has_most_connections_makes_room_for_others() -> None:
    tracker, closed = ConnectionTracker(6), list[str]()
    for number, holder in enumerate(["other", "greedy", "greedy", "greedy", "greedy", "other"]):
        connection = added(tracker, closed, f"{holder} {number}")
        connection.authorize(holder)
        connection.request_started()

    for name in ("new", "newer"):
        added(tracker, closed, name).authorize(name)

    assert closed == ["greedy 1", "greedy 2"]


def test_a_closed_connection_leaves_its_place() -> None:
    tracker, closed = ConnectionTracker(1), list[str]()
    connection = added(tracker, closed, "gone")
    connection.closed()
    connection.closed()

    added(tracker, closed, "new")

    assert closed == []


def test_the_limit_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    tracker = ConnectionTracker(1)

    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            tracker.add()

    (record,) = caplog.records
    assert "connections are at their limit of 1" in record.getMessage()
    assert "ulimit -n" in record.getMessage()


@pytest.mark.parametrize(("descriptors", "connections"), [(64, 16), (256, 64), (400, 136), (20_000, 9_936)])
def test_half_of_the_descriptors_that_the_server_does_not_need_itself_are_for_connections(
    descriptors: int, connections: int
) -> None:
    assert most_connections(descriptors) == connections
